"""How good single pictures are as covers: face, sharpness, light, eyes, and room for a title.

Every measure is taken from the picture as it is shown, so burnt-in captions count as detail.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talkreel.core.arrays import FloatArray
from talkreel.core.edits import Box
from talkreel.perceive.detectors import EYES_AT, Detector, look_everywhere

Image = NDArray[np.uint8]
Rows = tuple[float, float]

_SEARCH_PX = 360  # short side in which faces are looked for
_FACE_PX = 96  # faces are brought to this width, so that near and far ones compare
_DETAIL_PX = 90  # width at which room for text is judged: small texture does not disturb letters
_DARK, _BRIGHT = 28.0, 232.0
_EYES_FACE_PX = 160  # width to which a face is brought to look for eyes
# Share of a clip's usual count of eyes from which they are open.
_OPEN = 0.6
# Room from which a title reads well.
_ROOMY = 0.7
# Mean step between neighbouring pixels (of 255) at which a place is too busy to read on.
_BUSY = 14.0


@dataclass(frozen=True, slots=True, eq=False)
class Still:
    """What one picture shows.

    Attributes:
        face: box of the largest face as shares of the picture, or None.
        certainty: 0..1 of that face; frontal ones are found more surely.
        sharpness: variance of the Laplacian (Pech-Pacheco 2000) in the face, or outside the
            captions where there is none; only comparable within one clip.
        eyes: how often a detector of eyes (Viola and Jones 2001) finds the less certain of the
            two; it falls to a fraction when they close. Only comparable within one clip.
        light: mean luma of 255, in the face where there is one.
        room: 0..1 for each place a title could stand: 1 plain, 0 busy.
    """

    face: Box | None
    certainty: float
    sharpness: float
    eyes: float
    light: float
    room: tuple[float, ...]

    @property
    def face_share(self) -> float:
        """Height of the face as a share of the picture's."""
        return 0.0 if self.face is None else self.face[3] - self.face[1]


def read_still(
    image: Image, detector: Detector, places: Sequence[Box], hidden: Rows | None = None
) -> Still:
    """Measure one picture.

    Args:
        image: [H, W, 3] RGB.
        detector: of faces.
        places: where a title could stand, shares of the picture.
        hidden: upper and lower edge (shares of the height) of captions on screen.
    """
    import cv2

    luma = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    found = look_everywhere(detector, image, _SEARCH_PX)
    face, certainty = _largest(found.boxes, found.scores)
    room = tuple(_room(luma, place, face, hidden) for place in places)
    if face is None:
        return Still(None, 0.0, _plain_sharpness(luma, hidden), 0.0, float(luma.mean()), room)
    crop = _crop(luma, face)
    scale = _FACE_PX / crop.shape[1]
    small = cv2.resize(crop, (_FACE_PX, max(8, round(crop.shape[0] * scale))))
    return Still(face, certainty, _laplacian(small), eye_hits(crop), float(small.mean()), room)


def worths(
    stills: Sequence[Still], expressions: FloatArray | None = None, *, titled: bool
) -> FloatArray:
    """[N] how good each of one clip's pictures is as a cover, 0..1.

    Args:
        stills: of one clip; sharpness and eyes are judged against the others.
        expressions: [N] 0..1, how lively the face is; NaN where none shows.
        titled: whether a title must find room.
    """
    count = len(stills)
    faces = np.array([still.face is not None for still in stills])
    sharpness = np.array([still.sharpness for still in stills])
    # A face's sharpness says nothing beside that of a whole picture.
    sharp = np.empty(count)
    for like in (faces, ~faces):
        sharp[like] = _ranks(sharpness[like])
    eyes = open_eyes(np.array([still.eyes for still in stills]), faces)
    size = np.array([min(1.0, still.face_share / 0.35) for still in stills])
    sure = np.array([still.certainty for still in stills])
    lively = np.zeros(count) if expressions is None else np.nan_to_num(expressions)
    room = np.array([max(still.room, default=0.0) for still in stills])
    lit = np.array([_DARK < still.light < _BRIGHT for still in stills])
    face = np.where(faces, (0.4 * size + 0.3 * sure + 0.3 * lively) * (0.2 + 0.8 * eyes), 0.0)
    weight = 0.25 if titled else 0.0
    value = 0.6 * face + 0.4 * sharp
    room = np.minimum(1.0, room / _ROOMY)
    return np.asarray(((1 - weight) * value + weight * room) * np.where(lit, 1.0, 0.3))


