"""Trains one experiment: ``python -m training.fit experiment=NAME [overrides]``.

The same command resumes a run that was killed, and does nothing when the run is over.
"""

from __future__ import annotations

import errno
import logging
import math
import shutil
import sys
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hydra
import pytorch_lightning as pl
import torch
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.callbacks import Callback, ModelCheckpoint

from talkreel.core.errors import OutputError, TalkreelError
from talkreel.core.jsonio import write_document, write_text
from training import loggers, runs
from training.callbacks import CHECKPOINTS, LAST, standard
from training.composing import CONFIGS

log = logging.getLogger(__name__)


_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True, slots=True)
class Fitted:
    """A training that is over."""

    folder: Path
    result: runs.Result


def fit(
    config: DictConfig,
    *,
    callbacks: Sequence[Callback] = (),
    tags: Mapping[str, str] | None = None,
) -> Fitted:
    """Train what ``config`` (``configs/fit.yaml``) describes, or go on with it.

    Args:
        config: composed by Hydra.
        callbacks: beside the standard ones.
        tags: of the tracked run.

    Raises:
        TrainingDiverged: the loss is not a number.
        OutputError: the disk is full.
        DataError: data are missing or changed.
    """
    torch.set_num_threads(config.threads)
    pl.seed_everything(config.seed, workers=True, verbose=False)
    data, module = instantiate(config.data), instantiate(config.module)
    folder = runs.folder_of(config, (data, module, module.net))
    done = runs.load_result(folder)
    if done and not config.fresh:
        log.info("%s is over already; fresh=true trains it again", folder)
        return Fitted(folder, done)
    if config.fresh and folder.exists():
        shutil.rmtree(folder)
    try:
        runs.save_config(config, folder)
        return Fitted(folder, _train(config, data, module, folder, callbacks, tags or {}))
    except OSError as error:
        if error.errno not in _NO_SPACE:
            raise
        raise OutputError(
            f"no space left to write {error.filename or folder}: free some and run the same "
            "command again, it goes on after the last whole epoch"
        ) from error


def _train(
    config: DictConfig,
    data: pl.LightningDataModule,
    module: pl.LightningModule,
    folder: Path,
    callbacks: Sequence[Callback],
    tags: Mapping[str, str],
) -> runs.Result:
    tracked = _loggers(config, folder, tags)
    every = standard(
        folder,
        monitor=module.monitor,
        mode=module.mode,
        patience=config.patience,
        seed=config.seed,
    )
    trainer: pl.Trainer = instantiate(
        config.trainer, logger=tracked, callbacks=[*every, *callbacks]
    )
    if config.compile:
        module.net.compile()  # in place: the names of the weights stay as they are
    last = folder / CHECKPOINTS / LAST
    if last.is_file():
        log.info("going on from %s", last)
    began = time.monotonic()
    resume = {"ckpt_path": last, "weights_only": True} if last.is_file() else {}
    with warnings.catch_warnings():
        _quiet()
        trainer.fit(module, datamodule=data, **resume)
    if trainer.interrupted:
        raise KeyboardInterrupt
    result = runs.Result(
        name=config.bundle.name,
        monitor=module.monitor,
        score=_score(trainer, module.monitor),
        epochs=trainer.current_epoch,
        seconds=round(time.monotonic() - began, 1),
        run_id=loggers.run_id_of(tracked),
        commit=runs.commit(),
    )
    if trainer.is_global_zero:
        write_document(folder / runs.RESULT_FILE, result, runs.SCHEMA)
    return result


def _loggers(config: DictConfig, folder: Path, tags: Mapping[str, str]) -> list[Any]:
    known = folder / runs.ID_FILE
    tracked = loggers.build(
        config.get("logger") or OmegaConf.create(),
        folder=folder,
        name=f"{config.bundle.name}-{folder.name}",
        run_id=known.read_text(encoding="utf-8") if known.is_file() else None,
        tags={"folder": str(folder), "commit": runs.commit(), **tags},
    )
    if found := loggers.run_id_of(tracked):
        write_text(known, found)
    for logger in tracked:
        logger.log_hyperparams(OmegaConf.to_container(config, resolve=True))
    return tracked


def _score(trainer: pl.Trainer, monitor: str) -> float | None:
    for callback in trainer.callbacks:
        best = getattr(callback, "best_model_score", None)
        if isinstance(callback, ModelCheckpoint) and callback.monitor == monitor:
            return round(float(best), 6) if best is not None and math.isfinite(best) else None
    raise AssertionError("every training has a checkpoint of its monitor")


def _quiet() -> None:
    # Data are in memory and the loaders have no workers on purpose; hyperparameters are logged
    # by us; and a run that resumes is meant to find its folder.
    for text in (".*many workers.*", ".*LeafSpec.*", ".*Checkpoint directory.*", ".*log_every_n.*"):
        warnings.filterwarnings("ignore", message=text)


@hydra.main(version_base=None, config_path=str(CONFIGS), config_name="fit")
def main(config: DictConfig) -> None:
    """Train; one line on an error that a person can act on."""
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    try:
        done = fit(config)
    except TalkreelError as error:
        log.error("%s", error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        log.error("interrupted; the same command goes on after the last whole epoch")
        sys.exit(130)
    end = done.result
    log.info("%s %s after %d epochs: %s", end.monitor, end.score, end.epochs, done.folder)


if __name__ == "__main__":
    main()
