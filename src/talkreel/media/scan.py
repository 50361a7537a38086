"""One pass over every picture and sound packet of a file, without decoding."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from talkreel.media.container import start_seconds, tick_seconds

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.stream import Stream

# Frame intervals further than this share from the usual one are no jitter (time stamps rounded
# to a millisecond move a 60 fps interval by 6 %).
JITTER = 0.5
_PLAUSIBLE_HZ = (0.01, 1000.0)


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
        for packet in opened.demux(*streams):
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
    zero = start_seconds(opened)
    timings = {
        stream.index: _timing(tracks[stream.index], stream, zero)
        for stream in streams
        if tracks[stream.index].shown
    }
    return timings, broken


def _timing(track: Track, stream: Stream, zero: float) -> Timing:
    tick = tick_seconds(stream)
    ticks = np.sort(np.frombuffer(track.shown, dtype=np.int64))
    steps = np.diff(ticks)
    assert track.end is not None
    end = track.end
    if not track.last_duration and steps.size:
        end += int(np.median(steps))
    return Timing(
        count=len(ticks),
        start=float(ticks[0]) * tick - zero,
        end=end * tick - zero,
        rate=_rate(ticks, steps, stream),
        variable=_is_variable(steps),
        total_bytes=track.total_bytes,
    )


def _is_variable(steps: NDArray[np.int64]) -> bool:
    if steps.size < 2:
        return False
    usual = float(np.median(steps))
    # One tick of rounding either way is jitter however coarse the time base is.
    return bool(np.any(np.abs(steps - usual) > max(JITTER * usual, 1.0)))


def _rate(ticks: NDArray[np.int64], steps: NDArray[np.int64], stream: Stream) -> Fraction | None:
    """Average frames per second, as the neat fraction that the container names if it agrees."""
    length = int(ticks[-1] - ticks[0])
    if steps.size == 0 or length <= 0 or stream.time_base is None:
        return None
    measured = Fraction(steps.size, length) / stream.time_base
    named = [getattr(stream, name, None) for name in ("average_rate", "guessed_rate", "base_rate")]
    for rate in named:
        if rate and abs(float(rate / measured) - 1.0) < 0.003:
            return Fraction(rate)
    low, high = _PLAUSIBLE_HZ
    return measured.limit_denominator(1001) if low < measured < high else None
