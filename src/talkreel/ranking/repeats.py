"""Units that say again what was said before (loops, refrains, second takes)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from talkreel.core.arrays import FloatArray
from talkreel.ranking.talk import Unit

# Two sentences are the same when they mean the same (cosine) and mostly share their words.
TWIN_COSINE = 0.93
TWIN_WORDS = 0.7
SHORTEST_TWIN_WORDS = 4  # "Thank you." twice is no loop
_ROWS = 512  # rows of the similarity matrix held at once


def earlier_twin(
    units: Sequence[Unit], embeddings: FloatArray
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """[U] index of the earliest unit that says the same; the unit's own index otherwise."""
    count = len(units)
    twin = np.arange(count, dtype=np.int64)
    long_enough = np.array([len(unit.words) >= SHORTEST_TWIN_WORDS for unit in units], dtype=bool)
    first_use: dict[tuple[str, ...], int] = {}
    for i, unit in enumerate(units):
        if long_enough[i]:
            twin[i] = first_use.setdefault(unit.bare, i)
    fresh = np.flatnonzero(long_enough & (twin == np.arange(count)))
    vectors = np.asarray(embeddings, dtype=np.float32)[fresh]
    words = [frozenset(units[int(i)].bare) for i in fresh]
    for begin in range(0, len(fresh), _ROWS):
        rows = vectors[begin : begin + _ROWS]
        close = rows @ vectors[: begin + len(rows)].T >= TWIN_COSINE
        for row, column in zip(*np.nonzero(close), strict=True):
            later, earlier = begin + int(row), int(column)
            if earlier < later and _share(words[earlier], words[later]) >= TWIN_WORDS:
                i = int(fresh[later])
                twin[i] = min(int(twin[i]), int(twin[fresh[earlier]]))
    return np.asarray(twin[twin], dtype=np.int64)


def _share(first: frozenset[str], second: frozenset[str]) -> float:
    return len(first & second) / max(1, len(first | second))
