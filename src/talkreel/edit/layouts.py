"""The layouts a scene can get: crop, group crop, two halves, whole picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from talkreel.core.edits import Box, Canvas, CropKey, CropPath, Layout, LayoutKind
from talkreel.core.media import VideoStream
from talkreel.core.spans import Span
from talkreel.edit.geometry import WHOLE, View, visible_share
from talkreel.edit.paths import EYES_IN_CROP, EYES_IN_FACE, follow_face
from talkreel.edit.subjects import Subject

# A half of a split shows head and shoulders: the face takes about this share of its height.
_FACE_IN_HALF = 0.34
# To keep the other person's shoulder out it may be enlarged up to this share.
_TIGHTEST_IN_HALF = 0.46
# Faces further apart in size than this look wrong one above the other.
_SPLIT_SIZE_RATIO = 0.55
# A canvas lower than this share of its width has no room for two halves.
_TALL = 1.2
# Room beside the outer faces of a group, in face widths.
_GROUP_ROOM = 0.35
# A follow that loses the face more often than this shows the whole picture instead.
_LEAST_HELD = 0.85


@dataclass(frozen=True, slots=True)
class Stage:
    """The picture and the canvas it is laid out on."""

    canvas: Canvas
    view: View
    half: View

    @classmethod
    def of(cls, video: VideoStream, canvas: Canvas, upscale_limit: float) -> Stage:
        """The stage for a stream on a canvas."""
        whole = View.of(video, (canvas.width, canvas.height), upscale_limit)
        half = View.of(video, (canvas.width, canvas.height // 2), upscale_limit)
        return cls(canvas, whole, half)

    def whole(self, span: Span, reason: str, confidence: float) -> Layout:
        """Everything: as a crop where the shapes agree, else over a blurred fill."""
        if self.view.lost < 0.02:
            path = CropPath((CropKey(span.start, self.view.centre_box()),))
            return Layout(span, LayoutKind.CROP, (path,), reason, confidence)
        path = CropPath((CropKey(span.start, WHOLE),))
        return Layout(span, LayoutKind.FIT, (path,), reason, confidence)

    def fixed(self, span: Span, centre_x: float, reason: str, confidence: float) -> Layout:
        """The largest crop around a column of the picture."""
        path = CropPath((CropKey(span.start, self.view.centre_box(centre_x)),))
        return Layout(span, LayoutKind.CROP, (path,), reason, confidence)

    def person(
        self, span: Span, within: Span, subject: Subject, reason: str, confidence: float
    ) -> Layout:
        """One person over ``span``, framed the same way all through the scene ``within``."""
        follow = follow_face(self.view, subject.track, within)
        if follow.held < _LEAST_HELD:
            fast = "The person moves faster than a calm camera can follow: shown whole"
            return _with_subjects(self.whole(span, fast, 0.5), [subject])
        path = sliced(follow.path, span)
        layout = Layout(span, LayoutKind.CROP, (path,), reason, confidence)
        return _with_subjects(layout, [subject])

    def group(
        self, span: Span, subjects: Sequence[Subject], reason: str, confidence: float
    ) -> Layout | None:
        """One still crop with everybody in it, or None when they do not fit."""
        boxes = np.concatenate([subject.track.boxes for subject in subjects])
        room = _GROUP_ROOM * max(subject.width for subject in subjects)
        left = float(np.percentile(boxes[:, 0], 2)) - room
        right = float(np.percentile(boxes[:, 2], 98)) + room
        top, bottom = float(np.percentile(boxes[:, 1], 2)), float(np.percentile(boxes[:, 3], 98))
        width, height = self.view.size(self.view.largest)
        if min(right, 1.0) - max(left, 0.0) > width or bottom - top > height:
            return None
        eyes = top + EYES_IN_FACE * (bottom - top)
        box = self.view.box((left + right) / 2, eyes - EYES_IN_CROP * height, height)
        path = CropPath((CropKey(span.start, box),))
        return _with_subjects(Layout(span, LayoutKind.CROP, (path,), reason, confidence), subjects)

    def split(
        self, span: Span, within: Span, subjects: Sequence[Subject], reason: str, confidence: float
    ) -> Layout | None:
        """The left person above the right one, or None when that would not look right."""
        if len(subjects) != 2 or self.canvas.height < _TALL * self.canvas.width:
            return None
        sizes = sorted(subject.height for subject in subjects)
        if sizes[0] < _SPLIT_SIZE_RATIO * sizes[1]:
            return None
        first, second = subjects
        paths = []
        for own, other in ((first, second), (second, first)):
            path = self._half_path(own, other, within)
            if path is None:
                return None
            paths.append(sliced(path, span))
        layout = Layout(span, LayoutKind.SPLIT, tuple(paths), reason, confidence)
        return _with_subjects(layout, subjects)

    def _half_path(self, own: Subject, other: Subject, within: Span) -> CropPath | None:
        """A half around ``own`` without the other's face; None when they stand too close."""
        face = np.median(other.track.boxes, axis=0)
        box = (float(face[0]), float(face[1]), float(face[2]), float(face[3]))
        height = min(self.half.largest, own.height / _FACE_IN_HALF)
        while True:
            follow = follow_face(self.half, own.track, within, height)
            intruding = max(visible_share(box, key.box) for key in follow.path.keys)
            apart = all(_on_own_side(key.box, own, other) for key in follow.path.keys)
            tight = own.height / height >= _TIGHTEST_IN_HALF
            smallest = height <= self.half.smallest + 1e-9
            if follow.held >= _LEAST_HELD and intruding < 0.2 and (apart or tight or smallest):
                return follow.path
            if smallest:
                return None
            height = max(self.half.smallest, height * 0.9)


def _on_own_side(box: Box, own: Subject, other: Subject) -> bool:
    """Whether ``box`` ends about halfway between the two people."""
    mine, theirs = own.centre[0], other.centre[0]
    middle, slack = (mine + theirs) / 2, 0.08 * abs(mine - theirs)
    return box[2] <= middle + slack if mine < theirs else box[0] >= middle - slack


def _with_subjects(layout: Layout, subjects: Sequence[Subject]) -> Layout:
    ids = tuple(i for subject in subjects for i in subject.ids)
    return Layout(layout.span, layout.kind, layout.paths, layout.reason, layout.confidence, ids)


def sliced(path: CropPath, span: Span) -> CropPath:
    """``path`` with its keys inside ``span`` only, starting at the span's start."""
    first = CropKey(span.start, path.box_at(span.start))
    inner = [key for key in path.keys if span.start < key.time < span.end]
    keys = [first, *inner]
    if inner or path.keys[-1].time > span.start:
        keys.append(CropKey(span.end, path.box_at(span.end)))
    if all(key.box == first.box for key in keys):
        keys = [first]
    return CropPath(tuple(keys), path.motion if len(keys) > 1 else CropPath((first,)).motion)
