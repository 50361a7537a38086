"""Calls a network with inputs by name and gives what it answers as arrays by name."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor, nn


def answers(net: nn.Module, inputs: Mapping[str, Tensor]) -> dict[str, NDArray[np.float32]]:
    """What ``net`` makes of ``inputs``.

    Args:
        net: takes tensors by the names of its parameters, or one dict of them.
        inputs: by name.
    """
    import torch

    with torch.inference_mode():
        if set(inputs) <= set(inspect.signature(net.forward).parameters):
            return named_outputs(net(**inputs))
        return named_outputs(net(dict(inputs)))


def named_outputs(found: Any) -> dict[str, NDArray[np.float32]]:
    """Tensors in a dict, a named tuple, a tuple or alone, as arrays.

    Returns:
        By their own names, or ``output_0``, ``output_1``…, or ``output`` for one tensor; what is
        no tensor is left out.
    """
    import torch

    if isinstance(found, torch.Tensor):
        named = {"output": found}
    elif isinstance(found, dict):
        named = found
    elif hasattr(found, "_asdict"):
        named = found._asdict()
    else:
        named = {f"output_{at}": part for at, part in enumerate(found)}
    return {
        str(name): value.detach().cpu().float().numpy()
        for name, value in named.items()
        if isinstance(value, torch.Tensor)
    }
