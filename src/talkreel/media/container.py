"""Opening a container with PyAV: forced demuxer, local file only, errors in one line."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from talkreel.core.errors import MediaError

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream

# 8192 x 8192 holds every camera up to 8K and its 360-degree frames; a decoder keeps a dozen
# pictures, so more would cost gigabytes.
MAX_PIXELS = 8192 * 8192
# Local reads never take this long; a demuxer that does is looping over hostile bytes.
_OPEN_TIMEOUT_SECONDS = 60.0
_READ_TIMEOUT_SECONDS = 60.0
# libavformat counts a container's start time and duration in microseconds.
CONTAINER_TICKS = 1_000_000


def open_container(path: str, container: str) -> InputContainer:
    """Open ``path`` with the demuxer ``container`` and nothing but local file access.

    Raises:
        MediaError: the demuxer cannot make sense of the file.
    """
    import av

    options = {"protocol_whitelist": "file", "max_pixels": str(MAX_PIXELS)}
    try:
        return av.open(
            f"file:{path}",
            mode="r",
            format=container,
            options=options,
            metadata_errors="replace",
            timeout=(_OPEN_TIMEOUT_SECONDS, _READ_TIMEOUT_SECONDS),
        )
    except (av.error.FFmpegError, OSError, ValueError, MemoryError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise MediaError(f"cannot open {path!r} as {container}: {reason}") from error


def packets(opened: InputContainer, *streams: Stream) -> Iterator[Packet[Any]]:
    """Packets of ``streams`` from where the container stands to its end; none for no streams."""
    if not streams:
        return
    # PyAV stumbles at the end over a stream that only came up while reading, as flv and
    # transport streams allow; what belongs to the others has all come by then.
    with contextlib.suppress(IndexError):
        yield from opened.demux(*streams)


def start_seconds(opened: InputContainer) -> float:
    """The container's start time, which is the source clock's zero."""
    return (opened.start_time or 0) / CONTAINER_TICKS


@dataclass(frozen=True, slots=True)
class Clock:
    """Turns a stream's time stamps into source seconds and back.

    Attributes:
        tick: seconds per time stamp unit.
        zero: time stamp, perhaps fractional, of the source clock's zero.
    """

    tick: float
    zero: float

    def seconds(self, ticks: int) -> float:
        """Source second of a time stamp; exactly 0 for a stream that starts the file."""
        return (ticks - self.zero) * self.tick

    def ticks(self, seconds: float) -> int:
        """The nearest time stamp to a source second."""
        return round(seconds / self.tick + self.zero)


def clock_of(opened: InputContainer, stream: Stream) -> Clock:
    """The clock of one stream."""
    tick = Fraction(stream.time_base or Fraction(1, CONTAINER_TICKS))
    start = Fraction(opened.start_time or 0, CONTAINER_TICKS)
    # The container's start is some stream's start rounded to a microsecond: undo the rounding.
    exact = [
        other.start_time * Fraction(other.time_base)
        for other in opened.streams
        if other.start_time is not None and other.time_base
    ]
    near = [time for time in exact if abs(time - start) <= Fraction(1, CONTAINER_TICKS)]
    return Clock(float(tick), float((near[0] if near else start) / tick))
