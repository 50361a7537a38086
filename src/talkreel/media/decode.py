"""One open picture stream: seeks, decodes no more than is wanted, scales and turns upright."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from talkreel.core.errors import MediaError
from talkreel.core.media import Colour, Media
from talkreel.media.container import clock_of, open_container, packets
from talkreel.media.tone import tone_curve

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

# These containers store no time of display: pictures show in order, as they come out of the
# decoder (ffmpeg does the same).
DTS_ONLY = frozenset(["avi"])
# Two times closer than this are the same frame (90 kHz time stamps are 11 microseconds apart).
SAME_SECONDS = 2e-6
# More threads add memory and delay; past this they hardly add speed for one stream.
_MAX_THREADS = 8
# dav1d reads what to skip once, when it is opened: nothing of AV1 can be skipped on the way.
_SKIP_FIXED = frozenset(["av1"])
# How far before the target to look next when a seek lands after it: some containers have no
# index, and their demuxers guess.
_FIRST_STEP_BACK = 1.0
_STEP_GROWTH = 4.0


def _seek_targets(start: float) -> Iterator[float]:
    """``start``, then ever further back, at last before the beginning."""
    target, step = start, _FIRST_STEP_BACK
    while target > 0.0:
        yield target
        target -= step
        step *= _STEP_GROWTH
    yield -1.0


class PictureSource:
    """Decoded pictures of one file; used by one iteration at a time.

    Args:
        media: a probed file with a picture.
        size: displayed width and height of the pictures to give.
        gray: give luma only.
        averaged: see ``FrameReader``.

    Raises:
        MediaError: the file cannot be opened any more, or is another one now.
    """

    def __init__(
        self, media: Media, size: tuple[int, int], gray: bool, averaged: bool = True
    ) -> None:
        from av.stream import Discard
        from av.video.reformatter import VideoReformatter
        from av.video.stream import VideoStream

        assert media.video is not None
        self._container: InputContainer = open_container(media.uri, media.container)
        streams = self._container.streams
        stream = streams[media.video.index] if media.video.index < len(streams) else None
        if not isinstance(stream, VideoStream):
            self._container.close()
            raise MediaError(f"{media.uri!r} has changed since it was probed: probe it again")
        for other in streams:
            other.discard = Discard.default if other is stream else Discard.all
        self._stream: VideoStream = stream
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = min(_MAX_THREADS, os.cpu_count() or 1)
        self._by_dts = media.container in DTS_ONLY
        self._skips = not self._by_dts and media.video.codec not in _SKIP_FIXED
        self._last = 0
        self.clock = clock_of(self._container, stream)
        turned = media.video.rotation in (90, 270)
        self._width, self._height = reversed(size) if turned else size
        self._quarters = media.video.rotation // 90
        self._scaler = VideoReformatter()
        self._format = "gray" if gray else "rgb24"
        # Area averaging: no aliasing at any ratio.
        self._interpolation = "AREA" if averaged else "FAST_BILINEAR"
        self._curve = None if media.video.colour is Colour.SDR else tone_curve(media.video.colour)

    def close(self) -> None:
        """Let go of the file."""
        self._container.close()

    def decode(
        self,
        start: float,
        *,
        keys_only: bool = False,
        wanted: Callable[[int], bool] | None = None,
    ) -> Iterator[tuple[float, VideoFrame]]:
        """Source second and picture in order of display, from one at or before ``start``.

        Args:
            start: source second.
            keys_only: decode keyframes only.
            wanted: tells by its time stamp whether a picture is needed (default: all are).
                Others are decoded only where these depend on them, so some of them are
                missing from what is given.
        """
        import av

        for target in _seek_targets(start):
            arrived = target < 0.0  # there is nothing further back to try
            self._seek(target)
            try:
                for time, frame in self._read(keys_only, wanted):
                    if not arrived and time > start + SAME_SECONDS:
                        break
                    arrived = True
                    yield time, frame
            except av.error.FFmpegError:
                return
            if arrived:
                return

    def _seek(self, start: float) -> None:
        import av

        try:
            self._container.seek(self.clock.ticks(start), stream=self._stream, backward=True)
        except av.error.FFmpegError:
            self._container.seek(0)

    def _read(
        self, keys_only: bool, wanted: Callable[[int], bool] | None
    ) -> Iterator[tuple[float, VideoFrame]]:
        import av

        context = self._stream.codec_context
        context.skip_frame = "NONKEY" if keys_only else "DEFAULT"
        for packet in packets(self._container, self._stream):
            if wanted is not None and packet.pts is not None and self._skips:
                context.skip_frame = "DEFAULT" if wanted(packet.pts) else "NONREF"
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                continue  # a damaged packet costs its own picture only
            for frame in frames:
                stamp = self._stamp(frame)
                if stamp is not None:
                    yield self.clock.seconds(stamp), frame

    def _stamp(self, frame: VideoFrame) -> int | None:
        if not self._by_dts:
            return frame.pts if frame.pts is not None else frame.dts
        # Pictures that come out after the last packet have no time stamp of their own.
        self._last = frame.dts if frame.dts is not None else self._last + 1
        return self._last

    def image(self, frame: VideoFrame) -> NDArray[np.uint8]:
        """[H, W, 3] RGB or [H, W] gray, upright with square pixels."""
        # One thread: the pool costs more than it gives for small targets.
        scaled = self._scaler.reformat(
            frame,
            self._width,
            self._height,
            self._format,
            interpolation=self._interpolation,
            threads=1,
        )
        image = np.asarray(scaled.to_ndarray(), dtype=np.uint8)
        if self._curve is not None:
            image = self._curve[image]
        if self._quarters:
            image = np.ascontiguousarray(np.rot90(image, -self._quarters))
        return image
