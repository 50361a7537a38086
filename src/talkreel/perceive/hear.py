"""One chunk of sound to words with times: recognise, distrust, align.

What the recogniser says is checked before it is believed. Text that goes round in circles or
that does not fit the sound is recognised again in two halves; text of another language, which
the recogniser turns into fluent nonsense, is told apart by what a free phone recogniser hears.
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
from talkreel.perceive.phones import PhoneListener

SAMPLE_RATE = 16_000
# Numbers are rounded where they arise, so that they survive JSON between processes unchanged.
DIGITS = 4
# Halves shorter than this hold too little context to be worth another try.
_MIN_SPLIT_SECONDS = 3.0
_QUIET_WINDOW_SECONDS = 0.1
# A phrase of n words said again right away: natural speech repeats up to "no no no no".
_MAX_REPEATS = 4
# Share of word triples that were already said in the chunk. English speech stays below .2,
# the recogniser's answers to other languages reach .4 to .9.
_LOOP_SHARE = 0.4
_MIN_LOOP_WORDS = 12

# Mean log-probability of a token above which text is taken for what was said. Clear English
# scores -.05 to -.3, noisy or overlapping English down to -.5, other languages -.45 to -1.2.
TRUSTED_SCORE = -0.4
# Below these nothing could be shown to a reader: more words are wrong than right. The first
# holds for sound that fits its words, the second for noise, music and other languages.
DROPPED_SCORE = -1.1
DROPPED_DOUBTFUL_SCORE = -0.7
# Names and made-up words take many tokens; English averages 1.2 to 1.6 a word.
_TOKENS_PER_WORD = 1.6
_TOKENS_WEIGHT = 0.5
# Loud over quiet frames: below this noise explains a bad score as well as language does.
_MIN_RANGE_DECIBELS = 15.0
# Phone errors of clear English are .5 to .75, of text in another language's place .77 to .95.
_FOREIGN_PHONE_ERRORS = 0.76
_DOUBT_WEIGHT = 0.2


@dataclass(frozen=True, slots=True)
class SpeechChunk:
    """What was heard in one chunk.

    Attributes:
        span: the chunk, source clock.
        words: with times, in order, inside the span; empty when nothing trustworthy was said.
        score: mean log-probability of a token, <= 0; low for noise and other languages.
        tokens: how many tokens the recogniser took, before anything was dropped.
        english: 0..1, share of the chunk that sounds like the words found; None where nothing
            was found or noise hides it.
        language: ISO 639-1 code where the recogniser knows several, else empty.
    """

    span: Span
    words: tuple[Word, ...] = ()
    score: float = 0.0
    tokens: int = 0
    english: float | None = None
    language: str = ""

    def shift(self, seconds: float) -> SpeechChunk:
        """The same, ``seconds`` later."""
        words = tuple(replace(word, span=word.span.shift(seconds)) for word in self.words)
        return replace(self, span=self.span.shift(seconds), words=words)


class ChunkListener:
    """Recogniser, aligner and doubt together; keeps the models."""

    version = 1

    def __init__(self, recogniser: Moonshine, aligner: Aligner) -> None:
        self._recognise = recogniser
        self._align = aligner
        self._phones = PhoneListener()

    def __call__(self, samples: NDArray[np.float32]) -> SpeechChunk:
        """Words in [N] samples of 16 kHz sound; second 0 is the first sample.

        The result depends on the samples alone.
        """
        said = self._recognise(samples)
        span = Span(0.0, len(samples) / SAMPLE_RATE)
        chunk = SpeechChunk(span, (), round(said.score, DIGITS), said.tokens)
        if not said.words:
            return chunk
        circles = goes_round(said.words)
        if not circles:
            english = self._is_english(samples, said)
            chunk = replace(chunk, english=english)
            times = self._align.find(samples, said.words)
            worst = DROPPED_SCORE if english else DROPPED_DOUBTFUL_SCORE
            if said.score < worst or (times is None and english == 0.0):
                return chunk
            if times is not None:
                return replace(chunk, words=_timed(said, times))
        if span.duration >= 2 * _MIN_SPLIT_SECONDS:
            cut = quietest(samples)
            tail = self(samples[cut:]).shift(cut / SAMPLE_RATE)
            return _joined(span, self(samples[:cut]), tail)
        if circles:
            return replace(chunk, english=0.0)
        return replace(chunk, words=_timed(said, spread(samples, said.words)))

    def _is_english(self, samples: NDArray[np.float32], said: Recognised) -> float | None:
        doubt = _TOKENS_WEIGHT * max(0.0, said.tokens / len(said.words) - _TOKENS_PER_WORD)
        if said.score - doubt >= TRUSTED_SCORE:
            return 1.0
        if loudness_range(samples) < _MIN_RANGE_DECIBELS:
            return None
        errors = self._phones.error_rate(samples, said.words)
        limit = _FOREIGN_PHONE_ERRORS - _DOUBT_WEIGHT * doubt
        return None if errors is None else float(errors < limit)


def _timed(said: Recognised, times: Sequence[AlignedWord]) -> tuple[Word, ...]:
    return tuple(
        Word(text, at.span, round(confidence, DIGITS), interpolated=at.interpolated)
        for text, confidence, at in zip(said.words, said.confidences, times, strict=True)
    )


def _joined(span: Span, first: SpeechChunk, second: SpeechChunk) -> SpeechChunk:
    tokens = first.tokens + second.tokens
    total = first.score * first.tokens + second.score * second.tokens
    english, _ = english_share((first, second))
    return SpeechChunk(
        span,
        first.words + second.words,
        round(total / max(1, tokens), DIGITS),
        tokens,
        None if english is None else round(english, DIGITS),
    )


def placed(chunk: SpeechChunk, span: Span) -> SpeechChunk:
    """A chunk that starts at 0 on the clock of the media, to the millisecond, inside ``span``."""
    words = []
    for word in chunk.words:
        start, end = (round(span.start + at, 3) for at in (word.span.start, word.span.end))
        inside = Span(start, max(start, end)).clamp(span)
        words.append(replace(word, span=inside))
    return replace(chunk, span=span, words=tuple(words))


def english_share(chunks: Sequence[SpeechChunk]) -> tuple[float | None, float]:
    """Share of English by duration over the chunks that tell, and how many seconds those are."""
    known = [(c.english, c.span.duration) for c in chunks if c.english is not None]
    seconds = sum(duration for _, duration in known)
    if not seconds:
        return None, 0.0
    return sum(english * duration for english, duration in known) / seconds, seconds


def quietest(samples: NDArray[np.float32]) -> int:
    """The sample in the middle half around which a tenth of a second is least loud."""
    size = round(_QUIET_WINDOW_SECONDS * SAMPLE_RATE)
    low, high = len(samples) // 4, 3 * len(samples) // 4
    power = np.concatenate([[0.0], np.cumsum(np.square(samples[low:high], dtype=np.float64))])
    if len(power) <= size:
        return len(samples) // 2
    # Whole centiseconds, the aligner's grid.
    return _round_down(low + int(np.argmin(power[size:] - power[:-size])) + size // 2)


def _round_down(sample: int) -> int:
    """To a multiple of a hundredth of a second."""
    return sample - sample % (SAMPLE_RATE // 100)


def loudness_range(samples: NDArray[np.float32]) -> float:
    """Decibels between the loud (90 %) and the quiet (10 %) frames of 25 ms."""
    size = SAMPLE_RATE // 40
    count = len(samples) // size
    if not count:
        return 0.0
    power = np.mean(np.square(samples[: count * size].reshape(count, size)), axis=1)
    quiet, loud = np.percentile(10 * np.log10(power + 1e-10), (10, 90))
    return float(loud - quiet)


def goes_round(words: Sequence[str]) -> bool:
    """Whether phrases are repeated in a way that nobody speaks: the decoder is in a loop."""
    plain = [word.strip(".,;:!?\"'").lower() for word in words]
    for size in range(1, min(10, len(plain) // 2) + 1):
        run = 0
        for i in range(size, len(plain)):
            run = run + 1 if plain[i] == plain[i - size] else 0
            # Single words are emphasised by repetition; whole phrases hardly more than twice.
            if run >= size * (2 * _MAX_REPEATS if size == 1 else _MAX_REPEATS):
                return True
    if len(plain) < _MIN_LOOP_WORDS:
        return False
    triples = Counter(zip(plain, plain[1:], plain[2:], strict=False))
    return 1 - len(triples) / triples.total() > _LOOP_SHARE
