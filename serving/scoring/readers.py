"""Bundles of the scoring stage as readers of sentences that share one pass through MiniLM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, Protocol

import numpy as np

from talkreel.core.arrays import FloatArray
from talkreel.features.sentences import LAYERS as WORDING_LAYERS
from talkreel.features.sentences import talk_features
from talkreel.models import emotion_text, hook
from talkreel.models.bundle import Bundle
from talkreel.models.emotion_text import EmotionTextReader
from talkreel.models.hook import HookRanker, HookRanking
from talkreel.models.predict_engagement import EngagementPredictor
from talkreel.models.text import MAX_STATES, StateEmbedder, TextStates
from talkreel.pipeline.read import OPENING_WORDS

ENGAGEMENT, HOOK, EMOTION = "engagement", "hook", "emotion-text"
_LAST = 6  # what sentence embeddings are the mean of


class Reader(Protocol):
    """Reads sentences with one bundle.

    Attributes:
        means: layers whose mean states it looks at.
        tokens: layers whose token states it looks at.
    """

    means: ClassVar[tuple[int, ...]]
    tokens: ClassVar[tuple[int, ...]]

    def __call__(
        self, texts: Sequence[str], counts: Sequence[int], states: TextStates
    ) -> FloatArray:
        """[N, C] what it reads.

        Args:
            texts: [N] sentences of all requests, one request after the other.
            counts: how many sentences each request has; only engagement looks at neighbours.
            states: of ``texts``.
        """
        ...


class EngagementReader:
    """[N, 1] probability that an audience reacts."""

    means: ClassVar[tuple[int, ...]] = (*WORDING_LAYERS, _LAST)
    tokens: ClassVar[tuple[int, ...]] = ()

    def __init__(self, bundle: Bundle) -> None:
        self._predictor = EngagementPredictor(bundle)

    def __call__(
        self, texts: Sequence[str], counts: Sequence[int], states: TextStates
    ) -> FloatArray:
        """As in ``Reader``."""
        wording = np.concatenate([states.means[layer] for layer in WORDING_LAYERS], axis=1)
        found, start = [], 0
        for count in counts:
            here = slice(start, start + count)
            rows = talk_features(texts[here], states.means[_LAST][here], wording=wording[here])
            found.append(self._predictor.reaction(rows))
            start += count
        return np.concatenate(found)[:, None]


class HookReader:
    """[N, 1] calibrated log odds of the opening words of each sentence."""

    means: ClassVar[tuple[int, ...]] = hook.LAYERS
    tokens: ClassVar[tuple[int, ...]] = ()

    def __init__(self, bundle: Bundle) -> None:
        self._ranker = HookRanker(bundle)

    def __call__(
        self, texts: Sequence[str], counts: Sequence[int], states: TextStates
    ) -> FloatArray:
        """As in ``Reader``."""
        scores = np.array(self._ranker.score(texts, wording=self._wording(states)))
        openings = [" ".join(text.split()[:OPENING_WORDS]) for text in texts]
        cut = [i for i, text in enumerate(texts) if len(text.split()) > OPENING_WORDS]
        if cut:
            scores[cut] = self._ranker.score([openings[i] for i in cut])
        return scores[:, None]

    def rank(self, texts: Sequence[str], states: TextStates) -> HookRanking:
        """Whole texts against each other."""
        return self._ranker.rank(texts, wording=self._wording(states))

    def _wording(self, states: TextStates) -> FloatArray:
        return np.concatenate([states.means[layer] for layer in hook.LAYERS], axis=1)


class EmotionReader:
    """[N, 7] distribution over Ekman's classes and neutral."""

    means: ClassVar[tuple[int, ...]] = ()
    tokens: ClassVar[tuple[int, ...]] = emotion_text.LAYERS

    def __init__(self, bundle: Bundle) -> None:
        self._reader = EmotionTextReader(bundle)

    def __call__(
        self, texts: Sequence[str], counts: Sequence[int], states: TextStates
    ) -> FloatArray:
        """As in ``Reader``."""
        layers = [states.tokens[layer] for layer in emotion_text.LAYERS]
        rows = [np.concatenate(parts, axis=1) for parts in zip(*layers, strict=True)]
        # The network was trained on texts cut before MiniLM saw them, so these are embedded anew.
        long = [i for i, row in enumerate(rows) if len(row) > MAX_STATES]
        found = self._reader.ekman(texts, states=[row[:MAX_STATES] for row in rows])
        if long:
            found[long] = self._reader.ekman([texts[i] for i in long])
        return found


Kind = type[EngagementReader] | type[HookReader] | type[EmotionReader]
READERS: Mapping[str, Kind] = MappingProxyType(
    {ENGAGEMENT: EngagementReader, HOOK: HookReader, EMOTION: EmotionReader}
)


def embedder_for(*roles: str) -> StateEmbedder:
    """One that gives all that the readers of ``roles`` look at."""
    means = {layer for role in roles for layer in READERS[role].means}
    tokens = {layer for role in roles for layer in READERS[role].tokens}
    return StateEmbedder(sorted(means), sorted(tokens))


def part(states: TextStates, here: slice) -> TextStates:
    """The states of some of the texts."""
    return TextStates(
        {layer: rows[here] for layer, rows in states.means.items()},
        {layer: rows[here] for layer, rows in states.tokens.items()},
    )
