"""Cutting a clip's picture into scenes that are framed one by one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from talkreel.core.spans import Span, TimeMap
from talkreel.core.tracks import Shot
from talkreel.edit.screens import LookAt, same_picture
from talkreel.edit.subjects import Subject

# Layouts begin a hair before the first frame of their shot, so that rounding cannot leave that
# frame to the layout before.
_MARGIN_SECONDS = 1e-4
# A shorter scene is an imprecise cut or a flash: it keeps its neighbour's framing.
_SLIVER_SECONDS = 0.12
# A face that is not seen for longer may have left, or the picture changed without a cut.
LONG_HOLE_SECONDS = 2.5
_EDGE_SECONDS = 0.5


def split_at_shots(time_map: TimeMap, shots: Sequence[Shot]) -> tuple[Span, ...]:
    """The hull of what is kept, cut where the picture cuts."""
    hull = Span(time_map.kept[0].start, time_map.kept[-1].end)
    cuts = sorted(shot.span.start - _MARGIN_SECONDS for shot in shots)
    edges = [hull.start, *(c for c in cuts if hull.start < c < hull.end), hull.end]
    chosen = [edges[0]]
    for edge in edges[1:-1]:
        if time_map.to_clip(edge) - time_map.to_clip(chosen[-1]) >= _SLIVER_SECONDS:
            chosen.append(edge)
    rest = time_map.duration - time_map.to_clip(chosen[-1])
    if len(chosen) > 1 and rest < _SLIVER_SECONDS:
        chosen.pop()
    chosen.append(hull.end)
    return tuple(Span(a, b) for a, b in pairwise(chosen) if b > a)


def split_at_holes(
    scene: Span, subjects: Sequence[Subject], look: LookAt | None
) -> tuple[tuple[Span, bool], ...]:
    """``scene`` cut where every face is away for long: (span, whether faces belong to it).

    A detector loses turned heads, so a hole stays with its scene when the picture in it
    still shows the same place; without frames to compare, it does not.
    """
    if not subjects:
        return ((scene, False),)
    grid = np.arange(scene.start, scene.end, 0.1, dtype=np.float64)
    seen = np.any([subject.seen(grid) for subject in subjects], axis=0)
    holes = [
        hole
        for hole in _runs(grid, ~seen, scene)
        if hole.duration > LONG_HOLE_SECONDS and not _same_place(hole, grid[seen], look)
    ]
    parts: list[tuple[Span, bool]] = []
    start = scene.start
    for hole in holes:
        if hole.start > start:
            parts.append((Span(start, hole.start), True))
        parts.append((hole, False))
        start = hole.end
    if start < scene.end:
        parts.append((Span(start, scene.end), True))
    return tuple(parts)


def _runs(grid: np.ndarray, wanted: np.ndarray, scene: Span) -> list[Span]:
    """Spans of the grid where ``wanted`` holds, the outer ones reaching the scene's ends."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], wanted.astype(np.int8), [0]])))
    spans = []
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        start = scene.start if first == 0 else float(grid[first])
        end = scene.end if last == len(grid) else float(grid[last])
        spans.append(Span(start, end))
    return spans


def _same_place(hole: Span, seen_times: np.ndarray, look: LookAt | None) -> bool:
    if look is None or not seen_times.size:
        return False
    # Not right at the edge of the hole: the picture may have changed a little before.
    away = hole.pad(_EDGE_SECONDS, _EDGE_SECONDS)
    sure = seen_times[(seen_times < away.start) | (seen_times >= away.end)]
    times = sure if sure.size else seen_times
    beside = float(times[np.abs(times - hole.middle).argmin()])
    inside = [hole.start + share * hole.duration for share in (0.25, 0.5, 0.75)]
    frames = look(sorted([beside, *inside]))
    if len(frames) != 4:
        return False
    reference = frames.pop(0 if beside < inside[0] else 3)
    return all(same_picture(reference, frame) for frame in frames)
