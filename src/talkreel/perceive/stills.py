"""How good single pictures are as covers: face, sharpness, light, eyes, and room for a title.

Every measure is taken from the picture as it is shown, so burnt-in captions count as detail.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
        eyes: contrast around the eyes against that of the face; falls when they close.
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
    return Still(
        face, certainty, _laplacian(small), _eye_contrast(small), float(small.mean()), room
    )


def worths(
    stills: Sequence[Still], expressions: FloatArray | None = None, *, titled: bool
) -> FloatArray:
    """[N] how good each of one clip's pictures is as a cover, 0..1.

    Args:
        stills: of one clip; sharpness and eyes are ranked within it.
        expressions: [N] 0..1, how lively the face is; NaN where none shows.
        titled: whether a title must find room.
    """
    count = len(stills)
    sharp = _ranks(np.array([still.sharpness for still in stills]))
    eyes = _ranks(np.array([still.eyes for still in stills]))
    faces = np.array([still.face is not None for still in stills])
    size = np.array([min(1.0, still.face_share / 0.35) for still in stills])
    sure = np.array([still.certainty for still in stills])
    lively = np.zeros(count) if expressions is None else np.nan_to_num(expressions)
    room = np.array([max(still.room, default=0.0) for still in stills])
    lit = np.array([_DARK < still.light < _BRIGHT for still in stills])
    face = np.where(faces, 0.25 * size + 0.25 * sure + 0.25 * eyes + 0.25 * lively, 0.0)
    weight = 0.25 if titled else 0.0
    value = 0.55 * face + 0.45 * sharp
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


def _eye_contrast(face: NDArray[np.float32]) -> float:
    """Spread of luma in the two eye regions over the spread of the whole face.

    An open eye holds the darkest and some of the lightest pixels of a face; a closed one is
    skin with a line.
    """
    height, width = face.shape
    rows = slice(int((EYES_AT - 0.06) * height), int((EYES_AT + 0.07) * height))
    spreads = []
    for middle in (0.31, 0.69):
        patch = face[rows, int((middle - 0.12) * width) : int((middle + 0.12) * width)]
        if patch.size:
            low, high = np.percentile(patch, [4, 96])
            spreads.append(float(high - low))
    whole = float(np.subtract(*np.percentile(face, [96, 4])))
    return float(np.mean(spreads)) / max(whole, 8.0) if spreads else 0.0


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
