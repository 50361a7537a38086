"""Tracking that never stops a training: what fails is warned about once and left out.

The metrics are always written to the run folder too, so nothing is lost.
"""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig
from pytorch_lightning.loggers import CSVLogger, Logger, MLFlowLogger, WandbLogger

log = logging.getLogger(__name__)

EXPERIMENT = "talkreel"


class Guarded(Logger):
    """Passes everything on to another logger until that fails, then falls silent."""

    def __init__(self, inner: Logger, label: str) -> None:
        super().__init__()
        self.inner = inner
        self.broken = False
        self._label = label

    @property
    def name(self) -> str | None:
        """Of the logger inside; only after it proved reachable."""
        return None if self.broken else self.inner.name

    @property
    def version(self) -> str | int | None:
        """Id of the run."""
        return None if self.broken else self.inner.version

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Pass numbers on."""
        self._try(lambda: self.inner.log_metrics(metrics, step))

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Pass the configuration on."""
        self._try(lambda: self.inner.log_hyperparams(params))

    def save(self) -> None:
        """Flush."""
        self._try(self.inner.save)

    def finalize(self, status: str) -> None:
        """Close the run."""
        self._try(lambda: self.inner.finalize(status))
        if isinstance(self.inner, WandbLogger):  # else the next run of this process joins it
            self._try(self.inner.experiment.finish)

    def _try(self, step: Callable[[], object]) -> None:
        if self.broken:
            return
        # Whatever a tracking client raises (network, database, its own) must not end a training.
        try:
            step()
        except Exception as error:
            self.broken = True
            warn(self._label, error)


def warn(label: str, error: Exception) -> None:
    """Say once that a tracking service is left out."""
    reason = str(error).strip().splitlines() or [type(error).__name__]
    log.warning("%s cannot be reached, going on without it: %s", label, reason[0][:200])


def be_quick() -> None:
    """Let MLflow's client give up after seconds; by default it retries for minutes."""
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")


def mlflow_logger(
    *,
    uri: str,
    artifacts: str,
    folder: Path,
    name: str,
    run_id: str | None,
    tags: Mapping[str, str],
) -> Guarded | None:
    """A run of the tracking server at ``uri``, or None with a warning if it does not answer."""
    be_quick()
    place = Path(artifacts).resolve().as_uri() if uri.startswith("sqlite:") else None

    def reach() -> Logger:
        logger = MLFlowLogger(
            EXPERIMENT,
            run_name=name,
            tracking_uri=uri,
            tags=dict(tags),
            artifact_location=place,
            run_id=run_id,
        )
        _ = logger.run_id  # makes the run
        return logger

    with _alone_with(uri):
        return _reached(f"MLflow at {uri}", reach)


@contextmanager
def _alone_with(uri: str) -> Iterator[None]:
    """One process at a time: of two that make the tables of a new SQLite file, one fails."""
    if not uri.startswith("sqlite:///"):
        yield
        return
    database = Path(uri.removeprefix("sqlite:///"))
    database.parent.mkdir(parents=True, exist_ok=True)
    with database.with_name(f"{database.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # let go when the file closes
        yield


def wandb_logger(
    *,
    project: str,
    mode: str,
    folder: Path,
    name: str,
    run_id: str | None,
    tags: Mapping[str, str],
) -> Guarded | None:
    """A run of Weights & Biases; offline runs are kept in the run folder (``wandb sync``)."""
    os.environ.setdefault("WANDB_SILENT", "true")
    import wandb

    def reach() -> Logger:
        logger = WandbLogger(
            name=name,
            save_dir=folder,
            project=project,
            offline=mode != "online",
            mode=mode,  # to wandb.init, which else asks the environment
            config=dict(tags),
            settings=wandb.Settings(console="off", init_timeout=20),
        )
        _ = logger.experiment  # opens the run
        return logger

    reached = _reached("Weights & Biases", reach)
    if reached is None and mode == "online":  # kept here, to be sent later
        return wandb_logger(
            project=project, mode="offline", folder=folder, name=name, run_id=run_id, tags=tags
        )
    return reached


def _reached(label: str, reach: Callable[[], Logger]) -> Guarded | None:
    try:
        return Guarded(reach(), label)
    except Exception as error:  # as in Guarded
        warn(label, error)
        return None


def build(
    config: DictConfig, *, folder: Path, name: str, run_id: str | None, tags: Mapping[str, str]
) -> list[Logger]:
    """The loggers of ``config``, and one that writes ``logs/version_N/metrics.csv``.

    Args:
        config: the group ``logger``.
        folder: of the run.
        name: shown for the run.
        run_id: of MLflow, to go on with that run.
        tags: of the run.
    """
    loggers: list[Logger] = [CSVLogger(folder, name="logs")]
    for node in config.values():
        made = instantiate(node, folder=folder, name=name, run_id=run_id, tags=dict(tags))
        if made is not None:
            loggers.append(made)
    return loggers


def run_id_of(loggers: list[Logger]) -> str:
    """Id of the MLflow run, or nothing."""
    for logger in loggers:
        if isinstance(logger, Guarded) and isinstance(logger.inner, MLFlowLogger):
            return str(logger.inner.run_id)
    return ""
