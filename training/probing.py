"""One real batch through a network: its inputs by name, its outputs, and how long it takes."""

from __future__ import annotations

import inspect
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from talkreel.core.errors import InputError
from talkreel.models.outputs import answers, named_outputs
from training.runs import Trained

_REPEATS = 15


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """What a network was given and what it answered."""

    inputs: dict[str, torch.Tensor]
    outputs: dict[str, Any]

    def example(self, rows: int = 2) -> dict[str, Any]:
        """The first ``rows`` of the inputs as arrays."""
        return {name: value[:rows].numpy() for name, value in self.inputs.items()}


def probe(trained: Trained) -> Probe:
    """Send the first validation batch down the training path.

    Raises:
        InputError: the validation step never calls the network itself.
    """
    trained.data.prepare_data()
    trained.data.setup(None)
    net, seen = trained.module.net, []

    def look(_: nn.Module, given: Any, named: Mapping[str, Any], out: Any) -> None:
        seen.append((given, named, out))

    trained.module.eval()
    hook = net.register_forward_hook(look, with_kwargs=True)
    try:
        with torch.inference_mode(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # self.log without a trainer says so
            trained.module.validation_step(next(iter(trained.data.val_dataloader())), 0)
    finally:
        hook.remove()
    if not seen:
        kind = type(trained.module).__name__
        raise InputError(f"{kind}.validation_step never calls its net; it must, to be exported")
    given, named, out = seen[0]
    bound = inspect.signature(net.forward).bind(*given, **named).arguments
    parts = next((v for v in bound.values() if isinstance(v, dict)), bound)
    inputs = {k: v.detach().cpu() for k, v in parts.items() if isinstance(v, torch.Tensor)}
    return Probe(inputs, named_outputs(out))


def largest_difference(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """Over all outputs; infinite when they are not of the same names and shapes."""
    if {k: v.shape for k, v in one.items()} != {k: v.shape for k, v in other.items()}:
        return float("inf")
    gaps = [np.abs(one[name] - other[name]) for name in one if one[name].size]
    worst = max((float(gap.max()) for gap in gaps), default=0.0)
    return worst if np.isfinite(worst) else float("inf")


def seconds_of(net: nn.Module, inputs: Mapping[str, torch.Tensor]) -> float:
    """Time of one batch: the fastest of a few, since the slower ones waited for other work."""
    times = []
    for _ in range(_REPEATS):
        began = time.perf_counter()
        answers(net, inputs)
        times.append(time.perf_counter() - began)
    return min(times)
