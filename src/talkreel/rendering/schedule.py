"""Which source second every delivered frame shows, and which stretches of the source are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from talkreel.core.edits import Edit
from talkreel.core.media import Media, VideoStream
from talkreel.core.spans import Span

# Kept spans closer together than this are read in one go: seeking again means decoding from the
# keyframe before, and phones and cameras write one every 1 to 4 seconds.
READ_ON_SECONDS = 4.0
# MPEG transport and program streams have no index: a seek may land behind the keyframe it needs.
_UNINDEXED = {"mpegts": 6.0, "mpeg": 6.0, "h264": 6.0, "hevc": 6.0}
_RATE_TOLERANCE = 0.02


@dataclass(frozen=True, slots=True)
class Stretch:
    """Kept spans that are read from one seek.

    Attributes:
        spans: source clock, ascending.
        first: index of the first delivered frame.
        last: one past the last delivered frame.
        before: clip seconds that come before this stretch.
    """

    spans: tuple[Span, ...]
    first: int
    last: int
    before: float

    @property
    def frames(self) -> int:
        """How many delivered frames it makes."""
        return self.last - self.first


@dataclass(frozen=True, slots=True, eq=False)
class Schedule:
    """The frames of a clip.

    Attributes:
        rate: frames per second of the canvas.
        stretches: in order; their frames cover the clip.
        times: [N] source second of every delivered frame (float64).
        shown: [N] latest source second a picture may carry to be the one shown (float64); what
            changes at a source frame (a crop, a layout) is looked up here, so that it changes
            with the picture and not a frame late.
        starts: [len(kept) + 1] first frame of every kept span, and the frame count.
        seekable: whether seeking works in the source; if not, it is read from its beginning.
    """

    rate: Fraction
    stretches: tuple[Stretch, ...]
    times: NDArray[np.float64]
    shown: NDArray[np.float64]
    starts: tuple[int, ...]
    seekable: bool = True

    @property
    def frames(self) -> int:
        """How many frames the clip has."""
        return len(self.times)

    @property
    def duration(self) -> float:
        """Seconds of picture."""
        return float(self.frames / self.rate)


@dataclass(frozen=True, slots=True)
class Sampling:
    """How source frames become canvas frames.

    Attributes:
        snap: largest shift (seconds) that puts source frames on the canvas grid, so that jitter
            in the timestamps cannot repeat or drop frames; 0 for none.
        bias: seconds added after snapping, to keep frames off the rounding boundary.
        reach: a frame shows what begins up to this many seconds after it.
    """

    snap: float
    bias: float
    reach: float


def sampling(video: VideoStream | None, rate: Fraction) -> Sampling:
    """How frames of ``video`` are taken at ``rate``."""
    half = float(1 / rate) / 2
    if video is None:
        return Sampling(0.0, 0.0, half)
    ratio = video.frame_rate / rate
    whole = round(ratio)
    if whole < 1 or abs(ratio - whole) > _RATE_TOLERANCE * whole:
        return Sampling(0.0, 0.0, half)
    interval = float(1 / video.frame_rate)
    # With an even ratio every second source frame would lie right between two canvas frames.
    bias = interval / 2 if whole % 2 == 0 else 0.0
    return Sampling(interval / 2, bias, half - bias)


def make_schedule(edit: Edit, media: Media) -> Schedule:
    """The frames of ``edit``."""
    rate = edit.canvas.frame_rate
    ends = np.cumsum([span.duration for span in edit.kept])
    begins = np.concatenate([[0.0], ends])
    starts = [round(float(begin) * rate) for begin in begins]
    starts[-1] = max(starts[-1], 1)
    reach = sampling(media.video, rate).reach
    times, shown = [], []
    for span, begin, (first, last) in zip(edit.kept, begins, pairwise(starts), strict=False):
        at = span.start + np.arange(first, last) / float(rate) - begin
        times.append(at)
        shown.append(np.minimum(at + reach - 1e-6, span.end - 1e-6))
    return Schedule(
        rate,
        _stretches(edit.kept, starts, [float(x) for x in begins]),
        np.concatenate(times),
        np.concatenate(shown),
        tuple(starts),
    )


def _stretches(
    kept: Sequence[Span], starts: Sequence[int], begins: Sequence[float]
) -> tuple[Stretch, ...]:
    groups: list[list[int]] = [[0]]
    for i, (before, after) in enumerate(pairwise(kept), start=1):
        if before.gap(after) <= READ_ON_SECONDS:
            groups[-1].append(i)
        else:
            groups.append([i])
    return tuple(
        Stretch(
            tuple(kept[i] for i in group), starts[group[0]], starts[group[-1] + 1], begins[group[0]]
        )
        for group in groups
    )


def seek_seconds(
    stretch: Stretch, schedule: Schedule, media: Media, *, lead: float = 0.0
) -> float | None:
    """Where reading ``stretch`` begins, source clock; None for the beginning of the file.

    Args:
        stretch: what is read.
        schedule: that it belongs to.
        media: the source.
        lead: seconds of run-up.
    """
    seek = stretch.spans[0].start - lead - _UNINDEXED.get(media.container, 0.0)
    return seek if schedule.seekable and seek > 0 else None


def picture_times(stretch: Stretch, schedule: Schedule, media: Media) -> str:
    """A ``setpts`` expression: seconds since the seek to seconds since the stretch's first frame.

    Times that are cut away land on the join after them, so the frame that is on screen when a
    span begins is shown from the span's first frame even where it began long before (slide
    recordings, five frames a second).
    """
    how = sampling(media.video, schedule.rate)
    seek = seek_seconds(stretch, schedule, media) or 0.0
    clip = float(stretch.first / schedule.rate)
    at = stretch.before - clip
    gates, offsets, lows, highs = [], [], [], []
    for span in stretch.spans:
        gates.append(span.start - seek - how.snap)
        offsets.append(span.start - seek - at)
        lows.append(at)
        at += span.duration
        highs.append(at)
    # Time goes on after the last span: only so does the graph see that it has all frames, and
    # ffmpeg stops reading.
    highs[-1] += 3600.0
    steps = [
        f"st(0,{_staircase(gates, range(1, len(gates) + 1))})",
        f"st(1,{_staircase(gates, offsets)})",
        f"st(3,{_staircase(gates, lows)})",
        f"st(4,{_staircase(gates, highs)})",
    ]
    if how.snap:
        # A new span: remember how far its first frame lies from the canvas grid.
        shift = f"clip(T-ld(1)-ld(3),{-how.snap:.7f},{how.snap:.7f})"
        steps.append(f"if(eq(ld(0),ld(5)),0,st(5,ld(0));st(2,{shift}-{how.bias:.7f}))")
    steps.append("clip(T-ld(1)-ld(2),ld(3),ld(4))/TB")
    return ";".join(steps)


def _staircase(gates: Sequence[float], values: Sequence[float] | range) -> str:
    """An expression that steps to each value when ``T`` passes its gate; 0 before the first."""
    steps = np.diff(np.asarray(values, dtype=np.float64), prepend=0.0)
    terms = (f"gte(T,{g:.7f})*({d:.7f})" for g, d in zip(gates, steps, strict=True))
    return "+".join(terms)
