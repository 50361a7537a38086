"""Makes the challenger the champion if it passes the gate, and records why or why not.

    python -m training.promote experiment=NAME

The thresholds are the group ``gate`` of the configuration. Figures are those in the bundles, so
the test split is not read again; both bundles must have been measured on the same data.
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
from talkreel.models.bundle import BundleSpec, Metric, load, read_spec
from talkreel.models.outputs import answers
from training import registry
from training.arguments import parse, run, say
from training.composing import compose
from training.probing import largest_difference, probe, seconds_of
from training.runs import load_run

SCHEMA = "promotion/1"


@dataclass
class Options:
    """Arguments of the command."""

    experiment: str = MISSING


@dataclass(frozen=True, slots=True)
class Check:
    """One condition of the gate."""

    name: str
    passed: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Promotion:
    """What the gate decided.

    Attributes:
        name: of the model.
        version: of the challenger.
        champion: version it was compared with, or empty.
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
    champion = registry.version_of(uri, name, registry.CHAMPION)
    folder = registry.bundle_of(uri, name, registry.CHALLENGER)
    before = read_spec(registry.bundle_of(uri, name, registry.CHAMPION)) if champion else None
    checks = (
        *judged(read_spec(folder), before, config.gate),
        *_measured(folder, Path(challenger.tags["run_folder"]), config.gate),
    )
    passed = all(check.passed for check in checks)
    found = Promotion(
        name=name,
        version=str(challenger.version),
        champion=str(champion.version) if champion else "",
        passed=passed,
        checks=checks,
        when=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    _record(found, config)
    return found


def judged(spec: BundleSpec, champion: BundleSpec | None, gate: DictConfig) -> tuple[Check, ...]:
    """Metric against threshold and champion, and calibration."""
    metric = _metric(spec, gate.metric)
    if metric is None:
        return (Check("metric", False, f"the bundle has no figure {gate.metric!r}"),)
    checks = [
        Check(
            "metric",
            metric.value >= gate.at_least,
            f"{metric.name} {metric.value:.4f}, at least {gate.at_least:.4f}",
        )
    ]
    if champion is not None:
        checks.append(_against(metric, spec, champion, gate.tolerance))
    if gate.calibration is None:
        checks.append(Check("calibration", True, "not asked of this model"))
    else:
        error = _metric(spec, gate.calibration)
        value = float("nan") if error is None else error.value
        reason = f"{gate.calibration} {value:.4f}, at most {gate.calibration_at_most:.4f}"
        checks.append(Check("calibration", value <= gate.calibration_at_most, reason))
    return tuple(checks)


def _against(metric: Metric, spec: BundleSpec, champion: BundleSpec, tolerance: float) -> Check:
    other = _metric(champion, metric.name)
    same = (
        other is not None
        and (other.protocol, other.count) == (metric.protocol, metric.count)
        and {source.sha256 for source in spec.data} == {source.sha256 for source in champion.data}
    )
    if other is None or not same:
        return Check("champion", False, "not measured on the same data: export the champion again")
    reason = f"{metric.name} {metric.value:.4f}, champion {other.value:.4f} - {tolerance:.4f}"
    return Check("champion", metric.value >= other.value - tolerance, reason)


def _measured(folder: Path, run_folder: Path, gate: DictConfig) -> tuple[Check, ...]:
    """Parity between checkpoint and bundle on a real batch, and the time of one."""
    net = load(folder).net
    seen = probe(load_run(run_folder))
    gap = largest_difference(seen.outputs, answers(net, seen.inputs))
    seconds = seconds_of(net, seen.inputs)
    return (
        Check("parity", gap <= gate.parity, f"largest difference {gap:.1e}, at most {gate.parity}"),
        Check(
            "latency",
            seconds <= gate.latency_seconds,
            f"{seconds:.4f} s a batch, at most {gate.latency_seconds} s",
        ),
    )


def _metric(spec: BundleSpec, name: str) -> Metric | None:
    return next((metric for metric in spec.metrics if metric.name == name), None)


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
