"""Pictures of a file, small and on time: upright, square pixels, source clock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from talkreel.core.errors import MediaError
from talkreel.core.media import Media
from talkreel.core.spans import Span
from talkreel.media.container import open_container, start_seconds, tick_seconds
from talkreel.media.packets import PacketIndex, packet_index

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

__all__ = ["Frame", "FrameReader", "PacketIndex", "packet_index"]

# Two times closer than this are the same frame (90 kHz time stamps are 11 microseconds apart).
_SAME = 2e-6


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A decoded picture.

    Attributes:
        time: source second at which it shows.
        image: [H, W, 3] RGB, or [H, W] gray; uint8, upright, square pixels.
    """

    time: float
    image: NDArray[np.uint8]


class _Source:
    """One open container, its picture stream and its scaler."""

    def __init__(self, media: Media, size: tuple[int, int], gray: bool) -> None:
        from av.video.reformatter import VideoReformatter

        assert media.video is not None
        self.container: InputContainer = open_container(media.uri, media.container)
        self.stream: VideoStream = self.container.streams[media.video.index]  # type: ignore[assignment]
        self.stream.thread_type = "AUTO"
        self._zero, self._tick = start_seconds(self.container), tick_seconds(self.stream)
        turned = media.video.rotation in (90, 270)
        self._width, self._height = reversed(size) if turned else size
        self._quarters = media.video.rotation // 90
        self._scaler = VideoReformatter()
        self._format = "gray" if gray else "rgb24"

    def close(self) -> None:
        self.container.close()

    def decode(self, start: float, only: str = "DEFAULT") -> Iterator[tuple[float, VideoFrame]]:
        """Frames in order of display, the first one at or before ``start`` if there is one."""
        import av

        back = 0.0
        while True:
            self._seek(start - back, only)
            late = True
            try:
                for frame in self._frames():
                    ticks = frame.pts if frame.pts is not None else frame.dts
                    if ticks is None:
                        continue
                    time = ticks * self._tick - self._zero
                    if late and time > start + _SAME and start - back > 0:
                        break  # landed after the target: go further back
                    late = False
                    yield time, frame
            except av.error.FFmpegError:
                return
            if not late or start - back <= 0:
                return
            back = max(1.0, back * 4)

    def _seek(self, start: float, only: str) -> None:
        import av

        self.stream.codec_context.skip_frame = only  # type: ignore[assignment]
        ticks = int((max(0.0, start) + self._zero) / self._tick)
        try:
            self.container.seek(ticks, stream=self.stream, backward=True)
        except av.error.FFmpegError:
            self.container.seek(0)

    def _frames(self) -> Iterator[VideoFrame]:
        import av

        for packet in self.container.demux(self.stream):
            try:
                yield from packet.decode()
            except av.error.InvalidDataError:
                continue  # a damaged packet costs its own picture only

    def picture(self, time: float, frame: VideoFrame) -> Frame:
        scaled = self._scaler.reformat(
            frame, self._width, self._height, self._format, interpolation="AREA"
        )
        image = np.asarray(scaled.to_ndarray(), dtype=np.uint8)
        if self._quarters:
            image = np.ascontiguousarray(np.rot90(image, -self._quarters))
        return Frame(time, image)


class FrameReader:
    """Reads small pictures; iterations may be interleaved, one reader belongs to one thread.

    Args:
        media: a probed file with a picture.
        width: of the returned images in pixels; never more than the source's.
        gray: return [H, W] instead of [H, W, 3].

    Raises:
        ValueError: no picture, or a width below 1.
    """

    def __init__(self, media: Media, *, width: int, gray: bool = False) -> None:
        if media.video is None:
            raise ValueError("this media has no picture to read")
        if width < 1:
            raise ValueError(f"a width of at least 1 pixel is needed, got {width}")
        self._media = media
        self._gray = gray
        width = min(width, media.video.width)
        height = max(1, round(width * media.video.height / media.video.width))
        self.size = (width, height)
        self._idle: list[_Source] = []

    def __enter__(self) -> FrameReader:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        while self._idle:
            self._idle.pop().close()

    def keyframes(self, span: Span | None = None) -> Iterator[Frame]:
        """Keyframes in ``span`` (default: all); the others are never decoded."""
        yield from self._within(span or self._media.span, "NONKEY")

    def every(self, span: Span) -> Iterator[Frame]:
        """Every frame whose time is in ``span``."""
        yield from self._within(span, "DEFAULT")

    def sample(self, span: Span, rate_hz: float) -> Iterator[Frame]:
        """The frame at or after each point of a grid of ``rate_hz`` from ``span.start``.

        Raises:
            ValueError: a rate that is not positive.
        """
        if not rate_hz > 0:
            raise ValueError(f"a positive rate is needed, got {rate_hz}")
        with _Borrowed(self) as source:
            wanted = 0
            for time, frame in source.decode(span.start):
                if time >= span.end - _SAME:
                    return
                if time < span.start + wanted / rate_hz - _SAME:
                    continue
                yield source.picture(time, frame)
                wanted = int((time + _SAME - span.start) * rate_hz) + 1

    def at(self, times: Sequence[float]) -> list[Frame]:
        """The frame that shows at each of ``times``.

        Before the first frame it is the first one, after the end the last.

        Raises:
            ValueError: the times do not ascend.
            MediaError: nothing decodes there.
        """
        if any(b < a for a, b in pairwise(times)):
            raise ValueError("times must ascend")
        found: list[Frame] = []
        with _Borrowed(self) as source:
            while len(found) < len(times):
                found.extend(self._run(source, times[len(found) :]))
        return found

    def _run(self, source: _Source, times: Sequence[float]) -> list[Frame]:
        """The frames at the first of ``times``, up to where seeking is quicker than reading on."""
        found: list[Frame] = []
        shown: tuple[float, VideoFrame] | None = None
        image: Frame | None = None
        for time, frame in source.decode(times[0]):
            while shown is not None and time > times[len(found)] + _SAME:
                image = image if image and image.time == shown[0] else source.picture(*shown)
                found.append(image)
                if len(found) == len(times) or times[len(found)] > time + _FAR_SECONDS:
                    return found
            shown = (time, frame)
        if shown is None:
            raise MediaError(f"no picture of {self._media.uri!r} decodes at {times[0]:.3f} s")
        return [*found, *[source.picture(*shown)] * (len(times) - len(found))]

    def _within(self, span: Span, only: str) -> Iterator[Frame]:
        with _Borrowed(self) as source:
            for time, frame in source.decode(span.start, only):
                if time >= span.end - _SAME:
                    return
                if time >= span.start - _SAME:
                    yield source.picture(time, frame)

    def _borrow(self) -> _Source:
        return self._idle.pop() if self._idle else _Source(self._media, self.size, self._gray)

    def _give_back(self, source: _Source) -> None:
        self._idle.append(source)


# Reading on through this many seconds costs about what a seek to a keyframe costs.
_FAR_SECONDS = 4.0


class _Borrowed:
    """An open source for the length of one iteration."""

    def __init__(self, reader: FrameReader) -> None:
        self._reader = reader

    def __enter__(self) -> _Source:
        self._source = self._reader._borrow()
        return self._source

    def __exit__(self, *exc: object) -> None:
        self._reader._give_back(self._source)
