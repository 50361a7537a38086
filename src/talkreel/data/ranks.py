"""Rank statistics."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from talkreel.core.arrays import FloatArray


def auc(scores: FloatArray, truth: NDArray[np.bool_]) -> float:
    """Chance that a positive scores above a negative, ties counting half; NaN without both.

    Mann & Whitney 1947.

    Raises:
        ValueError: lengths differ.
    """
    if len(scores) != len(truth):
        raise ValueError(f"{len(scores)} scores for {len(truth)} labels")
    positive = int(truth.sum())
    if positive in (0, len(truth)):
        return float("nan")
    ranks = average_ranks(scores)
    total = ranks[truth].sum() - positive * (positive + 1) / 2
    return float(total / (positive * (len(truth) - positive)))


def average_precision(scores: FloatArray, truth: NDArray[np.bool_]) -> float:
    """Mean precision at the positives, from the highest score down; NaN without any."""
    if not truth.any():
        return float("nan")
    hits = truth[np.argsort(-scores, kind="stable")]
    return float((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean())


def average_ranks(values: FloatArray) -> FloatArray:
    """[N] ranks from 1; equal values share the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    shared = np.cumsum(counts) - (counts - 1) / 2
    return np.asarray(shared[inverse], dtype=np.float64)
