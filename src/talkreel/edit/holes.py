"""What can go out of a clip between two words that stay, cut where the sound is quiet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from talkreel.core.signals import Signal
from talkreel.core.spans import Span
from talkreel.core.transcript import Word
from talkreel.edit.boundaries import CUT_MARGIN_SECONDS
from talkreel.edit.fillers import Idle
from talkreel.edit.quiet import Quiet

# Pauses longer than this are shortened; shorter ones are the speaker's own rhythm.
LONG_PAUSE_SECONDS = 0.7
# What is left of a pause: the decay of one word and the breath before the next. Together
# 0.3 s, the middle of ordinary pauses between clauses.
KEEP_AFTER_WORD = 0.18
KEEP_BEFORE_WORD = 0.12
# What is left before the first and after the last word where the clip begins or ends later.
_PRE_ROLL, _POST_ROLL = 0.2, 0.4
# Less is not worth a join.
_LEAST_REMOVED_SECONDS = 0.1
# Kept off the edges of a quiet stretch: the crossfade and the blur of the level's window.
_EDGE_SECONDS = 0.012
# A picture cut that lies nearer to a word than this cannot be reached from the pause.
_NEAR_SECONDS = 0.055
# The marked edges of a word are this uncertain; a filler may begin or end earlier than marked.
_SLACK_SECONDS = 0.08
# A cut rather lies this clear of what goes, whose first and last sounds may be faint.
_CLEAR_SECONDS = 0.03
# A pause in which people laugh or clap, or a voice says what was not transcribed, stays.
LIVELY = 0.5
_VOICED_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Sound:
    """What is known of the sound, each may be None.

    Attributes:
        voice: probability of speech; a pause with untranscribed voice is left alone.
        reaction: probability of laughter or applause; such a pause is left alone.
        quiet: where nothing sounds; without it pauses are taken to be silent between their
            words, and no word is taken out.
    """

    voice: Signal | None = None
    reaction: Signal | None = None
    quiet: Quiet | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run may begin or end, and where it would best."""

    window: Span
    best: float


@dataclass(frozen=True, slots=True)
class Hole:
    """What can go between two words that stay.

    Attributes:
        end: where the run before it ends; None at the beginning of the clip.
        start: where the run after it starts; None at the end of the clip.
        idle: fillers and false starts in it; none for a pause.
    """

    end: Place | None
    start: Place | None
    idle: tuple[Idle, ...] = ()

    @property
    def seconds(self) -> float:
        """How much goes, about."""
        if self.end is None or self.start is None:
            return math.inf
        return self.start.best - self.end.best


