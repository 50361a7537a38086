"""Makes the challenger the champion if it passes the gate, and records why or why not.

    python -m training.promote experiment=NAME

The thresholds are the group ``gate`` of the configuration. While the registry has no champion, the
shipped bundle of that name is the one to beat.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from omegaconf import MISSING, DictConfig

from talkreel.core.errors import InputError, TalkreelError
from talkreel.core.jsonio import write_document
from talkreel.models.bundle import SPEC_FILE, Bundle, load
from talkreel.models.shipped import SHIPPED_FOLDER
from training import registry
from training.arguments import parse, run, say
from training.composing import compose
from training.gate import Check, checks
from training.runs import load_run

SCHEMA = "promotion/1"


@dataclass
class Options:
    """Arguments of the command."""

    experiment: str = MISSING


@dataclass(frozen=True, slots=True)
class Promotion:
    """What the gate decided.

    Attributes:
        name: of the model.
        version: of the challenger.
        champion: version it was compared with, ``shipped N``, or empty.
        passed: whether the challenger is the champion now.
        checks: every condition.
        when: UTC.
    """

    name: str
    version: str
    champion: str
    passed: bool
    checks: tuple[Check, ...]
    when: str


class Refused(TalkreelError):
    """The challenger did not pass the gate."""


def promote(config: DictConfig) -> Promotion:
    """Judge the challenger of ``config.bundle.name``; the alias moves if it passes.

    Raises:
        InputError: no gate or no challenger.
        SchemaError: a bundle was changed.
    """
    name, uri = config.bundle.name, config.tracking_uri
    if config.gate.metric is None:
        raise InputError(f"{name} has no gate: write configs/gate/NAME.yaml with a metric")
    challenger = registry.version_of(uri, name, registry.CHALLENGER)
    if challenger is None:
        raise InputError(f"{name} has no challenger in {uri}: run training.export first")
    if "run_folder" not in challenger.tags:
        raise InputError(f"version {challenger.version} of {name} names no run: export it again")
    label, champion = _champion(uri, name)
    listed = checks(
        load_run(Path(challenger.tags["run_folder"])),
        load(registry.bundle_of(uri, name, registry.CHALLENGER)),
        champion,
        config.gate,
    )
    found = Promotion(
        name=name,
        version=str(challenger.version),
        champion=label,
        passed=all(check.passed for check in listed),
        checks=listed,
        when=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    _record(found, config)
    return found


def _champion(uri: str, name: str) -> tuple[str, Bundle | None]:
    """Its version, or which one is shipped, and the bundle."""
    version = registry.version_of(uri, name, registry.CHAMPION)
    if version is not None:
        return str(version.version), load(registry.bundle_of(uri, name, registry.CHAMPION))
    if not (SHIPPED_FOLDER / name / SPEC_FILE).is_file():
        return "", None
    shipped = load(SHIPPED_FOLDER / name)
    return f"shipped {shipped.spec.version}", shipped


def _record(found: Promotion, config: DictConfig) -> None:
    name = f"{found.name}-{found.version}.json"
    write_document(Path(config.runs) / "promotions" / name, found, SCHEMA)
    client = registry.client(config.tracking_uri)
    why = "; ".join(f"{c.name} {'ok' if c.passed else 'FAILED'}: {c.reason}" for c in found.checks)
    client.set_model_version_tag(found.name, found.version, "gate", why)
    if found.passed:
        client.set_registered_model_alias(found.name, registry.CHAMPION, found.version)


def main(arguments: Sequence[str]) -> None:
    """Judge, print, move the alias."""
    options = parse(Options, arguments)
    found = promote(compose("fit", [f"experiment={options.experiment}"]))
    for check in found.checks:
        say(f"{'ok    ' if check.passed else 'FAILED'} {check.name}: {check.reason}")
    if not found.passed:
        raise Refused(f"version {found.version} of {found.name} stays a challenger")
    say(f"version {found.version} of {found.name} is the champion")


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
