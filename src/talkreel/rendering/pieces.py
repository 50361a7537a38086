"""A clip's frames as runs that one chain of filters makes, and what each shows of the source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from talkreel.core.edits import Edit, Layout, LayoutKind
from talkreel.core.media import Media
from talkreel.rendering.enlarge import Enlarged, Region, region_of
from talkreel.rendering.schedule import Schedule
from talkreel.rendering.windows import Picture, Window, boxes_at, fit_aspect, windows_of


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Frames ``first`` to ``last`` (half-open) that one chain of filters makes."""

    first: int
    last: int
    kind: LayoutKind
    windows: tuple[Window, ...]


def make_pieces(
    edit: Edit, media: Media, schedule: Schedule, enlarged: Enlarged | None = None
) -> list[Piece]:
    """The clip's frames as runs that one chain of filters can make."""
    which = _layout_of(edit.layouts, schedule.shown)
    if media.video is None:
        return [Piece(0, schedule.frames, LayoutKind.WAVEFORM, ())]
    picture = Picture.of(media.video).enlarged(enlarged.scale if enlarged else 1)
    kinds = np.array([list(LayoutKind).index(layout.kind) for layout in edit.layouts])[which]
    edges = np.flatnonzero(np.diff(kinds)) + 1
    pieces: list[Piece] = []
    for first, last in pairwise([0, *edges.tolist(), schedule.frames]):
        kind = edit.layouts[which[first]].kind
        if kind is LayoutKind.WAVEFORM:
            pieces.append(Piece(first, last, kind, ()))
            continue
        pieces += _run_pieces(edit, schedule, picture, which, first, last)
    if enlarged is None:
        return pieces
    left, top = enlarged.left, enlarged.top
    return [
        replace(piece, windows=tuple(window.seen_from(left, top) for window in piece.windows))
        for piece in pieces
    ]


def _run_pieces(
    edit: Edit,
    schedule: Schedule,
    picture: Picture,
    which: NDArray[np.int64],
    first: int,
    last: int,
) -> Iterator[Piece]:
    """Pieces of a run of frames whose layouts are of one kind."""
    kind = edit.layouts[which[first]].kind
    joins = _joins(schedule, which, first, last)
    tracks = []
    for number in range(len(edit.layouts[which[first]].paths)):
        boxes = _boxes(edit.layouts, which[first:last], schedule.shown[first:last], number)
        aspect = _place_aspect(edit, kind, number)
        if aspect is not None:
            boxes = fit_aspect(boxes, picture, aspect)
        tracks.append(windows_of(boxes, picture, joins, float(schedule.rate)))
    edges = sorted({edge for track in tracks for a, b, _ in track for edge in (a, b)})
    for a, b in pairwise(edges):
        windows = tuple(_window_at(track, a, b) for track in tracks)
        yield Piece(first + a, first + b, kind, windows)


def _joins(schedule: Schedule, which: NDArray[np.int64], first: int, last: int) -> list[int]:
    """Frames of a run, counted from its first, at which source or layout jumps."""
    changes = (np.flatnonzero(np.diff(which[first:last])) + 1).tolist()
    starts = [start - first for start in schedule.starts if first < start < last]
    return sorted({*changes, *starts})


def _window_at(track: Sequence[tuple[int, int, Window]], a: int, b: int) -> Window:
    begin, _, window = next(part for part in track if part[0] <= a < part[1])
    return window.part(a - begin, b - begin)


def _place_aspect(edit: Edit, kind: LayoutKind, number: int) -> float | None:
    width, height = edit.canvas.width, edit.canvas.height
    if kind is LayoutKind.CROP:
        return width / height
    if kind is LayoutKind.SPLIT:
        upper = even(height / 2)
        return width / (upper if number == 0 else height - upper)
    return None


def _boxes(
    layouts: Sequence[Layout], which: NDArray[np.int64], times: NDArray[np.float64], number: int
) -> NDArray[np.float64]:
    boxes = np.empty((len(which), 4))
    for i in np.unique(which):
        here = which == i
        boxes[here] = boxes_at(layouts[i].paths[number], times[here])
    return boxes


def _layout_of(layouts: Sequence[Layout], times: NDArray[np.float64]) -> NDArray[np.int64]:
    starts = np.array([layout.span.start for layout in layouts])
    return np.maximum(np.searchsorted(starts, times, side="right") - 1, 0)


def even(value: float) -> int:
    """The nearest even number of pixels, at least 2."""
    return max(2, 2 * round(value / 2))


def shown_region(edit: Edit, media: Media, schedule: Schedule) -> Region:
    """What the clip shows of the source's picture at any time."""
    assert media.video is not None
    pieces = make_pieces(edit, media, schedule)
    windows = [window for piece in pieces for window in piece.windows]
    return region_of(windows, Picture.of(media.video))
