"""Which pixels of the source fill which place of the canvas, frame by frame.

A still window is cut on even pixels, where 4:2:0 luma and chroma agree. A moving one is scaled
first, once, with everything it will travel over, and then cut to the canvas pixel in 4:4:4:
each step is one delivered pixel, the resampling phase never changes, and so nothing shimmers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from talkreel.core.edits import CropPath, Motion
from talkreel.core.media import VideoStream
from talkreel.rendering.colour import Conversion
from talkreel.rendering.pixels import PLAIN, Pixels

# A moving piece is scaled over at most this multiple of its window; longer ways are cut in pieces.
MAX_TRAVEL = 1.6
# Two moves closer than this are one piece of graph.
_STILL_SECONDS = 0.5
_MOVED_PX = 0.02
_ASPECT_TOLERANCE = 0.01


@dataclass(frozen=True, slots=True)
class Picture:
    """The upright source picture as ffmpeg hands it to the graph.

    Attributes:
        width: stored pixels across, after rotation.
        height: stored pixels down, after rotation.
        sample_aspect: width of such a pixel over its height.
    """

    width: int
    height: int
    sample_aspect: float

    @classmethod
    def of(cls, video: VideoStream) -> Picture:
        """After rotation, before squaring the pixels."""
        aspect = float(video.sample_aspect)
        if video.rotation in (90, 270):
            return cls(video.coded_height, video.coded_width, 1 / aspect)
        return cls(video.coded_width, video.coded_height, aspect)

    def enlarged(self, scale: int) -> Picture:
        """The same at so many times its size."""
        return Picture(self.width * scale, self.height * scale, self.sample_aspect)


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """A region of fixed size over some frames.

    Attributes:
        width: source pixels, even.
        height: source pixels, even.
        left: [N] source pixels; even where it stands still.
        top: [N] source pixels; likewise.
        moving: whether it glides; otherwise it only jumps.
    """

    width: int
    height: int
    left: NDArray[np.float64]
    top: NDArray[np.float64]
    moving: bool

    def part(self, first: int, last: int) -> Window:
        """Frames ``first`` to ``last`` (half-open) of it."""
        return Window(
            self.width, self.height, self.left[first:last], self.top[first:last], self.moving
        )

    def seen_from(self, left: int, top: int) -> Window:
        """The same in a picture that begins at that pixel."""
        return Window(self.width, self.height, self.left - left, self.top - top, self.moving)


def boxes_at(path: CropPath, times: NDArray[np.float64]) -> NDArray[np.float64]:
    """[N, 4] boxes of ``path`` at [N] source seconds."""
    keys = np.array([key.time for key in path.keys])
    boxes = np.array([key.box for key in path.keys], dtype=np.float64)
    if path.motion is Motion.HOLD:
        held = np.searchsorted(keys, times, side="right") - 1
        return np.asarray(boxes[np.maximum(held, 0)], dtype=np.float64)
    return np.stack([np.interp(times, keys, boxes[:, i]) for i in range(4)], axis=1)


def fit_aspect(boxes: NDArray[np.float64], picture: Picture, aspect: float) -> NDArray[np.float64]:
    """[N, 4] boxes whose longer side is trimmed about the middle to show ``aspect``."""
    size = np.array([picture.width * picture.sample_aspect, picture.height])
    spans = (boxes[:, 2:] - boxes[:, :2]) * size
    shown = spans[:, 0] / spans[:, 1]
    wrong = np.abs(shown / aspect - 1) > _ASPECT_TOLERANCE
    if not wrong.any():
        return boxes
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    across = np.minimum(spans[:, 0], spans[:, 1] * aspect)
    half = np.stack([across, across / aspect], axis=1) / size / 2
    fitted = np.concatenate([middle - half, middle + half], axis=1)
    return np.where(wrong[:, None], fitted, boxes)


def windows_of(
    boxes: NDArray[np.float64], picture: Picture, joins: Sequence[int], rate: float
) -> list[tuple[int, int, Window]]:
    """``boxes`` (shares, one row a frame) as pieces of one size that glide or do not.

    Args:
        boxes: [N, 4].
        picture: what they are shares of.
        joins: frames at which the source jumps; a step there is no motion.
        rate: frames per second.

    Returns:
        (first, last, window) pieces, half-open, covering all frames.
    """
    sizes = _sizes(boxes, picture)
    room = np.array([picture.width, picture.height]) - sizes
    exact = np.clip(boxes[:, :2] * [picture.width, picture.height], 0, np.maximum(room, 0))
    still = np.minimum(2 * np.round(exact / 2), 2 * (room // 2))
    moving = _moving(exact, joins, rate)
    edges = np.flatnonzero(np.any(np.diff(sizes, axis=0) != 0, axis=1) | np.diff(moving)) + 1
    pieces = []
    for first, last in pairwise([0, *edges.tolist(), len(boxes)]):
        width, height = (int(x) for x in sizes[first])
        at = still[first:last]
        if moving[first]:
            at = _anchored(exact[first:last], at)
        window = Window(width, height, at[:, 0], at[:, 1], bool(moving[first]))
        pieces += _short_ways(first, window) if window.moving else [(first, last, window)]
    return pieces


def _sizes(boxes: NDArray[np.float64], picture: Picture) -> NDArray[np.int64]:
    """[N, 2] even sizes in pixels; keys that differ by rounding get one size."""
    limit = np.array([picture.width, picture.height])
    spans = np.round((boxes[:, 2:] - boxes[:, :2]) * limit, 1)
    even = 2 * np.round(spans / 2).astype(np.int64)
    return np.asarray(np.clip(even, 2, np.maximum(2, 2 * (limit // 2))), dtype=np.int64)


def _moving(exact: NDArray[np.float64], joins: Sequence[int], rate: float) -> NDArray[np.bool_]:
    """[N] whether the window glides around a frame.

    A single step with rest on both sides is a jump; so is a step at a join.
    """
    count = len(exact)
    moved = np.any(np.abs(np.diff(exact, axis=0)) > _MOVED_PX, axis=1)
    for join in joins:
        if 0 < join < count:
            moved[join - 1] = False
    padded = np.concatenate([[False], moved, [False]])
    glides = moved & (padded[:-2] | padded[2:])
    gliding = np.zeros(count, dtype=np.bool_)
    gliding[:-1] |= glides
    gliding[1:] |= glides
    rest = max(1, round(_STILL_SECONDS * rate))
    on = np.flatnonzero(gliding)
    for a, b in pairwise(on.tolist()):
        if 1 < b - a <= rest:
            gliding[a:b] = True
    return gliding


def _anchored(exact: NDArray[np.float64], still: NDArray[np.float64]) -> NDArray[np.float64]:
    """A gliding path whose ends lie on the even pixels where it stands still before and after."""
    share = np.linspace(0.0, 1.0, len(exact))[:, None]
    shifts = (still[0] - exact[0]) * (1 - share) + (still[-1] - exact[-1]) * share
    return np.asarray(exact + shifts, dtype=np.float64)


def _short_ways(first: int, window: Window) -> list[tuple[int, int, Window]]:
    """A gliding window in pieces that travel at most ``MAX_TRAVEL`` windows."""
    allowed = np.array([window.width, window.height]) * (MAX_TRAVEL - 1)
    at = np.stack([window.left, window.top], axis=1)
    cuts = [0]
    low, high = at[0], at[0]
    for i in range(1, len(at)):
        low, high = np.minimum(low, at[i]), np.maximum(high, at[i])
        if np.any(high - low > allowed):
            cuts.append(i)
            low, high = at[i], at[i]
    return [(first + a, first + b, window.part(a, b)) for a, b in pairwise([*cuts, len(at)])]


def cut_filters(
    window: Window,
    picture: Picture,
    width: int,
    height: int,
    colour: Conversion,
    pixels: Pixels = PLAIN,
    mending: str = "",
) -> str:
    """Filters that fill ``width`` x ``height`` with ``window``.

    Args:
        window: what is shown.
        picture: what it is cut from.
        width: pixels, even.
        height: pixels, even.
        colour: how the cut picture is scaled and brought to BT.709.
        pixels: what comes out.
        mending: filters on the cut picture, each with a comma after it.
    """
    if not window.moving:
        left, top = stepwise(window.left), stepwise(window.top)
        cut = f"crop={window.width}:{window.height}:'{left}':'{top}'"
        scaled = colour.to_size(window.width * window.height, width, height)
        return f"{cut},{mending}{scaled},format={pixels.name},setsar=1"
    across, down = width / window.width, height / window.height
    x0, y0 = (2 * int(np.floor(float(v.min()) / 2)) for v in (window.left, window.top))
    x1, y1 = (
        min(limit - limit % 2, 2 * int(np.ceil((float(v.max()) + size) / 2)))
        for v, size, limit in (
            (window.left, window.width, picture.width),
            (window.top, window.height, picture.height),
        )
    )
    wide, tall = max(width, round((x1 - x0) * across)), max(height, round((y1 - y0) * down))
    left = linearly((window.left - x0) * across, wide - width)
    top = linearly((window.top - y0) * down, tall - height)
    scaled = colour.to_size((x1 - x0) * (y1 - y0), wide, tall)
    return (
        f"crop={x1 - x0}:{y1 - y0}:{x0}:{y0},{mending}{scaled},"
        f"format={pixels.whole},crop={width}:{height}:'{left}':'{top}',format={pixels.name},setsar=1"
    )


def stepwise(values: NDArray[np.float64]) -> str:
    """An expression in the frame count ``n`` for whole [N] ``values`` that change by jumps."""
    whole = np.round(values).astype(np.int64)
    jumps = np.flatnonzero(np.diff(whole)) + 1
    terms = [str(whole[0])]
    terms += [f"gte(n,{j})*({whole[j] - whole[j - 1]})" for j in jumps.tolist()]
    return "+".join(terms)


def linearly(values: NDArray[np.float64], limit: int) -> str:
    """An expression in ``n``: [N] ``values`` rounded, in straight pieces, within 0..``limit``."""
    terms = []
    for first, last in pairwise(straight(values)):
        begin = float(values[first])
        slope = (float(values[last]) - begin) / (last - first)
        terms.append(f"gte(n,{first})*lt(n,{last})*({begin:.3f}+{slope:.5f}*(n-{first}))")
    end = len(values) - 1
    terms.append(f"gte(n,{end})*({float(values[end]):.3f})")
    return f"clip(floor({'+'.join(terms)}+0.5),0,{limit})"


def straight(values: NDArray[np.float64]) -> list[int]:
    """Corners of ``values``: between them a line is off by at most a tenth of a pixel."""
    corners = [0]
    begin = 0
    for i in range(2, len(values)):
        line = np.linspace(values[begin], values[i], i - begin + 1)
        if np.max(np.abs(line - values[begin : i + 1])) > 0.1:
            begin = i - 1
            corners.append(begin)
    if len(values) > 1:
        corners.append(len(values) - 1)
    return corners
