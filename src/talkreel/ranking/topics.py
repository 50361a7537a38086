"""Topic segmentation of a talk from its sentence embeddings."""

from __future__ import annotations

import numpy as np

from talkreel.core.arrays import FloatArray

# Scatter that a further boundary must save, in unit-vector sentences. Found by the experiment
# 2026-11-22-craft-priors on joined talks: lower splits inside topics, higher merges them.
BOUNDARY_COST = 1.8
LONGEST_TOPIC = 80  # sentences; bounds the work to O(80 n)
SHORTEST_TOPIC = 3


def segment(embeddings: FloatArray, *, boundary_cost: float = BOUNDARY_COST) -> tuple[int, ...]:
    """Cut a talk where its meaning shifts.

    Minimises the sum over segments of (scatter around the segment's mean + ``boundary_cost``)
    by dynamic programming; the scatter of n unit vectors is ``n - |sum|^2 / n``. (Optimal
    segmentation as in Utiyama & Isahara 2001, with embeddings in place of word counts.)

    Args:
        embeddings: [N, D] unit vectors; zero rows (no words) join their neighbours freely.
        boundary_cost: see ``BOUNDARY_COST``.

    Returns:
        First sentence of every segment, ascending, beginning with 0; empty when N is 0.
    """
    count = len(embeddings)
    if count == 0:
        return ()
    vectors = np.asarray(embeddings, dtype=np.float64)
    weight = np.concatenate([[0.0], np.cumsum(np.einsum("ij,ij->i", vectors, vectors))])
    sums = np.concatenate([np.zeros((1, vectors.shape[1])), np.cumsum(vectors, axis=0)])
    best = np.full(count + 1, np.inf)
    best[0] = 0.0
    back = np.zeros(count + 1, dtype=np.int64)
    for end in range(1, count + 1):
        begin = np.arange(max(0, end - LONGEST_TOPIC), max(1, end - SHORTEST_TOPIC + 1))
        total = sums[end] - sums[begin]
        inside = weight[end] - weight[begin]
        pull = np.einsum("ij,ij->i", total, total) / np.maximum(inside, 1e-9)
        costs = best[begin] + inside - pull + boundary_cost
        choice = int(np.argmin(costs))
        best[end], back[end] = costs[choice], begin[choice]
    cuts = [int(back[count])]
    while cuts[-1] > 0:
        cuts.append(int(back[cuts[-1]]))
    return tuple(reversed(cuts))


def topic_of(starts: tuple[int, ...], count: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """[count] number of the segment each sentence is in."""
    marks = np.zeros(count, dtype=np.int64)
    marks[[start for start in starts if 0 < start < count]] = 1
    return np.cumsum(marks)


def similarity_drop(embeddings: FloatArray, width: int = 4) -> FloatArray:
    """[N] how much meaning changes at the start of each sentence, 0..1 (TextTiling's gap score).

    1 - cosine of the mean of ``width`` sentences before and after (Hearst 1997); 1 at the
    very start.
    """
    count = len(embeddings)
    drop = np.ones(count)
    sums = np.concatenate([np.zeros((1, embeddings.shape[1])), np.cumsum(embeddings, axis=0)])
    for i in range(1, count):
        before = sums[i] - sums[max(0, i - width)]
        after = sums[min(count, i + width)] - sums[i]
        norm = float(np.linalg.norm(before) * np.linalg.norm(after))
        drop[i] = np.clip(1 - float(before @ after) / norm, 0, 1) if norm > 0 else 0.0
    return drop
