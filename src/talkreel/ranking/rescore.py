"""The score of a changed clip, by the scorer that chose it.

What is left out of a clip is taken out of the talk, words, sound curves and all, as if it had
never been said; then the clip is scored among the talk's other proposals as any clip is.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from talkreel.core.candidates import SubScore
from talkreel.core.signals import Signal
from talkreel.core.spans import Span
from talkreel.core.transcript import Word
from talkreel.ranking.options import RankOptions
from talkreel.ranking.propose import proposals_for
from talkreel.ranking.rank import to_score
from talkreel.ranking.score import Scorer, gather_facts
from talkreel.ranking.talk import Proposals, Talk, Unit


@dataclass(frozen=True, slots=True)
class Rescored:
    """What the scorer says of a clip.

    Attributes:
        total: 0..1.
        score: 0..99.
        parts: with their evidence, on the clock of the changed talk.
        cut: what was taken out, in order, for ``to_source``.
    """

    total: float
    score: int
    parts: tuple[SubScore, ...]
    cut: tuple[Span, ...]

    def to_source(self, span: Span) -> Span:
        """A span on the clock of the changed talk, on the source's."""
        start = _back(span.start, self.cut, after=True)
        return Span(start, max(start, _back(span.end, self.cut, after=False)))


class Rescorer:
    """Scores what is kept of one talk.

    Args:
        talk: all of it.
        scorer: what chose the clip.
        options: lengths that were allowed.
    """

    def __init__(self, talk: Talk, scorer: Scorer, options: RankOptions) -> None:
        self._talk, self._scorer, self._options = talk, scorer, options
        self.name = scorer.name

    def __call__(self, kept: Sequence[Span]) -> Rescored | None:
        """What the scorer says of ``kept``; None when no sentence is left in it."""
        hull = Span(kept[0].start, kept[-1].end)
        cut = tuple(
            Span(a.end, b.start) for a, b in itertools.pairwise(kept) if b.start - a.end > 1e-6
        )
        talk = without_spans(self._talk, cut)
        played = Span(hull.start, hull.end - sum(span.duration for span in cut))
        inside = [
            i
            for i, unit in enumerate(talk.units)
            if unit.span.overlap(played) > unit.span.duration / 2
        ]
        if not inside:
            return None
        facts = gather_facts(talk)
        usual = proposals_for(talk, facts.edges, self._options, Span(0.0, talk.duration))
        mine = _with(usual, inside[0], inside[-1] + 1, talk)
        scores = self._scorer(talk, facts, mine)
        index = len(mine) - 1
        total = float(scores.total[index])
        return Rescored(total, to_score(total), scores.explain(index), cut)


def without_spans(talk: Talk, cut: Sequence[Span]) -> Talk:
    """``talk`` as if ``cut`` (in order, apart) had never been recorded."""
    if not cut:
        return talk
    kept = [i for i, unit in enumerate(talk.units) if _left(unit.span, cut) > 0.5]
    units = tuple(_retimed(talk.units[i], cut) for i in kept)
    return replace(
        talk,
        units=units,
        embeddings=talk.embeddings[kept],
        signals={name: _spliced(signal, cut) for name, signal in talk.signals.items()},
        duration=talk.duration - sum(span.duration for span in cut),
    )


def _with(usual: Proposals, first: int, last: int, talk: Talk) -> Proposals:
    """The talk's proposals and, as the last one, units ``first`` to ``last``."""
    start, end = talk.units[first].span.start, talk.units[last - 1].span.end
    return replace(
        usual,
        first=np.append(usual.first, first),
        last=np.append(usual.last, last),
        start=np.append(usual.start, start),
        end=np.append(usual.end, end),
    )


def _left(span: Span, cut: Sequence[Span]) -> float:
    gone = sum(span.overlap(part) for part in cut)
    return 1 - gone / max(span.duration, 1e-9)


def _at(time: float, cut: Sequence[Span]) -> float:
    return time - sum(max(0.0, min(time, part.end) - part.start) for part in cut)


def _back(time: float, cut: Sequence[Span], *, after: bool) -> float:
    for part in cut:
        if time > part.start + 1e-6 or (after and time > part.start - 1e-6):
            time += part.duration
    return time


def _retimed(unit: Unit, cut: Sequence[Span]) -> Unit:
    words = tuple(
        Word(
            word.text,
            Span(_at(word.span.start, cut), _at(word.span.end, cut)),
            word.confidence,
            word.speaker,
            word.interpolated,
        )
        for word in unit.words
        if _left(word.span, cut) > 0.5 or word.span.duration == 0
    )
    span = Span(_at(unit.span.start, cut), _at(unit.span.end, cut))
    return Unit(span, words, unit.sentence, unit.opens, unit.closes)


def _spliced(signal: Signal, cut: Sequence[Span]) -> Signal:
    times = signal.times
    gone = np.zeros(len(times), dtype=bool)
    for part in cut:
        gone |= (times >= part.start) & (times < part.end)
    return replace(signal, values=signal.values[~gone])
