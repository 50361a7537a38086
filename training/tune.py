"""Searches settings: ``python -m training.tune experiment=NAME tune.trials=30 [overrides]``.

The search space is ``configs/tune/NAME.yaml``. Each trial is a run of ``training.fit``, tracked as
a child of one MLflow run; bad ones are cut off by the median rule. The study lives in
``runs/tune/NAME.db``: the same command goes on with it, a killed trial from its last checkpoint.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

import hydra
import optuna
import pytorch_lightning as pl
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from optuna.trial import TrialState
from pytorch_lightning.callbacks import Callback

from talkreel.core.errors import InputError, TalkreelError
from talkreel.core.jsonio import write_text
from training import registry
from training.arguments import say
from training.callbacks import TrainingDiverged
from training.composing import CONFIGS
from training.fit import fit

log = logging.getLogger(__name__)

_OVER = (TrialState.COMPLETE, TrialState.PRUNED)


class Prune(Callback):
    """Tells the study the monitor after each epoch and ends a trial that lags behind."""

    def __init__(self, trial: optuna.Trial, monitor: str) -> None:
        self._trial, self._monitor = trial, monitor

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Report."""
        value = trainer.callback_metrics.get(self._monitor)
        if value is None or trainer.sanity_checking:
            return
        self._trial.report(float(value), trainer.current_epoch)
        if self._trial.should_prune():
            raise optuna.TrialPruned(f"epoch {trainer.current_epoch}: {float(value):.4f}")


def tune(config: DictConfig, name: str) -> optuna.Study:
    """Run trials until ``config.tune.trials`` are over.

    Args:
        config: composed from ``configs/tune.yaml``.
        name: of the experiment.

    Raises:
        InputError: no search space, or a kind of it that is unknown.
    """
    space = OmegaConf.select(config, "tune.space")
    if not space:
        raise InputError(f"no search space: write configs/tune/{name}.yaml with tune.space")
    study = _study(config, name)
    _take_up(study)
    parent = _parent(study, config, name)
    while (left := config.tune.trials - _over(study)) > 0:
        log.info("%s: %d trials to go", name, left)
        study.optimize(lambda trial: _trial(trial, config, parent), n_trials=1)
    return study


def _trial(trial: optuna.Trial, config: DictConfig, parent: str) -> float:
    chosen = config.copy()
    for key, options in config.tune.space.items():
        OmegaConf.update(chosen, str(key), suggested(trial, str(key), options))
    tags = {"trial": str(trial.number), **({"mlflow.parentRunId": parent} if parent else {})}
    try:
        done = fit(chosen, callbacks=[Prune(trial, _goal(config)[0])], tags=tags)
    except TrainingDiverged as error:
        trial.set_user_attr("diverged", str(error))
        raise optuna.TrialPruned(str(error)) from error
    trial.set_user_attr("folder", str(done.folder))
    if done.result.score is None:
        raise optuna.TrialPruned("the monitor was never a number")
    return done.result.score


def _goal(config: DictConfig) -> tuple[str, str]:
    module = hydra.utils.instantiate(config.module)
    return str(module.monitor), str(module.mode)


def suggested(trial: optuna.Trial, name: str, options: DictConfig) -> Any:
    """A value for one setting.

    Raises:
        InputError: another kind than float, int or choice.
    """
    match options.kind:
        case "float":
            log_scale = bool(options.get("log", False))
            return trial.suggest_float(name, options.low, options.high, log=log_scale)
        case "int":
            return trial.suggest_int(name, options.low, options.high)
        case "choice":
            return trial.suggest_categorical(name, list(options.choices))
    raise InputError(f"{name}: unknown kind {options.kind!r}; use float, int or choice")


def _study(config: DictConfig, name: str) -> optuna.Study:
    folder = Path(config.runs).resolve() / "tune"
    folder.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        study_name=name,
        storage=f"sqlite:///{folder / name}.db",
        load_if_exists=True,
        direction="maximize" if _goal(config)[1] == "max" else "minimize",
        pruner=optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=config.tune.warm_up),
    )
    # A study taken up again would else draw its first trials once more.
    study.sampler = optuna.samplers.TPESampler(seed=config.seed + len(study.trials))
    return study


def _take_up(study: optuna.Study) -> None:
    """Queue again what a killed or failed search was at; the run itself goes on by checkpoint."""
    queued = list(study.user_attrs.get("queued_again", []))
    for trial in study.get_trials(deepcopy=False):
        if trial.state == TrialState.RUNNING:
            study.tell(trial.number, state=TrialState.FAIL)
        elif trial.state != TrialState.FAIL:
            continue
        if trial.params and trial.number not in queued:
            study.enqueue_trial(trial.params)
            queued.append(trial.number)
    study.set_user_attr("queued_again", queued)


def _over(study: optuna.Study) -> int:
    return sum(trial.state in _OVER for trial in study.get_trials(deepcopy=False))


def _parent(study: optuna.Study, config: DictConfig, name: str) -> str:
    """Id of the MLflow run over all trials, or nothing."""
    if "mlflow" not in (config.get("logger") or {}):
        return ""
    if known := study.user_attrs.get("mlflow_run"):
        return str(known)

    def make() -> str:
        client = registry.client(config.tracking_uri)
        number = registry.experiment(config.tracking_uri)
        return str(client.create_run(number, run_name=f"tune-{name}").info.run_id)

    made = registry.reached(config.tracking_uri, make) or ""
    study.set_user_attr("mlflow_run", made)
    return made


def report(study: optuna.Study, folder: Path) -> str:
    """Best settings as overrides, also written to ``<name>-best.txt``.

    Raises:
        InputError: no trial came through.
    """
    done = [t for t in study.get_trials(deepcopy=False) if t.state == TrialState.COMPLETE]
    if not done:
        raise InputError("no trial came through; widen the search space or lower module.lr")
    overrides = " ".join(f"{key}={value}" for key, value in study.best_params.items())
    write_text(folder / "tune" / f"{study.study_name}-best.txt", overrides + "\n")
    return f"{len(done)} trials through, best {study.best_value:.4f}: {overrides}"


@hydra.main(version_base=None, config_path=str(CONFIGS), config_name="tune")
def main(config: DictConfig) -> None:
    """Search; one line on an error that a person can act on."""
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    try:
        study = tune(config, HydraConfig.get().runtime.choices["experiment"])
        say(report(study, Path(config.runs)))
    except TalkreelError as error:
        log.error("%s", error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        log.error("interrupted; the same command goes on with the study")
        sys.exit(130)


if __name__ == "__main__":
    main()
