"""How far probabilities are from what happens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from talkreel.core.arrays import FloatArray
from talkreel.data.intervals import measured
from talkreel.models.bundle import Metric

Hits = NDArray[np.bool_] | FloatArray
NAME = "calibration error"
_BINS = 10


def calibration_gap(said: FloatArray, right: Hits) -> float:
    """Expected calibration error (Guo et al. 2017), in ten bins of as many rows each.

    Args:
        said: [N] probabilities.
        right: [N] whether it was so, or how often.
    """
    bins = np.array_split(np.argsort(said), _BINS)
    gaps = [abs(said[rows].mean() - right[rows].mean()) * len(rows) for rows in bins if len(rows)]
    return float(sum(gaps) / len(said))


def calibration_metric(
    protocol: str, groups: Sequence[object], said: FloatArray, right: Hits, *, name: str = NAME
) -> Metric:
    """``calibration_gap`` with its interval.

    Args:
        protocol: data set, split and whose probability it is, in words.
        groups: [N] what is drawn as a whole.
        said: as ``calibration_gap``.
        right: likewise.
        name: of the figure.
    """
    words = f"{protocol}, in ten equal bins"
    return measured(name, words, groups, lambda rows: calibration_gap(said[rows], right[rows]))
