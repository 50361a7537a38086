"""Pictures in and out of lossless files, one at a time: what a stage hands on to the renderer."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

_CODEC, _FORMAT = "ffv1", "bgr0"
# ffmpeg arguments that write the same kind of file.
LOSSLESS_OPTIONS = ("-c:v", _CODEC, "-pix_fmt", _FORMAT, "-f", "matroska")


def read_lossless(path: Path) -> Iterator[Image]:
    """[H, W, 3] RGB, every picture of a file of ours in order."""
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)


class LosslessWriter:
    """Writes RGB pictures of one size as FFV1.

    Args:
        path: of the file (.mkv).
        rate: pictures a second.
        width: pixels.
        height: pixels.
    """

    def __init__(self, path: Path, rate: Fraction, width: int, height: int) -> None:
        self._container = av.open(str(path), "w", format="matroska")
        stream = self._container.add_stream(_CODEC, rate=rate)
        assert isinstance(stream, av.VideoStream)
        self._stream = stream
        self._stream.width, self._stream.height = width, height
        self._stream.pix_fmt = _FORMAT
        self._count = 0

    def __enter__(self) -> LosslessWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._container.mux(self._stream.encode())
        self._container.close()

    def write(self, image: Image) -> None:
        """Add one [H, W, 3] RGB picture."""
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        frame.pts = self._count
        self._count += 1
        self._container.mux(self._stream.encode(frame))
