"""Shortening long pauses inside a clip."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from talkreel.core.signals import Signal
from talkreel.core.spans import Span
from talkreel.core.tracks import Shot
from talkreel.core.transcript import Word
from talkreel.edit.boundaries import CUT_MARGIN_SECONDS

# Pauses longer than this are shortened; shorter ones are the speaker's own rhythm.
LONG_PAUSE_SECONDS = 0.7
# What is left of a pause: the decay of one word and the breath before the next. Together
# 0.3 s, the middle of ordinary pauses between clauses.
KEEP_AFTER_WORD = 0.18
KEEP_BEFORE_WORD = 0.12
# Runs are shortened to whole frames by up to one frame, 0.05 s at 20 a second.
FRAME_ROOM_SECONDS = 0.055
# Shorter runs between two joins look like a stutter.
SHORTEST_RUN_SECONDS = 1.2
# A pause in which people laugh or clap, or a voice says what was not transcribed, stays.
_LIVELY = 0.5
_EPS = 1e-6


def tighten_span(
    kept: Span,
    words: Sequence[Word],
    shots: Sequence[Shot],
    *,
    frame_rate: Fraction,
    voice: Signal | None = None,
    reaction: Signal | None = None,
) -> tuple[Span, ...]:
    """``kept`` without the middles of its long pauses: one or more spans of whole frames.

    No word is touched, interpolated ones included, and no run is shorter than 1.2 s.

    Args:
        kept: what would be played, a whole number of frames.
        words: of the whole transcript.
        shots: of the whole media; a join is moved onto a cut that lies just beside it.
        frame_rate: of the canvas.
        voice: probability of speech; a pause with untranscribed voice is left alone.
        reaction: probability of laughter or applause; such a pause is left alone.
    """
    gaps = [
        gap
        for gap in _pauses(kept, words)
        if not (_lively(voice, gap, mean=False) or _lively(reaction, gap, mean=True))
    ]
    cuts = [shot.span.start for shot in shots]
    removed = [_removal(gap, cuts) for gap in gaps]
    removed = _without_short_runs(kept, removed)
    return _whole_frame_runs(kept, removed, frame_rate)


def _pauses(kept: Span, words: Sequence[Word]) -> list[Span]:
    """Gaps longer than ``LONG_PAUSE_SECONDS`` between the words inside ``kept``."""
    spoken = sorted(word.span for word in words if word.span.overlap(kept) > 0)
    gaps = []
    end = math.inf
    for span in spoken:
        if span.start - end > LONG_PAUSE_SECONDS:
            gaps.append(Span(end, span.start))
        end = span.end if math.isinf(end) else max(end, span.end)
    return gaps


def _lively(signal: Signal | None, gap: Span, *, mean: bool) -> bool:
    """Whether the inner part of a pause is not silence.

    The edges are left out: there the neighbouring words decay.
    """
    if signal is None or not len(signal.values):
        return False
    inner = gap.pad(-KEEP_AFTER_WORD, -KEEP_BEFORE_WORD)
    if mean:
        return signal.mean_over(inner) > _LIVELY
    voiced = float((signal.over(inner) > _LIVELY).sum()) * signal.step
    return voiced > 0.25


def _removal(gap: Span, cuts: Sequence[float]) -> Span:
    """The part of a pause that goes; at a picture cut beside the join, up to the cut."""
    start, end = gap.start + KEEP_AFTER_WORD, gap.end - KEEP_BEFORE_WORD
    near = FRAME_ROOM_SECONDS
    start = min([start, *(c - CUT_MARGIN_SECONDS for c in cuts if gap.start + near < c < start)])
    end = max([end, *(c + CUT_MARGIN_SECONDS for c in cuts if end < c < gap.end - near)])
    return Span(start, end)


def _without_short_runs(kept: Span, removed: list[Span]) -> list[Span]:
    """Give back the shorter pause beside every run that would be too short."""
    removed = list(removed)
    while removed:
        edges = [kept.start, *(t for gap in removed for t in (gap.start, gap.end)), kept.end]
        runs = list(zip(edges[::2], edges[1::2], strict=True))
        short = [i for i, (a, b) in enumerate(runs) if b - a < SHORTEST_RUN_SECONDS]
        if not short:
            break
        beside = [i for i in (short[0] - 1, short[0]) if 0 <= i < len(removed)]
        removed.pop(min(beside, key=lambda i: removed[i].duration))
    return removed


def _whole_frame_runs(kept: Span, removed: list[Span], frame_rate: Fraction) -> tuple[Span, ...]:
    """Kept runs of whole frames.

    Each is shortened by less than a frame inside a pause, so that no join crosses the picture
    cut it was moved to.
    """
    if not removed:
        return (kept,)
    rate = float(frame_rate)
    runs = []
    start = kept.start
    for gap in removed:
        count = math.floor((gap.start - start) * rate + _EPS)
        runs.append(Span(start, start + count / rate))
        start = gap.end
    # The last run gives way at its start: its end is the clip's end.
    count = math.floor((kept.end - start) * rate + _EPS)
    return (*runs, Span(kept.end - count / rate, kept.end))
