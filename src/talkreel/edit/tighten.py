"""Taking out of a clip what nobody misses: long pauses, fillers, false starts.

Every edge lies a whole number of frames from the clip's beginning, so that picture and sound
stay together over any number of joins.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from talkreel.core.signals import Signal
from talkreel.core.spans import Span
from talkreel.core.tracks import Shot
from talkreel.core.transcript import Word
from talkreel.edit.fillers import Idle, find_idle
from talkreel.edit.holes import LIVELY, LONG_PAUSE_SECONDS, Finder, Hole, Place, Sound

# Shorter runs between two joins look like a stutter.
SHORTEST_RUN_SECONDS = 1.2
_EPS = 1e-6


@dataclass(frozen=True, slots=True)
class Tightened:
    """What stays and what went.

    Attributes:
        kept: spans of whole frames.
        pauses: how many long pauses were shortened.
        idle: fillers and false starts that went.
        held: fillers and false starts that stay, as the sound around them does not rest.
        words: that ``idle`` and ``held`` count in.
        seconds: how much went.
    """

    kept: tuple[Span, ...]
    pauses: int = 0
    idle: tuple[Idle, ...] = ()
    held: tuple[Idle, ...] = ()
    words: tuple[Word, ...] = ()
    seconds: float = 0.0

    def texts(self, idle: Sequence[Idle]) -> list[str]:
        """The words of ``idle``, one text each."""
        return [" ".join(w.text for w in self.words[one.first : one.last]) for one in idle]


def tighten_span(
    kept: Span,
    words: Sequence[Word],
    shots: Sequence[Shot],
    sound: Sound,
    *,
    frame_rate: Fraction,
    fillers: bool = False,
) -> Tightened:
    """``kept`` without the middles of its long pauses and, with ``fillers``, without idle words.

    No word that stays is touched, interpolated ones included, and no run is shorter than 1.2 s.

    Args:
        kept: what would be played, a whole number of frames.
        words: of the whole transcript.
        shots: of the whole media; a join is moved onto a cut that lies just beside it.
        sound: what is known of it.
        frame_rate: of the canvas.
        fillers: whether fillers and false starts go too.
    """
    inside = sorted((w for w in words if w.span.overlap(kept) > 0), key=lambda word: word.span)
    idle = find_idle(inside) if fillers and sound.quiet is not None else ()
    finder = Finder(kept, inside, sound, [shot.span.start for shot in shots])
    holes = finder.holes(idle)
    runs, cut = _fitted(kept, holes, float(frame_rate))
    gone = tuple(one for hole in cut for one in hole.idle)
    held = tuple(one for one in idle if one not in gone)
    pauses = sum(not hole.idle for hole in cut)
    seconds = kept.duration - sum(run.duration for run in runs)
    return Tightened(runs, pauses, gone, held, tuple(inside), seconds)


def _fitted(
    kept: Span, holes: Sequence[Hole], rate: float
) -> tuple[tuple[Span, ...], tuple[Hole, ...]]:
    """Runs between as many of ``holes`` as leave runs long enough.

    All edges lie whole frames from the clip's beginning, in the source as in the clip: so no
    join moves the picture against the sound.
    """
    left = []
    for hole in holes:
        end, start = (_on_frame(place, kept, rate) for place in (hole.end, hole.start))
        if (end is None) is (hole.end is None) and (start is None) is (hole.start is None):
            left.append((hole, end, start))
    while left:
        runs = _spans(kept, [(end, start) for _, end, start in left])
        least = SHORTEST_RUN_SECONDS - _EPS
        short = next((i for i, run in enumerate(runs) if run.duration < least), None)
        if short is None:
            break
        first = int(left[0][1] is None)  # a hole at the beginning has no run before it
        beside = [i for i in (short - 1 + first, short + first) if 0 <= i < len(left)]
        left.pop(min(beside, key=lambda i: (len(left[i][0].idle), left[i][0].seconds)))
    edges = [(end, start) for _, end, start in left]
    return _spans(kept, edges), tuple(hole for hole, _, _ in left)


def _spans(kept: Span, edges: Sequence[tuple[float | None, float | None]]) -> tuple[Span, ...]:
    starts = [start for _, start in edges if start is not None]
    ends = [end for end, _ in edges if end is not None]
    if not edges or edges[0][0] is not None:
        starts.insert(0, kept.start)
    if not edges or edges[-1][1] is not None:
        ends.append(kept.end)
    return tuple(Span(a, max(a, b)) for a, b in zip(starts, ends, strict=True))


def _on_frame(place: Place | None, kept: Span, rate: float) -> float | None:
    """The time in ``place`` nearest to its best that lies whole frames after the beginning."""
    if place is None:
        return None
    least = math.ceil((place.window.start - kept.start) * rate - _EPS)
    most = math.floor((place.window.end - kept.start) * rate + _EPS)
    if least > most:
        return None
    count = min(max(round((place.best - kept.start) * rate), least), most)
    return kept.start + count / rate


def unwritten_sounds(kept: Span, words: Sequence[Word], voice: Signal | None) -> int:
    """How many short voiced sounds between words carry no word: fillers, perhaps.

    Recognisers leave out many an "um". What such a sound is cannot be told from its voice
    alone, so it stays.
    """
    if voice is None:
        return 0
    spoken = sorted(w.span for w in words if w.span.overlap(kept) > 0)
    count = 0
    for before, after in pairwise([Span(kept.start, kept.start), *spoken]):
        gap = Span(before.end, max(before.end, after.start)).pad(-0.12, -0.12)
        voiced = float((voice.over(gap) > LIVELY).sum()) * voice.step if gap.duration else 0.0
        count += 0.1 <= voiced <= LONG_PAUSE_SECONDS
    return count
