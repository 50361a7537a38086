"""Run folders: ``runs/<name>/<digest>``, one for each configuration, so a run finds itself again.

A folder holds ``config.yaml``, ``checkpoints/``, ``logs/`` and, once it is over, ``result.json``.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import LightningDataModule, LightningModule

from talkreel.core.errors import InputError, SchemaError
from talkreel.core.jsonio import load_json, read_document, write_text
from talkreel.data.manifest import CHECKOUT
from training.callbacks import BEST, CHECKPOINTS

SCHEMA = "run/1"
CONFIG_FILE, RESULT_FILE, ID_FILE = "config.yaml", "result.json", "mlflow-run"
# What does not change the result of a training.
_ASIDE = ("runs", "tracking_uri", "logger", "fresh", "gate", "bundle", "tune")
_DISPLAY = ("enable_progress_bar", "enable_model_summary", "log_every_n_steps")


@dataclass(frozen=True, slots=True)
class Result:
    """How a training ended.

    Attributes:
        name: of the experiment.
        monitor: metric by which the best checkpoint was chosen.
        score: of it; None if it never was a number.
        epochs: trained.
        seconds: of the last go, validation included.
        run_id: of MLflow, or empty.
        commit: of the code.
    """

    name: str
    monitor: str
    score: float | None
    epochs: int
    seconds: float
    run_id: str
    commit: str


def folder_of(config: DictConfig, parts: Sequence[object]) -> Path:
    """Where the run of ``config`` lives; another configuration or other code gives another one.

    Args:
        config: whole.
        parts: the module, its net and the data, whose source files count too.
    """
    kept = OmegaConf.masked_copy(config, [key for key in config if key not in _ASIDE])
    values = OmegaConf.to_container(kept, resolve=True)
    for key in _DISPLAY:
        values["trainer"].pop(key, None)
    text = json.dumps(values, sort_keys=True)
    sources = sorted({inspect.getfile(type(part)) for part in parts})
    digest = hashlib.sha256(text.encode())
    for source in sources:
        digest.update(Path(source).read_bytes())
    return Path(config.runs).resolve() / str(config.bundle.name) / digest.hexdigest()[:10]


def save_config(config: DictConfig, folder: Path) -> None:
    """Write the resolved configuration beside the checkpoints."""
    write_text(folder / CONFIG_FILE, OmegaConf.to_yaml(config, resolve=True))


def load_result(folder: Path) -> Result | None:
    """The result of a run, None while it is not over."""
    path = folder / RESULT_FILE
    return read_document(Result, load_json(path), SCHEMA) if path.is_file() else None


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A run read back: its module carries the weights of the best checkpoint."""

    folder: Path
    config: DictConfig
    data: LightningDataModule
    module: LightningModule


def load_run(folder: Path) -> Trained:
    """The run in ``folder`` with the weights of its best checkpoint.

    Raises:
        InputError: no run there, or its checkpoint does not fit the code.
    """
    if not (folder / CONFIG_FILE).is_file():
        raise InputError(f"no run in {folder}: there is no {CONFIG_FILE} in it")
    config = OmegaConf.load(folder / CONFIG_FILE)
    assert isinstance(config, DictConfig)
    data, module = instantiate(config.data), instantiate(config.module)
    load_weights(module, folder / CHECKPOINTS / BEST)
    return Trained(folder, config, data, module)


def load_weights(module: LightningModule, checkpoint: Path) -> None:
    """Put the weights of a checkpoint into ``module``; nothing in it is executed.

    Raises:
        InputError: missing, unreadable, or of another network.
    """
    if not checkpoint.is_file():
        raise InputError(f"no checkpoint {checkpoint}: run training.fit first")
    try:
        state = torch.load(checkpoint, map_location="cpu", weights_only=True)["state_dict"]
        module.load_state_dict(state, strict=True)
    except (RuntimeError, KeyError, EOFError, ValueError) as error:
        raise SchemaError(
            f"{checkpoint} does not fit the code: {str(error).splitlines()[0]}; train it again"
        ) from error
    module.eval()


def commit() -> str:
    """Of the checkout, with ``+`` when files differ from it; empty outside of one."""
    call = ["git", "-C", str(CHECKOUT), "describe", "--always", "--abbrev=12", "--dirty=+"]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    return done.stdout.strip()
