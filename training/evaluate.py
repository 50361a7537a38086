"""Measures a trained run or a bundle, baselines beside it, every figure with its interval.

    python -m training.evaluate run=FOLDER|experiment=NAME [bundle=FOLDER] [split=test]

``run`` is a run folder; ``experiment`` alone means its run without overrides. With ``bundle`` its
network takes the place of the one of the run. The figures also go to ``metrics-SPLIT.json`` in the
run folder and to MLflow.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hydra.utils import instantiate
from omegaconf import DictConfig

from talkreel.core.errors import InputError
from talkreel.core.jsonio import write_document
from talkreel.models.bundle import DataSource, Metric, load
from training import registry
from training.arguments import parse, run, say
from training.composing import compose
from training.runs import Trained, folder_of, load_result, load_run

SCHEMA = "evaluation/1"


@dataclass
class Options:
    """Arguments of the command."""

    experiment: str | None = None
    run: str | None = None
    bundle: str | None = None
    split: str | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures of one split, and the data they were measured on."""

    name: str
    split: str
    metrics: tuple[Metric, ...]
    data: tuple[DataSource, ...]
    seconds: float


def evaluate(trained: Trained, split: str) -> Evaluation:
    """Measure the module of ``trained`` on ``split``; its data are read here.

    Raises:
        DataError: data are missing or changed.
    """
    began = time.monotonic()
    trained.data.prepare_data()
    trained.data.setup(None)
    trained.module.eval()
    metrics = trained.module.evaluate(trained.data, split)
    return Evaluation(
        name=trained.config.bundle.name,
        split=split,
        metrics=tuple(metrics),
        data=tuple(trained.data.sources),
        seconds=round(time.monotonic() - began, 2),
    )


def write(evaluation: Evaluation, trained: Trained) -> Path:
    """Put the figures into the run folder."""
    path = trained.folder / f"metrics-{evaluation.split}.json"
    write_document(path, evaluation, SCHEMA)
    return path


def table(metrics: Sequence[Metric]) -> str:
    """The figures as Markdown."""
    lines = ["| metric | value | 95 % interval | n | measured on |", "|---|---|---|---|---|"]
    for metric in metrics:
        interval = f"{metric.low:.3f} to {metric.high:.3f}"
        lines.append(
            f"| {metric.name} | {metric.value:.3f} | {interval} | {metric.count} "
            f"| {metric.protocol} |"
        )
    return "\n".join(lines)


def opened(run_folder: str | None, experiment: str | None) -> Trained:
    """The run in ``run_folder``, or that of ``experiment`` as it is configured, no overrides.

    Raises:
        InputError: neither or no such run.
    """
    if run_folder:
        path = Path(run_folder)
        return load_run(path if path.is_dir() else path.parent.parent)
    if experiment is None:
        raise InputError("name a run folder (run=FOLDER) or an experiment (experiment=NAME)")
    config = compose("fit", [f"experiment={experiment}"])
    module = instantiate(config.module)
    folder = folder_of(config, (instantiate(config.data), module, module.net))
    if load_result(folder) is None:
        raise InputError(
            f"{experiment} has no finished run of its present code and configuration: run "
            f"python -m training.fit experiment={experiment}, or name another run by run=FOLDER"
        )
    return load_run(folder)


def tracked(config: DictConfig, folder: Path, values: Mapping[str, float]) -> None:
    """Add ``values`` to the MLflow run of ``folder``, if there is one."""
    known = folder / "mlflow-run"
    if known.is_file():
        registry.log_metrics(config.tracking_uri, known.read_text(encoding="utf-8"), values)


def main(arguments: Sequence[str]) -> None:
    """Measure, print, write, log."""
    options = parse(Options, arguments)
    trained = opened(options.run, options.experiment)
    if options.bundle:
        trained.module.net = load(Path(options.bundle)).net
    split = options.split or trained.config.bundle.split
    found = evaluate(trained, split)
    say(table(found.metrics))
    if not options.bundle:
        say(f"written to {write(found, trained)}")
        values = {f"{split}/{metric.name}": metric.value for metric in found.metrics}
        tracked(trained.config, trained.folder, values)


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
