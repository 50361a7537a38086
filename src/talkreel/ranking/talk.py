"""A talk cut into the units that clips are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from talkreel.core.arrays import FloatArray
from talkreel.core.signals import Signal
from talkreel.core.spans import Span
from talkreel.core.tracks import Shot
from talkreel.core.transcript import Transcript, Word
from talkreel.ranking.wording import bare_all


@dataclass(frozen=True)
class Unit:
    """The smallest thing a clip is built of: a sentence, or a stretch of sound without words.

    Attributes:
        span: source clock, never empty.
        words: what is said; empty where nobody speaks.
        sentence: index of the sentence it belongs to, -1 without words.
        opens: whether a clip may start here without cutting a sentence.
        closes: whether a clip may end here likewise.
    """

    span: Span
    words: tuple[Word, ...] = ()
    sentence: int = -1
    opens: bool = True
    closes: bool = True

    @cached_property
    def bare(self) -> tuple[str, ...]:
        """The words as the lexicons spell them."""
        return bare_all(word.text for word in self.words)

    @cached_property
    def text(self) -> str:
        """The words joined by blanks."""
        return " ".join(word.text for word in self.words)


@dataclass(frozen=True, eq=False)
class Talk:
    """All a scorer may look at.

    Attributes:
        units: in order of time.
        embeddings: [U, 384] unit vectors (zeros where there are no words).
        signals: curves by name.
        duration: seconds of the media.
        shots: of the picture.
        query: the topic asked for, or None.
        query_embedding: [384] its unit vector, or None.
    """

    units: tuple[Unit, ...]
    embeddings: FloatArray
    signals: Mapping[str, Signal]
    duration: float
    shots: tuple[Shot, ...] = ()
    query: str | None = None
    query_embedding: FloatArray | None = None

    @cached_property
    def starts(self) -> FloatArray:
        """[U] seconds."""
        return np.array([unit.span.start for unit in self.units], dtype=np.float64)

    @cached_property
    def ends(self) -> FloatArray:
        """[U] seconds."""
        return np.array([unit.span.end for unit in self.units], dtype=np.float64)

    @cached_property
    def has_words(self) -> bool:
        """Whether anything is said."""
        return any(unit.words for unit in self.units)

    @cached_property
    def punctuated(self) -> bool:
        """Whether sentence marks can be trusted: at least a third of the units carry one."""
        spoken = [unit for unit in self.units if unit.words]
        marked = sum(unit.words[-1].ends_sentence for unit in spoken)
        return bool(spoken) and marked * 3 >= len(spoken)

    @cached_property
    def gaps(self) -> FloatArray:
        """[U+1] seconds of pause before unit i; the ends of the media count as long pauses."""
        inner = self.starts[1:] - self.ends[:-1]
        return np.concatenate([[10.0], np.maximum(0.0, inner), [10.0]])


@dataclass(frozen=True, eq=False)
class Proposals:
    """Runs of units ``first[p]:last[p]`` (half-open) that could be clips.

    Attributes:
        first: [P] int index of the first unit.
        last: [P] int index after the last unit.
        start: [P] seconds.
        end: [P] seconds.
        min_seconds: shortest length that was allowed.
        max_seconds: longest length that was allowed.
    """

    first: np.ndarray[tuple[int], np.dtype[np.int64]]
    last: np.ndarray[tuple[int], np.dtype[np.int64]]
    start: FloatArray
    end: FloatArray
    min_seconds: float
    max_seconds: float

    def __len__(self) -> int:
        return len(self.first)

    def span(self, index: int) -> Span:
        """Source span of one proposal."""
        return Span(float(self.start[index]), float(self.end[index]))

    def keep(self, index: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Proposals:
        """Only the proposals at ``index``, in that order."""
        return replace(
            self,
            first=self.first[index],
            last=self.last[index],
            start=self.start[index],
            end=self.end[index],
        )


def sentence_units(transcript: Transcript, bounds: Span, max_seconds: float) -> tuple[Unit, ...]:
    """One unit per sentence inside ``bounds``; sentences above ``max_seconds`` come in pieces.

    Words without length and words that overlap are given a sane order; a sentence that lies
    outside the media is left out.
    """
    units: list[Unit] = []
    for index, sentence in enumerate(transcript.sentences):
        span = _hull(sentence.words)
        if span.start < bounds.start - 1e-6 or span.end > bounds.end + 1e-6:
            continue
        span = span.clamp(bounds)
        if span.duration <= 0:
            continue
        if span.duration <= max_seconds:
            units.append(Unit(span, sentence.words, index))
            continue
        pieces = split_words(sentence.words, max_seconds)
        for place, piece in enumerate(pieces):
            hull = _hull(piece).clamp(bounds)
            if 0 < hull.duration <= max_seconds:
                units.append(
                    Unit(hull, piece, index, opens=place == 0, closes=place + 1 == len(pieces))
                )
    return _in_order(units)


def split_words(words: tuple[Word, ...], max_seconds: float) -> list[tuple[Word, ...]]:
    """Pieces no longer than ``max_seconds``, cut at the longest pauses, then at clause marks."""
    if _hull(words).duration <= max_seconds or len(words) < 2:
        return [words]
    middle = _hull(words).middle
    half = max(1e-6, _hull(words).duration / 2)

    def worth(i: int) -> float:
        pause = max(0.0, words[i].span.start - words[i - 1].span.end)
        clause = 0.4 if words[i - 1].text.endswith((",", ";", ":", "—", "–")) else 0.0
        central = 1 - abs(words[i].span.start - middle) / half
        return min(pause, 2.0) + clause + 0.5 * central

    cut = max(range(1, len(words)), key=worth)
    return [*split_words(words[:cut], max_seconds), *split_words(words[cut:], max_seconds)]


def _hull(words: Sequence[Word]) -> Span:
    start = min(word.span.start for word in words)
    return Span(start, max(start, *(word.span.end for word in words)))


def _in_order(units: Sequence[Unit]) -> tuple[Unit, ...]:
    """Units that neither overlap nor go back; an overlap is given to the earlier one."""
    ordered: list[Unit] = []
    for unit in sorted(units, key=lambda u: (u.span.start, u.span.end)):
        if ordered and unit.span.start < ordered[-1].span.end:
            start = ordered[-1].span.end
            if unit.span.end <= start:
                continue
            span = Span(start, unit.span.end)
            unit = Unit(span, unit.words, unit.sentence, unit.opens, unit.closes)
        ordered.append(unit)
    return tuple(ordered)
