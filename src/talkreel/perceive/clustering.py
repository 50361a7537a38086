"""Groups voice embeddings by speaker without knowing how many there are."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from talkreel.core.arrays import FloatArray

# The squared cosine between an embedding of d seconds and its speaker's own direction is about
# d / (d + 1.4): measured at .6, 1, 1.5, 2 and 3 s (.31, .41, .49, .59, .69) on eight readers.
_HALF_SECONDS = 1.4
# Cosine after correction for that: .8 to 1 for one voice, 0 to .3 for two recorded apart, .5 for
# two in one conversation over one microphone.
_SAME_VOICE = 0.56
# Too little sound to found a group of its own.
_FOUNDING_SECONDS = 1.2
_MIN_GROUP_SECONDS = 4.0
_MIN_GROUP_SHARE = 0.015
_BLEND = 0.75
_BLEND_WEIGHT = 0.25
_NOISE_DIMENSIONS = 20.0
_MOST_ODDS = 6.0


@dataclass(frozen=True, slots=True, eq=False)
class Voices:
    """Embeddings to be grouped.

    Attributes:
        vectors: [N, D] unit vectors.
        seconds: [N] how much sound each has seen.
    """

    vectors: FloatArray
    seconds: FloatArray

    def __post_init__(self) -> None:
        if self.vectors.ndim != 2 or self.seconds.shape != self.vectors.shape[:1]:
            raise ValueError(
                f"needs [N, D] vectors and [N] seconds, got {self.vectors.shape} and "
                f"{self.seconds.shape}"
            )
        if not len(self.seconds) or float(self.seconds.min()) <= 0:
            raise ValueError("needs at least one embedding, each of more than 0 seconds")


def group_voices(voices: Voices) -> NDArray[np.int_]:
    """[N] group of each embedding, 0 for the group with the most sound.

    Agglomerative over the embeddings that saw enough sound, with centroids; the cosine of two
    centroids is corrected for the noise that their lengths imply. Groups with hardly any sound
    and embeddings that were too short join the nearest group.
    """
    long = voices.seconds >= min(_FOUNDING_SECONDS, float(voices.seconds.max()))
    sums, seconds = _agglomerate(voices.vectors[long], voices.seconds[long])
    needed = min(float(seconds.max()), max(_MIN_GROUP_SECONDS, _MIN_GROUP_SHARE * seconds.sum()))
    kept = np.flatnonzero(seconds >= needed)
    kept = kept[np.argsort(-seconds[kept], kind="stable")]
    centres = sums[kept] / np.linalg.norm(sums[kept], axis=1, keepdims=True)
    centres = centres[_pure(centres, seconds[kept])]
    nearest = np.argmax(voices.vectors @ centres.T, axis=1)
    order = np.argsort(-np.bincount(nearest, voices.seconds, len(centres)), kind="stable")
    return np.asarray(np.argsort(order, kind="stable")[nearest])


def _pure(centres: FloatArray, seconds: FloatArray) -> list[int]:
    """Indices of groups that are not two larger groups heard in one breath.

    Pieces that hold a change of speaker lie between the two; a third voice does not: what two
    others explain of it is little.
    """
    pure: list[int] = []
    for index in range(len(centres)):
        noise = np.sqrt(seconds[index] / (seconds[index] + _HALF_SECONDS))
        mixed = False
        for pair in combinations([i for i in pure if seconds[i] > 2 * seconds[index]], 2):
            basis = centres[list(pair)]
            weights = np.linalg.lstsq(basis.T, centres[index], rcond=None)[0]
            explained = float(np.linalg.norm(weights @ basis)) / noise
            mixed = mixed or (bool(weights.min() > _BLEND_WEIGHT) and explained > _BLEND)
        if not mixed:
            pure.append(index)
    return pure


def centres_of(voices: Voices, groups: NDArray[np.int_]) -> FloatArray:
    """[G, D] unit direction of each group, by how much sound its members saw."""
    weighted = voices.vectors * voices.seconds[:, None]
    sums = np.stack([weighted[groups == g].sum(axis=0) for g in range(int(groups.max()) + 1)])
    return np.asarray(sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9))


def membership(voices: Voices, centres: FloatArray) -> FloatArray:
    """[N, G] probability that each embedding belongs to each group.

    Gaussian noise around the group's direction; its effective dimension is far below 256, as
    neighbouring embeddings share what is being said.
    """
    purity = voices.seconds / (voices.seconds + _HALF_SECONDS)
    sharpness = np.sqrt(purity) * _NOISE_DIMENSIONS / (1.0 - purity)
    odds = (voices.vectors @ centres.T) * sharpness[:, None]
    odds = np.exp(np.maximum(odds - odds.max(axis=1, keepdims=True), -_MOST_ODDS))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def _agglomerate(vectors: FloatArray, seconds: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Sums [G, D] of length-weighted members and seconds [G] of each group."""
    sums, seconds = vectors * seconds[:, None], seconds.astype(float).copy()
    alive = np.ones(len(seconds), bool)
    similar = np.stack([_corrected(sums, seconds, i) for i in range(len(sums))])
    np.fill_diagonal(similar, -np.inf)
    for _ in range(len(seconds) - 1):
        keep, gone = divmod(int(similar.argmax()), len(seconds))
        if similar[keep, gone] < _SAME_VOICE:
            break
        sums[keep] += sums[gone]
        seconds[keep] += seconds[gone]
        alive[gone] = False
        similar[gone], similar[:, gone] = -np.inf, -np.inf
        row = np.where(alive, _corrected(sums, seconds, keep), -np.inf)
        row[keep] = -np.inf
        similar[keep], similar[:, keep] = row, row
    return sums[alive], seconds[alive]


def _corrected(sums: FloatArray, seconds: FloatArray, index: int) -> FloatArray:
    """[N] cosine of one centroid with all, over what one voice of these lengths would show."""
    norms = np.linalg.norm(sums, axis=1)
    cosine = sums @ sums[index] / np.maximum(norms * norms[index], 1e-9)
    purity = seconds / (seconds + _HALF_SECONDS)
    return np.asarray(cosine / np.sqrt(purity * purity[index]))
