"""Where faces compete, and their crops cut from one closer look at the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from talkreel.core.arrays import FloatArray
from talkreel.core.media import Media
from talkreel.core.spans import Span, merge
from talkreel.core.tracks import FaceTrack, Shot
from talkreel.media.frames import FrameReader
from talkreel.perceive import lr_asd, mouth

RATE_HZ = 25.0
# A face this much narrower than the other is background.
_RIVAL_WIDTH = 0.5
_MIN_STRETCH_SECONDS = 0.5
_JOIN_SECONDS = 1.0
# Faces are read at about this width where the source has it.
_FACE_PX = 110
_READ_WIDTHS_PX = (480, 1280)


@dataclass(frozen=True, slots=True)
class Contest:
    """A stretch of one shot in which two or more faces compete."""

    span: Span
    tracks: tuple[FaceTrack, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Crops:
    """One face over one stretch.

    Attributes:
        times: [T] source seconds.
        mouth: [T, 128, 128] gray, for ``mouth.mouth_motion``.
        network: [T, 112, 112] gray, for ``lr_asd.LrAsd``; empty when not wanted.
    """

    times: FloatArray
    mouth: NDArray[np.uint8]
    network: NDArray[np.uint8]


def find_contests(tracks: Sequence[FaceTrack], shots: Sequence[Shot]) -> tuple[Contest, ...]:
    """Stretches in order of time; tracks of different shots never compete."""
    groups: dict[int, list[FaceTrack]] = {}
    for track in tracks:
        inside = [i for i, s in enumerate(shots) if s.span.contains(track.span.middle)]
        groups.setdefault(inside[0] if inside else -1, []).append(track)
    contests = []
    for group in groups.values():
        overlaps = (_rivalry(first, second) for first, second in combinations(group, 2))
        for span in merge((o for o in overlaps if o is not None), _JOIN_SECONDS):
            if span.duration >= _MIN_STRETCH_SECONDS:
                here = tuple(track for track in group if track.span.overlap(span) > 0)
                contests.append(Contest(span, here))
    return tuple(sorted(contests, key=lambda contest: contest.span))


def _rivalry(first: FaceTrack, second: FaceTrack) -> Span | None:
    widths = [float(np.median(t.boxes[:, 2] - t.boxes[:, 0])) for t in (first, second)]
    if min(widths) < _RIVAL_WIDTH * max(widths):
        return None
    return first.span.intersect(second.span)


def cut_crops(
    media: Media, tracks: Sequence[FaceTrack], span: Span, *, network: bool
) -> list[Crops]:
    """Crops of each track at up to 25 Hz over ``span``, from one pass over the frames."""
    assert media.video is not None
    smallest = min(float(np.median(t.boxes[:, 2] - t.boxes[:, 0])) for t in tracks)
    width = int(np.clip(_FACE_PX / max(smallest, 1e-3), *_READ_WIDTHS_PX))
    kept: list[tuple[list[float], list[NDArray[np.uint8]], list[NDArray[np.uint8]]]]
    kept = [([], [], []) for _ in tracks]
    with FrameReader(media, width=min(width, media.video.width), gray=True) as reader:
        for frame in reader.sample(span, RATE_HZ):
            height, wide = frame.image.shape
            for track, (times, mouths, faces) in zip(tracks, kept, strict=True):
                if not track.span.start - 0.1 <= frame.time <= track.span.end + 0.25:
                    continue
                box = track.box_at(frame.time) * np.array([wide, height, wide, height])
                times.append(frame.time)
                mouths.append(_warp(frame.image, mouth.crop_box(box), mouth.CROP_PX))
                if network:
                    faces.append(_warp(frame.image, lr_asd.crop_region(box), lr_asd.CROP_PX))
    return [
        Crops(np.array(times), _stack(mouths, mouth.CROP_PX), _stack(faces, lr_asd.CROP_PX))
        for times, mouths, faces in kept
    ]


def _stack(crops: list[NDArray[np.uint8]], side: int) -> NDArray[np.uint8]:
    return np.stack(crops) if crops else np.zeros((0, side, side), np.uint8)


def _warp(image: NDArray[np.uint8], square: FloatArray, side: int) -> NDArray[np.uint8]:
    import cv2

    scale = side / max(float(square[2] - square[0]), 1.0)
    matrix = np.array([[scale, 0, -square[0] * scale], [0, scale, -square[1] * scale]])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    warped = cv2.warpAffine(image, matrix, (side, side), flags=how, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, dtype=np.uint8)
