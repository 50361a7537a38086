"""Read-only numpy arrays for records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.floating[Any]]


def frozen(values: ArrayLike, dtype: type[np.floating[Any]] = np.float32) -> FloatArray:
    """A contiguous copy that cannot be written to."""
    array = np.array(values, dtype=dtype, order="C")
    array.flags.writeable = False
    return array


def check_shape(name: str, array: FloatArray, shape: Sequence[int | None]) -> None:
    """Raise ``ValueError`` unless ``array`` has ``shape`` (None stands for any length)."""
    fits = array.ndim == len(shape) and all(
        want is None or want == got for want, got in zip(shape, array.shape, strict=False)
    )
    if not fits:
        raise ValueError(f"{name} needs shape {tuple(shape)}, got {array.shape}")
