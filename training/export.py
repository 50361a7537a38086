"""Writes the bundle of a run: weights, figures, data, licences and a model card.

    python -m training.export run=FOLDER|experiment=NAME [out=FOLDER] [register=false]

The bundle lands in ``out/<bundle.name>`` and becomes the challenger in MLflow. Into the folder of
shipped bundles (the default) go only networks whose data all allow it.
"""

from __future__ import annotations

import math
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from omegaconf import DictConfig

from talkreel.core.errors import InputError
from talkreel.core.jsonio import load_json, read_document
from talkreel.data.manifest import CHECKOUT
from talkreel.models.bundle import BundleSpec, load, read_spec, save
from talkreel.models.outputs import answers
from training import registry
from training.arguments import parse, run, say
from training.evaluate import SCHEMA, Evaluation, evaluate, opened, table, write
from training.probing import largest_difference, probe
from training.runs import Trained, load_result

SHIPPED = CHECKOUT / "src" / "talkreel" / "models" / "bundled"


@dataclass
class Options:
    """Arguments of the command."""

    experiment: str | None = None
    run: str | None = None
    out: str = str(SHIPPED)
    register: bool = True


def export(trained: Trained, out: Path) -> Path:
    """Write the bundle of ``trained`` to ``out/<name>``.

    The figures are those of ``metrics-<bundle.split>.json``, measured now if that is missing.

    Raises:
        InputError: ``out`` is the folder of shipped bundles and the licence of a set forbids it.
    """
    config = trained.config
    spec = _spec(trained, _measured(trained, config.bundle.split))
    if out.resolve() == SHIPPED and not spec.shippable:
        kept = ", ".join(f"{s.name} ({s.licence})" for s in spec.data if not s.shippable)
        raise InputError(f"{spec.name} cannot be shipped, it learned from {kept}: give out=FOLDER")
    folder, text = out / spec.name, card(spec, config)
    with tempfile.TemporaryDirectory() as scratch:
        trial = Path(scratch) / spec.name
        save(trial, trained.module.net, spec, text)
        parity = parity_of(trained, trial)
    save(folder, trained.module.net, replace(spec, parity=parity), text)
    return folder


def parity_of(trained: Trained, folder: Path) -> float:
    """Largest difference between the training path and the bundle, rounded up to 1e-6.

    Both answer the first batch of the validation split.

    Raises:
        InputError: the bundle answers with other names or shapes, or with what is no number.
    """
    seen = probe(trained)
    gap = largest_difference(seen.outputs, answers(load(folder).net, seen.inputs))
    if not math.isfinite(gap):
        raise InputError(
            f"the bundle of {trained.folder} does not answer as its checkpoint does: what its "
            "network computes with must be in its arguments, weights and buffers"
        )
    return math.ceil(gap * 1e6) / 1e6


def card(spec: BundleSpec, config: DictConfig) -> str:
    """The model card, Markdown."""
    data = "\n".join(
        f"| {s.name} | {s.licence} | {'yes' if s.shippable else 'no'} | `{s.sha256[:16]}` |"
        for s in spec.data
    )
    notes = str(config.bundle.get("notes") or "").strip()
    return f"""# {spec.name} {spec.version}

{spec.permitted_use}

- Network: `{spec.architecture}`, {", ".join(f"{k}={v}" for k, v in spec.arguments.items())}
- Fed with: `{spec.features}`
- Answers: {", ".join(spec.labels)}
- Trained by: `python -m training.fit experiment={spec.name.replace("-", "_")}`, seed \
{config.seed}, commit {spec.commit or "unknown"}

## Trained on

| data set | licence | allows shipping | manifest |
|---|---|---|---|
{data}

Each set is described in `datasets/<name>/README.md`.

## Figures

{table(spec.metrics)}

Names with a slash are baselines or parts of the same evaluation.
{chr(10) + "## Limits" + chr(10) * 2 + notes + chr(10) if notes else ""}"""


def challenge(trained: Trained, folder: Path) -> str | None:
    """Log the bundle in ``folder`` to MLflow as the challenger; its version, None if unreachable.

    Raises:
        InputError: the module never calls its network in validation.
    """
    seen = probe(trained)
    return registry.register(
        trained.config.tracking_uri,
        folder,
        trained.config.bundle.name,
        run_id=_run_id(trained),
        example=seen.example(),
        outputs=seen.outputs,
        tags={"run_folder": str(trained.folder)},
    )


def _spec(trained: Trained, found: Evaluation) -> BundleSpec:
    net, config = trained.module.net, trained.config
    result = load_result(trained.folder)
    return BundleSpec(
        name=config.bundle.name,
        version=int(config.bundle.version),
        architecture=str(net.architecture),
        arguments=dict(net.arguments),
        features=str(trained.data.features),
        labels=tuple(trained.data.labels),
        metrics=found.metrics,
        data=found.data,
        permitted_use=str(config.bundle.permitted_use),
        commit=result.commit if result else "",
        run_id=_run_id(trained),
    )


def _measured(trained: Trained, split: str) -> Evaluation:
    path = trained.folder / f"metrics-{split}.json"
    if not path.is_file():
        write(evaluate(trained, split), trained)
    return read_document(Evaluation, load_json(path), SCHEMA)


def _run_id(trained: Trained) -> str:
    result = load_result(trained.folder)
    return result.run_id if result else ""


def main(arguments: Sequence[str]) -> None:
    """Export and register."""
    options = parse(Options, arguments)
    trained = opened(options.run, options.experiment)
    folder = export(trained, Path(options.out))
    size = sum(path.stat().st_size for path in folder.iterdir())
    spec = read_spec(folder)
    say(table(spec.metrics))
    say(f"{folder}: {size / 1e6:.2f} MB, parity with its checkpoint {spec.parity:.0e}")
    if options.register and (version := challenge(trained, folder)):
        say(f"version {version} of {trained.config.bundle.name} is the challenger")


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
