"""Bootstrap intervals of measured figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from talkreel.models.bundle import Metric

RESAMPLES = 500
_LOW, _HIGH = 2.5, 97.5


def measured(
    name: str,
    protocol: str,
    groups: Sequence[object],
    statistic: Callable[[NDArray[np.int64]], float],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Metric:
    """A figure with its percentile bootstrap 95 % interval (Efron & Tibshirani 1993).

    Args:
        name: of the metric.
        protocol: data set, split and what was left out, in words.
        groups: [N] the talk, story, speaker or image of each row; whole groups are drawn, since
            rows of one group are alike.
        statistic: the figure from row indices (repeats allowed); NaN where it is undefined.
        resamples: draws.
        seed: of the draws.

    Raises:
        ValueError: no rows.
    """
    if not len(groups):
        raise ValueError(f"{name}: no rows to measure on")
    _, which = np.unique(np.asarray([str(group) for group in groups]), return_inverse=True)
    order = np.argsort(which, kind="stable")
    rows = np.split(order, np.cumsum(np.bincount(which))[:-1])
    value = float(statistic(np.arange(len(which))))
    rng = np.random.default_rng(seed)
    draws = [
        float(statistic(np.concatenate([rows[i] for i in rng.integers(0, len(rows), len(rows))])))
        for _ in range(resamples)
    ]
    known = [draw for draw in draws if np.isfinite(draw)]
    low, high = np.percentile(known, [_LOW, _HIGH]) if known else (np.nan, np.nan)
    return Metric(name, value, float(low), float(high), len(rows), protocol)
