"""What a network answers, as arrays by name."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


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
