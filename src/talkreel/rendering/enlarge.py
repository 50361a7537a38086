"""Frames of a clip that a network enlarged, and how the picture's graph takes them.

Frame ``n`` of such a file is frame ``n`` of the clip: the same graph that reads the source for
the clip (joins, variable frame rates, held frames) writes what is enlarged. It holds the part of
the picture that the clip shows, and no more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from talkreel.core.delivery import VideoCodec
from talkreel.core.edits import Edit, LayoutKind
from talkreel.rendering.schedule import Schedule
from talkreel.rendering.windows import Picture, Window

# Around what is shown: rounding to even pixels differs from one size to another, and a network
# needs to see a little beyond the edge.
_MARGIN_PX = 16
# Without, every way from one kind of colour to the other darkens by half a code.
_EXACT = "bicubic+accurate_rnd+full_chroma_int+full_chroma_inp"


@dataclass(frozen=True, slots=True)
class Region:
    """A part of the source's upright picture, in its pixels."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Enlarged:
    """A file of enlarged frames.

    Attributes:
        path: of the file.
        region: what of the source's picture it shows.
        scale: times its size.
    """

    path: Path
    region: Region
    scale: int

    @property
    def left(self) -> int:
        """Where the file's pictures begin in the whole enlarged one."""
        return self.region.left * self.scale

    @property
    def top(self) -> int:
        """Likewise, from above."""
        return self.region.top * self.scale

    def picture(self, source: Picture) -> Picture:
        """What the frames of the file are."""
        width, height = self.region.width * self.scale, self.region.height * self.scale
        return Picture(width, height, source.sample_aspect)


def takes_enlarged(edit: Edit) -> bool:
    """Whether rendering ``edit`` needs enlarged frames."""
    delivery = edit.encoding.delivery
    pictured = any(layout.kind is not LayoutKind.WAVEFORM for layout in edit.layouts)
    shown = pictured and not delivery.overlay and delivery.video is not VideoCodec.NONE
    return edit.picture.upscale is not None and shown


def region_of(windows: Sequence[Window], picture: Picture) -> Region:
    """The part of ``picture`` that holds all ``windows``, with a little around it.

    Raises:
        ValueError: no windows.
    """
    left = min(float(window.left.min()) for window in windows) - _MARGIN_PX
    top = min(float(window.top.min()) for window in windows) - _MARGIN_PX
    right = max(float(window.left.max()) + window.width for window in windows) + _MARGIN_PX
    bottom = max(float(window.top.max()) + window.height for window in windows) + _MARGIN_PX
    # Even, where 4:2:0 luma and chroma agree.
    x0, y0 = (max(0, 2 * int(np.floor(v / 2))) for v in (left, top))
    x1 = min(picture.width, 2 * int(np.ceil(right / 2)))
    y1 = min(picture.height, 2 * int(np.ceil(bottom / 2)))
    return Region(x0, y0, x1 - x0, y1 - y0)


def cutting(region: Region, mended: str, matrix: str) -> str:
    """Filters from the source's frames to RGB pictures of ``region``.

    Args:
        region: what is cut.
        mended: filters on the cut picture, each with a comma after it.
        matrix: of the source's luma and chroma.
    """
    cut = f"crop={region.width}:{region.height}:{region.left}:{region.top}"
    to_rgb = f"scale=in_color_matrix={matrix}:out_range=full:flags={_EXACT},format=bgr0"
    return f"{cut},{mended}{to_rgb}"


def read_enlarged(schedule: Schedule, matrix: str) -> Iterator[str]:
    """The chain from input 0, the enlarged frames, to ``[frames]`` in the source's colours."""
    rate = schedule.rate
    yield (
        f"[0:v]scale=out_color_matrix={matrix}:out_range=limited:flags={_EXACT},format=yuv444p,"
        # Matroska counts in milliseconds.
        f"settb=1/{rate.numerator},setpts=N*{rate.denominator}[frames]"
    )
