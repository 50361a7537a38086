"""Hiding jump cuts: where a person would hop at a join, the run after it is shown closer.

A jump of the framing reads as a change of camera; a jump of the person in the same framing
reads as a fault. The eyes stay where they were on the canvas, so the look does not hop either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from talkreel.core.edits import Box, Canvas, CropKey, CropPath, Layout, LayoutKind
from talkreel.core.media import VideoStream
from talkreel.core.spans import Span
from talkreel.core.tracks import FaceTrack, Shot
from talkreel.edit.geometry import View
from talkreel.edit.layouts import sliced
from talkreel.edit.paths import EYES_IN_FACE
from talkreel.edit.screens import LookAt, luma, same_picture

LARGEST_PUNCH = 1.15
# Closer to the first framing it is no other camera but a twitch.
SMALLEST_PUNCH = 1.08
_PUNCH_STEP = 0.01
# Mean difference of luma (of 255) over the framed region from which the eye sees a hop: what
# still pictures differ by after compression is below 1, talking heads a second apart above 3.
_HOP = 2.0
# Hair above the marked face, in face heights, that a closer framing must not cut off.
_HAIR = 0.3


@dataclass(frozen=True, slots=True)
class Punched:
    """Layouts with closer framings, and what became of the joins.

    Attributes:
        layouts: cover what they covered before.
        hops: joins at which the picture would hop.
        hidden: how many of them a closer framing hides.
    """

    layouts: tuple[Layout, ...]
    hops: int = 0
    hidden: int = 0


@dataclass(frozen=True, slots=True)
class Scene:
    """What punching in needs to know.

    Attributes:
        kept: what is played.
        shots: of the media.
        faces: found in it.
        video: the source picture.
        canvas: what is filled.
        upscale_limit: how far a crop may be enlarged.
        look: shows small frames.
    """

    kept: Sequence[Span]
    shots: Sequence[Shot]
    faces: Sequence[FaceTrack]
    video: VideoStream
    canvas: Canvas
    upscale_limit: float
    look: LookAt


def punch_in(layouts: Sequence[Layout], scene: Scene) -> Punched:
    """``layouts`` with every second run between hops framed closer, up to 1.15 times.

    Only crops around people are touched: what is shown whole, stays whole.
    """
    result: list[Layout] = []
    hops = hidden = 0
    for layout in layouts:
        cuts = []
        for before, after in pairwise(scene.kept):
            inside = layout.span.start <= before.end - 1e-6 and after.start < layout.span.end
            if inside and layout.kind in (LayoutKind.CROP, LayoutKind.SPLIT) and layout.subjects:
                cuts += [(before.end + after.start) / 2] * _hops(before, after, layout, scene)
        parts = _alternating(layout, cuts, scene)
        hops += len(cuts)
        hidden += len(parts) - 1
        result += parts
    return Punched(tuple(result), hops, hidden)


def _hops(before: Span, after: Span, layout: Layout, scene: Scene) -> bool:
    """Whether the picture at a join is nearly, but not quite, the same on both sides."""
    if any(before.end - 0.05 < shot.span.start <= after.start + 0.05 for shot in scene.shots):
        return False
    frame = 1 / float(scene.canvas.frame_rate)
    frames = scene.look([before.end - frame, after.start])
    if len(frames) != 2 or not same_picture(frames[0], frames[1]):
        return False
    views = [_part(image, layout.paths[0].box_at(after.start)) for image in frames]
    return float(np.abs(luma(views[0]) - luma(views[1])).mean()) > _HOP


def _part(image: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    left, top, right, bottom = box
    rows = slice(int(top * height), max(int(top * height) + 2, round(bottom * height)))
    return image[rows, int(left * width) : max(int(left * width) + 2, round(right * width))]


def _alternating(layout: Layout, cuts: Sequence[float], scene: Scene) -> list[Layout]:
    """``layout`` cut at ``cuts``, every second part closer; whole where no part can be."""
    if not cuts:
        return [layout]
    edges = [layout.span.start, *cuts, layout.span.end]
    parts: list[Layout] = []
    near = False
    for start, end in pairwise(edges):
        part = _cut_layout(layout, Span(start, end))
        closer = _closer(part, scene) if not near and parts else None
        if closer is None and not near and parts:
            # Nothing is gained by a border without a change of framing.
            whole = Span(parts[-1].span.start, end)
            parts[-1] = _cut_layout(layout, whole)
            continue
        near = closer is not None
        parts.append(closer or part)
    return parts


def _cut_layout(layout: Layout, span: Span) -> Layout:
    return replace(layout, span=span, paths=tuple(sliced(path, span) for path in layout.paths))


def _closer(part: Layout, scene: Scene) -> Layout | None:
    """``part`` punched in on its people, or None where there is no room for it."""
    height = scene.canvas.height // len(part.paths)
    view = View.of(scene.video, (scene.canvas.width, height), scene.upscale_limit)
    heads = [_head(path, part, scene.faces) for path in part.paths]
    scales = np.arange(LARGEST_PUNCH, SMALLEST_PUNCH - 1e-9, -_PUNCH_STEP)
    for scale in scales.tolist():
        paths = [
            _scaled(path, head, scale, view.smallest)
            for path, head in zip(part.paths, heads, strict=True)
        ]
        if all(path is not None for path in paths):
            reason = f"{part.reason}; {scale:.2f} times closer, to hide the join"
            return replace(part, paths=tuple(p for p in paths if p is not None), reason=reason)
    return None


def _head(path: CropPath, part: Layout, faces: Sequence[FaceTrack]) -> Box | None:
    """Where the framed person's head is in the crop, as shares of it; None when unseen."""
    found = []
    for face in faces:
        if face.id not in part.subjects:
            continue
        for time, box in zip(face.times.tolist(), face.boxes.tolist(), strict=True):
            if part.span.contains(time):
                left, top, right, bottom = path.box_at(time)
                size = np.array([right - left, bottom - top] * 2)
                found.append((np.array(box) - [left, top, left, top]) / size)
    middle = [(0 < (b[0] + b[2]) / 2 < 1) and (0 < (b[1] + b[3]) / 2 < 1) for b in found]
    inside = [b for b, here in zip(found, middle, strict=True) if here]
    if not inside:
        return None
    left, top, right, bottom = (float(v) for v in np.median(inside, axis=0))
    return (left, top, right, bottom)


def _scaled(path: CropPath, head: Box | None, scale: float, smallest: float) -> CropPath | None:
    """``path`` with boxes ``scale`` times smaller about the eyes."""
    height = path.keys[0].box[3] - path.keys[0].box[1]
    if head is None or height / scale < smallest - 1e-6:
        return None
    x, y = (head[0] + head[2]) / 2, head[1] + EYES_IN_FACE * (head[3] - head[1])
    hair = head[1] - _HAIR * (head[3] - head[1])
    x0, y0 = x * (1 - 1 / scale), y * (1 - 1 / scale)
    # Hair that is cut off already may stay so; nothing else may come to be cut.
    if (hair >= 0 and hair < y0) or head[0] < x0 or head[2] > x0 + 1 / scale:
        return None
    keys = []
    for key in path.keys:
        left, top, right, bottom = key.box
        width, height = right - left, bottom - top
        at = (left + x0 * width, top + y0 * height)
        box = (at[0], at[1], at[0] + width / scale, at[1] + height / scale)
        keys.append(CropKey(key.time, box))
    return CropPath(tuple(keys), path.motion)
