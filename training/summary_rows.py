"""What a sentence of a lecture is among the sentences of its slide: place, length, closeness."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talkreel.core.arrays import FloatArray
from talkreel.data.talks import LabelledTalk

PLACE = (
    "index", "relative", "from_end", "size", "words", "words_to_mean", "segment_relative",
    "segments",
)  # fmt: skip
_DAMPING, _ROUNDS = 0.85, 20  # of TextRank

Places = NDArray[np.int64]


def segments_of(talks: Sequence[LabelledTalk]) -> tuple[Places, Places]:
    """[N] number of the segment and of the talk of every sentence, counted over all talks.

    Raises:
        ValueError: a talk without segments.
    """
    segments, owners, begun = [], [], 0
    for number, talk in enumerate(talks):
        if talk.segments is None:
            raise ValueError(f"talk {talk.id} has no segments")
        _, inside = np.unique(talk.segments, return_inverse=True)
        segments.append(inside + begun)
        owners.append(np.full(len(inside), number))
        begun += int(inside.max(initial=-1)) + 1
    return np.concatenate(segments), np.concatenate(owners)


def place_rows(talks: Sequence[LabelledTalk]) -> FloatArray:
    """[N, len(PLACE)] where in its segment a sentence stands, and how long it is."""
    segments, owners = segments_of(talks)
    words = np.log1p([len(text.split()) for talk in talks for text in talk.texts])
    size = np.bincount(segments)
    first = np.concatenate([[0], np.cumsum(size)[:-1]])
    index = np.arange(len(segments)) - first[segments]
    mean = np.bincount(segments, words) / size
    # Of talks: number of the first segment, and how many there are.
    opening = np.full(len(talks), len(size))
    np.minimum.at(opening, owners, segments)
    many = np.diff(np.append(opening, len(size)))[owners]
    rows = [
        index,
        index / size[segments],
        size[segments] - 1 - index,
        size[segments],
        words,
        words - mean[segments],
        (segments - opening[owners]) / many,
        many,
    ]
    return np.stack(rows, axis=1).astype(np.float64)


def closeness(vectors: Any, groups: Places) -> FloatArray:
    """[N] cosine of each row with the sum of the other rows of its group.

    Args:
        vectors: [N, D] of length 1 (or zero), dense or sparse.
        groups: [N] number of the group, counted from 0.
    """
    count = int(groups.max(initial=-1)) + 1
    own, with_sum, squared = _products(vectors, groups, count)
    rest = np.sqrt(np.maximum(squared[groups] - 2 * with_sum + own, 0))
    scale = np.maximum(rest * np.sqrt(own), 1e-9)
    return np.asarray(np.where(rest > 1e-6, (with_sum - own) / scale, 0.0))


def _products(
    vectors: Any, groups: Places, count: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """[N] of rows with themselves and with the sum of their group; [count] of that with itself."""
    from scipy.sparse import csr_matrix, issparse

    if not issparse(vectors):
        member = csr_matrix((np.ones(len(groups)), (groups, np.arange(len(groups)))))
        sums = member @ vectors
        with_sum = np.einsum("nd,nd->n", vectors, sums[groups])
        return (vectors**2).sum(axis=1), with_sum, (sums**2).sum(axis=1)
    cells = vectors.tocoo()
    # One number for each word of a group: a matrix of sums, a row for each sentence, would be huge.
    keys = groups[cells.row] * np.int64(vectors.shape[1]) + cells.col
    distinct, which = np.unique(keys, return_inverse=True)
    values = np.asarray(cells.data, dtype=np.float64)
    sums = _summed(which, values, len(distinct))
    return (
        _summed(cells.row, values**2, len(groups)),
        _summed(cells.row, values * sums[which], len(groups)),
        _summed(distinct // vectors.shape[1], sums**2, count),
    )


def _summed(places: Places, values: FloatArray, count: int) -> FloatArray:
    return np.asarray(np.bincount(places, values, minlength=count), dtype=np.float64)


def text_rank(vectors: FloatArray, groups: Places) -> FloatArray:
    """[N] TextRank (Mihalcea & Tarau 2004) inside each group, times its size: 1 on average.

    Args:
        vectors: [N, D] of length 1 (or zero).
        groups: [N] ascending.
    """
    found = np.ones(len(groups))
    ends = np.cumsum(np.bincount(groups))
    for first, end in zip(np.append(0, ends[:-1]), ends, strict=True):
        size = end - first
        if size < 3:
            continue
        near = np.maximum(vectors[first:end] @ vectors[first:end].T, 0)
        np.fill_diagonal(near, 0)
        near /= np.maximum(near.sum(axis=1, keepdims=True), 1e-9)
        rank = np.full(size, 1 / size)
        for _ in range(_ROUNDS):
            rank = (1 - _DAMPING) / size + _DAMPING * (rank @ near)
        found[first:end] = rank * size
    return found


def within(values: FloatArray, groups: Places) -> FloatArray:
    """[N, F] each column less its mean in the group, over its deviation there."""
    size = np.bincount(groups)[:, None]
    sums = np.stack([np.bincount(groups, column) for column in values.T], axis=1)
    squares = np.stack([np.bincount(groups, column**2) for column in values.T], axis=1)
    mean = sums / size
    deviation = np.sqrt(np.maximum(squares / size - mean**2, 0))
    scale = np.where(deviation > 1e-9, deviation, 1.0)
    return np.asarray((values - mean[groups]) / scale[groups])


def repeated(
    talks: Sequence[LabelledTalk], known: Sequence[LabelledTalk], *, longer_than: int = 80
) -> NDArray[np.bool_]:
    """[T] whether half of the longer sentences of a talk, or more, also occur in one of ``known``.

    Args:
        talks: to look at, e.g. of the test split.
        known: e.g. of the training split.
        longer_than: characters; short sentences are alike everywhere.
    """
    where: dict[str, set[int]] = {}
    for number, talk in enumerate(known):
        for text in talk.texts:
            if len(text) > longer_than:
                where.setdefault(text, set()).add(number)
    found = np.zeros(len(talks), dtype=bool)
    for i, talk in enumerate(talks):
        long = {text for text in talk.texts if len(text) > longer_than}
        shared = np.zeros(len(known))
        for text in long:
            for number in where.get(text, ()):
                shared[number] += 1
        found[i] = bool(len(long)) and bool(shared.max(initial=0) * 2 >= len(long))
    return found
