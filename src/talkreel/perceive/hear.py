"""One chunk of sound to words with times: recognise, distrust, align.

What the recogniser says is checked before it is believed: text that goes round in circles or
that does not fit the sound is recognised again in two halves, and text with too little
probability, as sound without speech brings forth, is dropped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from talkreel.core.spans import Span
from talkreel.core.transcript import Word
from talkreel.perceive.align import AlignedWord, Aligner, spread
from talkreel.perceive.moonshine import Moonshine, Recognised

SAMPLE_RATE = 16_000
# Halves shorter than this hold too little context to be worth another try.
_MIN_SPLIT_SECONDS = 3.0
_QUIET_WINDOW_SECONDS = 0.1
# A phrase of n words said again right away: natural speech repeats up to "no no no no".
_MAX_REPEATS = 4


@dataclass(frozen=True, slots=True)
class SpeechChunk:
    """What was heard in one chunk.

    Attributes:
        span: the chunk, source clock.
        words: with times, in order, inside the span; empty when nothing trustworthy was said.
        score: mean log-probability of a token, <= 0; low for noise and other languages.
        tokens: how many tokens the recogniser took, before anything was dropped.
    """

    span: Span
    words: tuple[Word, ...] = ()
    score: float = 0.0
    tokens: int = 0

    def shift(self, seconds: float) -> SpeechChunk:
        """The same, ``seconds`` later."""
        words = tuple(replace(word, span=word.span.shift(seconds)) for word in self.words)
        return replace(self, span=self.span.shift(seconds), words=words)


class ChunkListener:
    """Recogniser and aligner together; keeps both models."""

    def __init__(self, recogniser: Moonshine, aligner: Aligner) -> None:
        self._recognise = recogniser
        self._align = aligner

    def __call__(self, samples: NDArray[np.float32]) -> SpeechChunk:
        """Words in [N] samples of 16 kHz sound; second 0 is the first sample.

        The result depends on the samples alone.
        """
        said = self._recognise(samples)
        span = Span(0.0, len(samples) / SAMPLE_RATE)
        chunk = SpeechChunk(span, (), said.score, said.tokens)
        if not said.words:
            return chunk
        circles = goes_round(said.words)
        times = None if circles else self._align.find(samples, said.words)
        if times is not None:
            return replace(chunk, words=_timed(said, times))
        if span.duration >= 2 * _MIN_SPLIT_SECONDS:
            cut = quietest(samples)
            tail = self(samples[cut:]).shift(cut / SAMPLE_RATE)
            return _joined(span, self(samples[:cut]), tail)
        if circles:
            return chunk
        return replace(chunk, words=_timed(said, spread(samples, said.words)))


def _timed(said: Recognised, times: Sequence[AlignedWord]) -> tuple[Word, ...]:
    return tuple(
        Word(text, at.span, confidence, interpolated=at.interpolated)
        for text, confidence, at in zip(said.words, said.confidences, times, strict=True)
    )


def _joined(span: Span, first: SpeechChunk, second: SpeechChunk) -> SpeechChunk:
    tokens = first.tokens + second.tokens
    total = first.score * first.tokens + second.score * second.tokens
    return SpeechChunk(span, first.words + second.words, total / max(1, tokens), tokens)


def quietest(samples: NDArray[np.float32]) -> int:
    """The sample in the middle half around which a tenth of a second is least loud."""
    size = round(_QUIET_WINDOW_SECONDS * SAMPLE_RATE)
    low, high = len(samples) // 4, 3 * len(samples) // 4
    power = np.concatenate([[0.0], np.cumsum(np.square(samples[low:high], dtype=np.float64))])
    if len(power) <= size:
        return len(samples) // 2
    return low + int(np.argmin(power[size:] - power[:-size])) + size // 2


def goes_round(words: Sequence[str]) -> bool:
    """Whether a phrase is repeated in a way that nobody speaks: the decoder is in a loop."""
    plain = [word.strip(".,;:!?\"'").lower() for word in words]
    for size in range(1, min(10, len(plain) // 2) + 1):
        run = 0
        for i in range(size, len(plain)):
            run = run + 1 if plain[i] == plain[i - size] else 0
            # Single words are emphasised by repetition; whole phrases hardly more than twice.
            if run >= size * (2 * _MAX_REPEATS if size == 1 else _MAX_REPEATS):
                return True
    common = Counter(plain).most_common(1)
    return len(plain) >= 20 and common[0][1] > 0.5 * len(plain)