@dataclass(frozen=True, slots=True)
class Finder:
    """Finds the holes of one clip."""

    kept: Span
    words: Sequence[Word]
    sound: Sound
    cuts: Sequence[float]

    def holes(self, idle: Sequence[Idle]) -> list[Hole]:
        """Long pauses and what of ``idle`` can be cut out, in order."""
        holes: dict[int, Hole] = {}
        for group in _touching(idle):
            # All of what follows one another goes at once; else each part by itself.
            whole = self._hole(group)
            found = [whole] if whole else [self._hole((one,)) for one in group]
            for hole in found:
                if hole is not None:
                    holes[hole.idle[0].first] = hole
        gone = {i for hole in holes.values() for one in hole.idle for i in range(*_range(one))}
        reached = 0.0
        for i, word in enumerate(self.words[:-1], start=1):
            reached = max(reached, word.span.end)
            gap = self.words[i].span.start - reached
            if i not in gone and i - 1 not in gone and gap > LONG_PAUSE_SECONDS:
                pause = self._pause(Span(reached, self.words[i].span.start))
                if pause is not None:
                    holes[i] = pause
        return [holes[i] for i in sorted(holes)]

    def _pause(self, gap: Span) -> Hole | None:
        inner = gap.pad(-KEEP_AFTER_WORD, -KEEP_BEFORE_WORD)
        if self._lively([inner]):
            return None
        return _worth(
            Hole(self._end(gap, gap.middle, gap.middle), self._start(gap, gap.middle, gap.middle))
        )

    def _hole(self, group: tuple[Idle, ...]) -> Hole | None:
        """The hole that ``group`` leaves, or None where the sound does not allow it."""
        first, last = group[0].first, group[-1].last
        spoken = Span(self.words[first].span.start, max(w.span.end for w in self.words[first:last]))
        before = max((w.span.end for w in self.words[:first]), default=self.kept.start)
        after = self.words[last].span.start if last < len(self.words) else self.kept.end
        if first == 0 and last == len(self.words):
            return None
        if before > spoken.start + _SLACK_SECONDS or after < spoken.end - _SLACK_SECONDS:
            return None  # somebody talks at the same time
        slack = min(_SLACK_SECONDS, spoken.duration / 2)
        left = Span(before, max(before, spoken.start + slack))
        right = Span(min(after, spoken.end - slack), after)
        beside = [
            Span(before + KEEP_AFTER_WORD, max(before + KEEP_AFTER_WORD, spoken.start - 0.1)),
            Span(min(spoken.end + 0.1, after - KEEP_BEFORE_WORD), after - KEEP_BEFORE_WORD),
        ]
        if self._lively([Span(min(s.start, s.end), s.end) for s in beside]):
            return None
        end = self._end(left, left.end, spoken.start - _CLEAR_SECONDS) if first else None
        start = (
            self._start(right, right.start, spoken.end + _CLEAR_SECONDS)
            if last < len(self.words)
            else None
        )
        return _worth(Hole(end, start, group), lead=not first, tail=last == len(self.words))

    def _end(self, gap: Span, latest: float, rather: float) -> Place | None:
        """Where in ``gap``, which follows a word, the run that ends with that word may end.

        At ``latest``, and rather not after ``rather``.
        """
        quiet = self._quiet(Span(gap.start, max(gap.start, latest)))
        if quiet is None:
            return None
        cuts = [c - CUT_MARGIN_SECONDS for c in self.cuts if gap.start + _NEAR_SECONDS < c]
        window = Span(quiet.start, max(quiet.start, min([quiet.end, *cuts])))
        keep = KEEP_AFTER_WORD if latest < self.kept.end else _POST_ROLL
        best = min(gap.start + keep, rather)
        return Place(window, min(max(best, window.start), window.end))

    def _start(self, gap: Span, earliest: float, rather: float) -> Place | None:
        """Where in ``gap``, which precedes a word, the run that starts with it may start.

        At ``earliest``, and rather not before ``rather``.
        """
        quiet = self._quiet(Span(min(earliest, gap.end), gap.end))
        if quiet is None:
            return None
        cuts = [c + CUT_MARGIN_SECONDS for c in self.cuts if c < gap.end - _NEAR_SECONDS]
        window = Span(min(quiet.end, max([quiet.start, *cuts])), quiet.end)
        best = max(gap.end - KEEP_BEFORE_WORD, rather)
        return Place(window, min(max(best, window.start), window.end))

    def _quiet(self, within: Span) -> Span | None:
        """The quiet stretch of ``within`` in which a cut may lie."""
        if self.sound.quiet is None:
            return within
        found = self.sound.quiet.longest(within)
        return found and found.pad(-_EDGE_SECONDS, -_EDGE_SECONDS)

    def _lively(self, spans: Sequence[Span]) -> bool:
        """Whether there is more than silence in ``spans``."""
        voice, reaction = self.sound.voice, self.sound.reaction
        voiced = 0.0
        for span in spans:
            if reaction is not None and reaction.mean_over(span) > LIVELY:  # NaN is not
                return True
            if voice is not None:
                voiced += float((voice.over(span) > LIVELY).sum()) * voice.step
        return voiced > _VOICED_SECONDS


def _range(idle: Idle) -> tuple[int, int]:
    return idle.first, idle.last


def _touching(idle: Sequence[Idle]) -> list[tuple[Idle, ...]]:
    """``idle`` in groups of neighbours."""
    groups: list[list[Idle]] = []
    for one in idle:
        if groups and groups[-1][-1].last == one.first:
            groups[-1].append(one)
        else:
            groups.append([one])
    return [tuple(group) for group in groups]


def _worth(hole: Hole, *, lead: bool = False, tail: bool = False) -> Hole | None:
    """``hole`` if both its edges are there and it is long enough."""
    if (hole.end is None) is not lead or (hole.start is None) is not tail:
        return None
    if hole.end is None or hole.start is None:
        return hole
    if hole.start.window.start < hole.end.window.end:
        middle = (hole.end.best + hole.start.best) / 2
        hole = replace(hole, end=_before(hole.end, middle), start=_after(hole.start, middle))
    return hole if hole.seconds >= _LEAST_REMOVED_SECONDS else None


def _before(place: Place, time: float) -> Place:
    end = max(place.window.start, min(place.window.end, time))
    return Place(Span(place.window.start, end), min(place.best, end))


def _after(place: Place, time: float) -> Place:
    start = min(place.window.end, max(place.window.start, time))
    return Place(Span(start, place.window.end), max(place.best, start))
