"""Time on the source clock: seconds as floats, intervals half-open.

The source clock starts at the container's own start time (what ffmpeg calls 0 after it has
subtracted ``start_time``), so a stream that starts late starts at a positive second.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open interval ``[start, end)`` in seconds; ``start == end`` is an empty span.

    Raises:
        ValueError: a bound is not finite, or ``end < start``.
    """

    start: float
    end: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.start) and math.isfinite(self.end)):
            raise ValueError(f"a span needs finite seconds, got {self.start} to {self.end}")
        if self.end < self.start:
            raise ValueError(f"a span cannot end before it starts: {self.start} to {self.end}")

    @property
    def duration(self) -> float:
        """Length in seconds, never negative."""
        return self.end - self.start

    @property
    def middle(self) -> float:
        """The instant halfway, in seconds."""
        return (self.start + self.end) / 2

    def contains(self, time: float) -> bool:
        """Whether ``start <= time < end``."""
        return self.start <= time < self.end

    def overlap(self, other: Span) -> float:
        """Seconds shared with ``other``; 0 when apart or touching."""
        return max(0.0, min(self.end, other.end) - max(self.start, other.start))

    def gap(self, other: Span) -> float:
        """Seconds between the two; 0 when they overlap or touch."""
        return max(0.0, max(self.start, other.start) - min(self.end, other.end))

    def intersect(self, other: Span) -> Span | None:
        """The shared part, or None when nothing is shared."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Span(start, end) if start < end else None

    def shift(self, seconds: float) -> Span:
        """The same length, ``seconds`` later."""
        return Span(self.start + seconds, self.end + seconds)

    def pad(self, before: float, after: float) -> Span:
        """Grown by ``before`` and ``after`` seconds (negative shrinks, down to empty)."""
        start = self.start - before
        return Span(start, max(start, self.end + after))

    def clamp(self, bounds: Span) -> Span:
        """Cut to ``bounds``; an empty span at the nearest bound when they do not meet."""
        start = min(max(self.start, bounds.start), bounds.end)
        return Span(start, min(max(self.end, start), bounds.end))


def merge(spans: Iterable[Span], max_gap: float = 0.0) -> tuple[Span, ...]:
    """Sort and join spans that overlap, touch, or lie at most ``max_gap`` seconds apart."""
    merged: list[Span] = []
    for span in sorted(spans):
        if merged and span.start - merged[-1].end <= max_gap:
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return tuple(merged)


@dataclass(frozen=True, slots=True)
class TimeMap:
    """Maps the source clock to a clip's clock when only ``kept`` spans are played, in order.

    Raises:
        ValueError: no span, an empty span, or spans that overlap or are out of order.
    """

    kept: tuple[Span, ...]

    def __post_init__(self) -> None:
        check_kept(self.kept)

    @property
    def duration(self) -> float:
        """Length of the clip in seconds."""
        return sum(span.duration for span in self.kept)

    def to_clip(self, time: float) -> float:
        """Clip second of a source second; times that are cut away land on the join after them."""
        before = 0.0
        for span in self.kept:
            if time < span.start:
                return before
            if time < span.end:
                return before + time - span.start
            before += span.duration
        return before

    def to_source(self, time: float) -> float:
        """Source second of a clip second; clamped to the clip."""
        left = max(0.0, time)
        for span in self.kept:
            if left < span.duration:
                return span.start + left
            left -= span.duration
        return self.kept[-1].end

    def span_to_clip(self, span: Span) -> Span | None:
        """A source span on the clip clock, without what is cut away; None when all of it is."""
        start, end = self.to_clip(span.start), self.to_clip(span.end)
        return Span(start, end) if end > start else None


def check_kept(kept: Sequence[Span]) -> None:
    """Raise ``ValueError`` unless ``kept`` is a non-empty ordered list of separate spans."""
    if not kept:
        raise ValueError("an edit keeps at least one span")
    for span in kept:
        if span.duration <= 0:
            raise ValueError(f"a kept span cannot be empty: {span.start} to {span.end}")
    for first, second in pairwise(kept):
        if second.start < first.end:
            raise ValueError(f"kept spans overlap or are out of order: {first} then {second}")
