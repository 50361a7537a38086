"""One pass over every picture and sound packet of a file, without decoding."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from talkreel.media.container import Clock, clock_of, packets

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.stream import Stream

# Frame intervals further than this share from the usual one are no jitter (time stamps rounded
# to a millisecond move a 60 fps interval by 6 %).
_JITTER = 0.25
# One frame dropped here and there does not make a recording one of variable rate.
_VARIABLE_SHARE = 0.01
_COMMON_RATES = tuple(
    Fraction(rate)
    for rate in (
        "24000/1001",
        "24",
        "25",
        "30000/1001",
        "30",
        "48",
        "50",
        "60000/1001",
        "60",
        "100",
        "120000/1001",
        "120",
    )
)


@dataclass(slots=True)
class Track:
    """What one stream holds, in ticks of its own time base."""

    shown: array[int] = field(default_factory=lambda: array("q"))
    last_duration: int = 0
    end: int | None = None
    total_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Timing:
    """When a stream plays, on the source clock.

    Attributes:
        count: packets.
        start: second of the first one.
        end: second at which the last one ends.
        rate: average packets per second; None for fewer than two.
        variable: whether intervals differ by more than jitter.
        total_bytes: of all packets.
    """

    count: int
    start: float
    end: float
    rate: Fraction | None
    variable: bool
    total_bytes: int


def scan(opened: InputContainer, streams: Sequence[Stream]) -> tuple[dict[int, Timing], bool]:
    """Timing by stream index, and whether reading broke off with an error or a torn packet."""
    import av

    tracks = {stream.index: Track() for stream in streams}
    broken = False
    try:
        for packet in packets(opened, *streams):
            shown = packet.pts if packet.pts is not None else packet.dts
            if shown is None or not packet.size:
                continue
            if packet.is_corrupt:
                broken = True
                continue
            if packet.is_discard:
                continue
            track = tracks[packet.stream_index]
            track.shown.append(shown)
            track.total_bytes += packet.size
            end = shown + (packet.duration or 0)
            if track.end is None or end > track.end:
                track.end, track.last_duration = end, packet.duration or 0
    except av.error.FFmpegError:
        broken = True
    timings = {
        stream.index: _timing(tracks[stream.index], stream, clock_of(opened, stream))
        for stream in streams
        if tracks[stream.index].shown
    }
    return timings, broken


def _timing(track: Track, stream: Stream, clock: Clock) -> Timing:
    ticks = np.sort(np.frombuffer(track.shown, dtype=np.int64))
    steps = np.diff(ticks)
    assert track.end is not None
    end = track.end
    if not track.last_duration and steps.size:
        end += int(np.median(steps))
    regular = _regular(steps)
    variable = bool(regular.size < (1 - _VARIABLE_SHARE) * steps.size)
    return Timing(
        count=len(ticks),
        start=clock.seconds(int(ticks[0])),
        end=clock.seconds(end),
        rate=_rate(steps if variable else regular, stream),
        variable=variable,
        total_bytes=track.total_bytes,
    )


def _regular(steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """The intervals that differ from the usual one by no more than jitter."""
    usual = float(np.median(steps)) if steps.size else 0.0
    # One tick of rounding either way is jitter however coarse the time base is.
    regular: NDArray[np.int64] = steps[np.abs(steps - usual) <= max(_JITTER * usual, 1.0)]
    return regular


def _rate(steps: NDArray[np.int64], stream: Stream) -> Fraction | None:
    """Average frames per second; the neat fraction if one is meant."""
    length = int(steps.sum())
    if length <= 0 or not stream.time_base:
        return None
    measured = Fraction(len(steps), length) / Fraction(stream.time_base)
    # Both ends may be rounded to a tick.
    tolerance = 1.0 / length + 1e-9
    named = [getattr(stream, name, None) for name in ("average_rate", "base_rate")]
    neat = [Fraction(rate) for rate in named if rate] + list(_COMMON_RATES)
    off, best = min((abs(float(rate / measured) - 1.0), rate) for rate in neat)
    return best if off <= tolerance else measured
