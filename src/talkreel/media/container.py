"""Opening a container with PyAV: forced demuxer, local file only, errors in one line."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from talkreel.core.errors import MediaError

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.stream import Stream

# 16384 x 16384: above every real camera, far below what would exhaust memory.
MAX_PIXELS = 16384 * 16384
# Local reads never take this long; a demuxer that does is looping over hostile bytes.
OPEN_TIMEOUT_SECONDS = 60.0
READ_TIMEOUT_SECONDS = 60.0
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
            timeout=(OPEN_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS),
        )
    except (av.error.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise MediaError(f"cannot open {path!r} as {container}: {reason}") from error


def start_seconds(opened: InputContainer) -> float:
    """The container's start time, which is the source clock's zero."""
    return (opened.start_time or 0) / CONTAINER_TICKS


def tick_seconds(stream: Stream) -> float:
    """Length of one tick of the stream's time base."""
    return float(stream.time_base or Fraction(1, CONTAINER_TICKS))
