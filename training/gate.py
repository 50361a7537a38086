"""What a challenger must show before it may take the place of the champion.

A module with ``figures(data, split)`` is measured here and now, challenger and champion on the
same frozen split. Where figures belong to a recipe and not to one network (cross-validation), those
in the bundles are compared, and the network must still score what its training recorded.
"""

from __future__ import annotations

import copy
import logging
import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

from omegaconf import DictConfig
from torch import nn

from talkreel.core.jsonio import load_json, read_document
from talkreel.models.bundle import Bundle, BundleSpec, Metric
from talkreel.models.outputs import answers
from training.evaluate import SCHEMA as EVALUATION
from training.evaluate import Evaluation
from training.probing import largest_difference, probe, seconds_of
from training.quiet import quiet_trainer
from training.runs import Trained, load_result

# Other processors round otherwise; shuffled or exchanged weights differ by far more.
_SAME = 5e-3
Figures = Mapping[str, Metric]


@dataclass(frozen=True, slots=True)
class Check:
    """One condition of the gate."""

    name: str
    passed: bool
    reason: str


def checks(
    trained: Trained, challenger: Bundle, champion: Bundle | None, gate: DictConfig
) -> tuple[Check, ...]:
    """Every condition, in the order of the documentation.

    Args:
        trained: the run that the challenger was exported from.
        challenger: to be judged.
        champion: to be compared with, None while there is none.
        gate: the group ``gate`` of the configuration.
    """
    trained.data.prepare_data()
    trained.data.setup(None)
    figures = _by_figures(trained, challenger, champion, gate)
    seen = probe(trained)  # after them: the module keeps what it saw for the end of an epoch
    gap = largest_difference(seen.outputs, answers(challenger.net, seen.inputs))
    seconds = seconds_of(challenger.net, seen.inputs)
    return (
        *figures,
        Check("parity", gap <= gate.parity, f"largest difference {gap:.1e}, at most {gate.parity}"),
        Check(
            "latency",
            seconds <= gate.latency_seconds,
            f"{seconds:.4f} s a batch, at most {gate.latency_seconds} s",
        ),
    )


def _by_figures(
    trained: Trained, challenger: Bundle, champion: Bundle | None, gate: DictConfig
) -> list[Check]:
    stated = {metric.name: metric for metric in challenger.spec.metrics}
    if hasattr(trained.module, "figures"):
        found: Figures = measured_now(trained, challenger.net)
        kept = _as_stated(trained, gate.metric, challenger.spec, found)
    else:
        found = {**_evaluated(trained), **stated}
        kept = _as_trained(trained, challenger.net)
    metric = found.get(gate.metric)
    if metric is None:
        missing = Check("metric", False, f"there is no figure {gate.metric!r} of it")
        return [missing, kept, _calibrated(found, gate)]
    reached = f"{metric.name} {metric.value:.4f}, at least {gate.at_least:.4f}"
    listed = [Check("metric", metric.value >= gate.at_least, reached), kept]
    if champion is not None:
        listed.append(_against(trained, metric, challenger.spec, champion, gate.tolerance))
    return [*listed, _calibrated(found, gate)]


def measured_now(trained: Trained, net: nn.Module) -> dict[str, Metric]:
    """Figures of ``net`` by name, on the split that the card of the run reports."""
    module = copy.copy(trained.module)
    module._modules = {**trained.module._modules, "net": net}
    split = trained.config.bundle.split
    return {metric.name: metric for metric in module.figures(trained.data, split)}


def _as_stated(trained: Trained, name: str, spec: BundleSpec, found: Figures) -> Check:
    """Whether the bundle says of itself what is measured, on the data that it names."""
    stated = {metric.name: metric for metric in spec.metrics}
    if name not in stated or name not in found:
        return Check("figures", False, f"the bundle or the evaluation has no figure {name!r}")
    if {source.sha256 for source in trained.data.sources} != {s.sha256 for s in spec.data}:
        return Check("figures", False, "the data are not those of the bundle: train it again")
    said, now = stated[name].value, found[name].value
    if stated[name].protocol != found[name].protocol:
        words = f"{stated[name].protocol!r}, now {found[name].protocol!r}: export it again"
        return Check("figures", False, f"the bundle was measured on {words}")
    reason = f"the bundle says {name} {said:.4f}, measured now {now:.4f}"
    return Check("figures", abs(said - now) <= _SAME, reason)


def _as_trained(trained: Trained, net: nn.Module) -> Check:
    """Whether the network scores on the validation split what its training recorded."""
    result = load_result(trained.folder)
    if result is None or result.score is None:
        return Check("figures", False, f"{trained.folder} recorded no score: train it again")
    module = copy.copy(trained.module)
    # Validation sets temperatures: not in the network that is going to be served.
    module._modules = {**trained.module._modules, "net": copy.deepcopy(net)}
    level = logging.getLogger("pytorch_lightning").level
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of loaders without workers
            trainer = quiet_trainer(1, limit_val_batches=1.0)
            trainer.validate(module, datamodule=trained.data, verbose=False)
    finally:
        logging.getLogger("pytorch_lightning").setLevel(level)
    now = float(trainer.callback_metrics.get(result.monitor, math.nan))
    reason = f"{result.monitor} {now:.4f} measured now, {result.score:.4f} when it was trained"
    return Check("figures", abs(now - result.score) <= _SAME, reason)


def _evaluated(trained: Trained) -> dict[str, Metric]:
    """Figures that ``training.evaluate`` left in the run, some newer than an older bundle."""
    path = trained.folder / f"metrics-{trained.config.bundle.split}.json"
    if not path.is_file():
        return {}
    metrics = read_document(Evaluation, load_json(path), EVALUATION).metrics
    return {metric.name: metric for metric in metrics}


def _against(
    trained: Trained, metric: Metric, spec: BundleSpec, champion: Bundle, tolerance: float
) -> Check:
    if hasattr(trained.module, "figures"):
        # A newer one may be fed with more: "sentences/2+mel/1" holds all of "sentences/2".
        if champion.spec.features not in (spec.features, spec.features.partition("+")[0]):
            words = f"{champion.spec.features!r}, the challenger with {spec.features!r}"
            return Check("champion", False, f"it is fed with {words}: train the champion again")
        other = measured_now(trained, champion.net).get(metric.name)
    else:
        other = next((m for m in champion.spec.metrics if m.name == metric.name), None)
        same = (
            other is not None
            and (other.protocol, other.count) == (metric.protocol, metric.count)
            and {source.sha256 for source in spec.data}
            == {source.sha256 for source in champion.spec.data}
        )
        if not same:
            why = "not measured on the same data: export the champion again"
            return Check("champion", False, why)
    value = other.value if other else math.nan
    reason = f"{metric.name} {metric.value:.4f}, champion {value:.4f} - {tolerance:.4f}"
    return Check("champion", metric.value >= value - tolerance, reason)


def _calibrated(found: Figures, gate: DictConfig) -> Check:
    if gate.calibration is None:
        return Check("calibration", True, "not asked of this model")
    error = found.get(gate.calibration)
    if error is None:
        why = f"there is no figure {gate.calibration!r} of it: run training.evaluate"
        return Check("calibration", False, why)
    reason = f"{gate.calibration} {error.value:.4f}, at most {gate.calibration_at_most:.4f}"
    return Check("calibration", error.value <= gate.calibration_at_most, reason)
