"""Closeness of proposals to a topic that was asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from talkreel.core.arrays import FloatArray
from talkreel.core.candidates import Reason
from talkreel.ranking.talk import Proposals, Talk
from talkreel.ranking.wording import clip_text

# Cosines of MiniLM between a short topic and a sentence: unrelated ones stay below 0.15,
# sentences on the topic lie above 0.5, a paraphrase near 0.8.
_UNRELATED, _ON_TOPIC = 0.10, 0.75
_MOST_SENTENCES = 2


@dataclass(frozen=True, eq=False)
class Relevance:
    """[P] closeness 0..1 and the sentences behind it."""

    value: FloatArray
    reasons: Callable[[int], tuple[Reason, ...]]


def relevance(talk: Talk, proposals: Proposals) -> Relevance:
    """How close each proposal is to the query: its best sentence and its sentences on average.

    Raises:
        ValueError: the talk carries no query embedding.
    """
    if talk.query_embedding is None:
        raise ValueError("the talk carries no query embedding")
    close = talk.embeddings @ np.asarray(talk.query_embedding, dtype=np.float64)
    spans = list(zip(proposals.first.tolist(), proposals.last.tolist(), strict=True))
    best = np.array([close[a:b].max() for a, b in spans])
    mean = np.array([close[a:b].mean() for a, b in spans])
    raw = 0.6 * best + 0.4 * mean
    value = np.clip((raw - _UNRELATED) / (_ON_TOPIC - _UNRELATED), 0, 1)

    def reasons(index: int) -> tuple[Reason, ...]:
        units = range(*spans[index])
        nearest = sorted(units, key=lambda u: (-float(close[u]), u))[:_MOST_SENTENCES]
        return tuple(
            Reason(
                f"Closest to “{talk.query}” (cosine {close[u]:.2f})",
                talk.units[u].span.clamp(proposals.span(index)),
                clip_text(talk.units[u].text),
            )
            for u in nearest
        )

    return Relevance(value, reasons)