def _largest(boxes: FloatArray, scores: FloatArray) -> tuple[Box | None, float]:
    if not len(boxes):
        return None, 0.0
    clipped = np.clip(boxes, 0, 1)
    areas = (clipped[:, 2] - clipped[:, 0]) * (clipped[:, 3] - clipped[:, 1])
    best = int(np.argmax(areas))
    left, top, right, bottom = (float(v) for v in clipped[best])
    return (left, top, right, bottom), float(scores[best])


def _crop(luma: NDArray[np.float32], box: Box) -> NDArray[np.float32]:
    height, width = luma.shape
    top, bottom = int(box[1] * height), max(int(box[1] * height) + 2, int(box[3] * height))
    left, right = int(box[0] * width), max(int(box[0] * width) + 2, int(box[2] * width))
    return luma[top:bottom, left:right]


def _laplacian(luma: NDArray[np.float32]) -> float:
    middle = luma[1:-1, 1:-1]
    edges = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:] - 4 * middle
    return float(edges.var()) if edges.size else 0.0


def _plain_sharpness(luma: NDArray[np.float32], hidden: Rows | None) -> float:
    if hidden is None:
        return _laplacian(luma)
    rows = np.arange(len(luma)) / len(luma)
    above, below = luma[rows < hidden[0]], luma[rows > hidden[1]]
    parts = [part for part in (above, below) if len(part) > 2]
    return float(np.mean([_laplacian(part) for part in parts])) if parts else 0.0


def open_eyes(hits: FloatArray, faces: NDArray[np.bool_]) -> FloatArray:
    """[N] 0..1: 0 for closed eyes, 1 from more than half of what is usual among ``faces``."""
    usual = float(np.median(hits[faces])) if faces.any() else 0.0
    return np.asarray(np.clip(hits / max(_OPEN * usual, 1.0), 0.0, 1.0))


def eye_hits(face: NDArray[np.float32], cascade: str = "haarcascade_eye.xml") -> float:
    """Windows in which a cascade sees an eye, on that side of a face where they are fewer.

    Args:
        face: [H, W] luma from hairline to chin.
        cascade: file of OpenCV's.
    """
    import cv2

    height = max(8, round(_EYES_FACE_PX * face.shape[0] / face.shape[1]))
    large = cv2.resize(face, (_EYES_FACE_PX, height)).clip(0, 255).astype(np.uint8)
    band = large[int((EYES_AT - 0.18) * height) : int((EYES_AT + 0.2) * height)]
    half = round(0.56 * _EYES_FACE_PX)
    sides = (band[:, :half], band[:, -half:])
    find = _cascade(cascade).detectMultiScale
    sizes = {"minSize": (22, 22), "maxSize": (64, 64)}
    return float(min(len(find(np.ascontiguousarray(s), 1.05, 0, 0, **sizes)) for s in sides))


@lru_cache(maxsize=4)
def _cascade(name: str) -> Any:
    import cv2

    return cv2.CascadeClassifier(str(Path(cv2.__file__).parent / "data" / name))


def _room(luma: NDArray[np.float32], place: Box, face: Box | None, hidden: Rows | None) -> float:
    """How plain a place is; 0 where a face or a caption lies in it."""
    import cv2

    if face is not None and _meet(place, _grown(face)):
        return 0.0
    if hidden is not None and place[1] < hidden[1] and hidden[0] < place[3]:
        return 0.0
    height = max(8, round(_DETAIL_PX * luma.shape[0] / luma.shape[1]))
    small = cv2.resize(luma, (_DETAIL_PX, height), interpolation=cv2.INTER_AREA)
    part = _crop(small, place)
    across, down = np.abs(np.diff(part, axis=1)).mean(), np.abs(np.diff(part, axis=0)).mean()
    return float(np.clip(1 - (across + down) / 2 / _BUSY, 0, 1))


def _grown(face: Box) -> Box:
    """A face with its hair and chin."""
    height = face[3] - face[1]
    return (face[0], face[1] - 0.15 * height, face[2], face[3] + 0.1 * height)


def _meet(first: Box, second: Box) -> bool:
    across = min(first[2], second[2]) - max(first[0], second[0])
    down = min(first[3], second[3]) - max(first[1], second[1])
    return across > 0 and down > 0


def _ranks(values: FloatArray) -> FloatArray:
    """[N] 0..1: share of the others below; .5 where all are equal."""
    if len(values) < 2 or float(np.ptp(values)) < 1e-9:
        return np.full(len(values), 0.5)
    below = (values[:, None] > values[None, :]).sum(axis=1)
    equal = (values[:, None] == values[None, :]).sum(axis=1) - 1
    return np.asarray((below + equal / 2) / (len(values) - 1))
