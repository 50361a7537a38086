"""Face detectors: dlib's HOG, which is always there, and YuNet where its weights are.

Both give boxes from hairline to chin, so what follows need not know which one ran.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from talkreel.core.arrays import FloatArray
from talkreel.store.weights import find_weights

Image = NDArray[np.uint8]

# Share of the box width and height from dlib's box (brows to chin) to YuNet's (hairline to chin):
# medians over 65 faces that both found; with them eyes lie at .38 and the mouth at .73 of the
# height for either detector.
_HOG_TO_FACE = np.array([0.04, -0.17, -0.06, 0.07])
EYES_AT = 0.38
MOUTH_AT = 0.73
# A local search looks this many box sizes to every side of the expected face.
_NEAR_MARGIN = 0.6
_MIN_CROP_PX = 8


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """Faces of one picture.

    Attributes:
        boxes: [K, 4] left, top, right, bottom as shares of the picture; may reach outside it.
        scores: [K] confidence 0..1.
    """

    boxes: FloatArray
    scores: FloatArray

    @staticmethod
    def none() -> Detections:
        """No face."""
        return Detections(np.zeros((0, 4)), np.zeros(0))

    @staticmethod
    def joined(parts: list[Detections]) -> Detections:
        """All of ``parts``, doubles (IoU over .4) removed, best first."""
        if not parts:
            return Detections.none()
        boxes = np.concatenate([part.boxes for part in parts])
        scores = np.concatenate([part.scores for part in parts])
        kept: list[int] = []
        for i in np.argsort(-scores, kind="stable"):
            if all(iou(boxes[i], boxes[j]) < 0.4 for j in kept):
                kept.append(int(i))
        return Detections(boxes[kept], scores[kept])


class Detector(Protocol):
    """Finds faces in one picture.

    Attributes:
        name: for cache keys.
        near_face_px: width to which ``look_near`` scales the expected face.
        short_sides_px: sizes to search, from cheap to thorough.
    """

    name: str
    near_face_px: int
    short_sides_px: tuple[int, ...]

    def __call__(self, image: Image) -> Detections:
        """Faces in an [H, W, 3] RGB picture, searched at its own size."""
        ...


class HogDetector:
    """dlib's frontal detector; finds upright faces of 80 px and more at the searched size."""

    name = "hog"
    near_face_px = 104
    short_sides_px: tuple[int, ...] = (360, 720, 1080)

    def __init__(self) -> None:
        import dlib

        self._detect = dlib.get_frontal_face_detector()

    def __call__(self, image: Image) -> Detections:
        """Faces in an [H, W, 3] RGB picture, searched at its own size."""
        import cv2

        gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        rectangles, margins, _ = self._detect.run(gray, 0, 0.0)
        if not rectangles:
            return Detections.none()
        boxes = np.array([(r.left(), r.top(), r.right(), r.bottom()) for r in rectangles], float)
        sides = boxes[:, 2:] - boxes[:, :2]
        boxes += _HOG_TO_FACE * np.tile(sides, 2)
        height, width = gray.shape
        # The margin is a distance from the separating plane: 0 is the threshold, 2 is plain.
        scores = 1.0 / (1.0 + np.exp(-2.0 * np.asarray(margins)))
        return Detections(boxes / (width, height, width, height), scores)


class YunetDetector:
    """OpenCV's YuNet; finds small and turned faces too."""

    name = "yunet"
    near_face_px = 64
    short_sides_px: tuple[int, ...] = (360, 720)

    def __init__(self, weights: Path) -> None:
        import cv2

        self._size = (320, 320)
        self._net = cv2.FaceDetectorYN.create(str(weights), "", self._size, 0.6, 0.3, 50)

    def __call__(self, image: Image) -> Detections:
        """Faces in an [H, W, 3] RGB picture, searched at its own size."""
        import cv2

        height, width = image.shape[:2]
        if self._size != (width, height):
            self._size = (width, height)
            self._net.setInputSize(self._size)
        _, rows = self._net.detect(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        if rows is None:
            return Detections.none()
        boxes = np.concatenate([rows[:, :2], rows[:, :2] + rows[:, 2:4]], axis=1)
        return Detections(boxes / (width, height, width, height), rows[:, 14].astype(float))


def load_detector(models_dir: Path | None = None) -> Detector:
    """YuNet when its weights are on this machine, else HOG."""
    weights = find_weights("yunet", models_dir)
    return HogDetector() if weights is None else YunetDetector(weights)


def iou(first: FloatArray, second: FloatArray) -> float:
    """Shared area over joint area of two boxes."""
    low = np.maximum(first[:2], second[:2])
    high = np.minimum(first[2:], second[2:])
    shared = float(np.prod(np.maximum(0.0, high - low)))
    joint = float(np.prod(first[2:] - first[:2]) + np.prod(second[2:] - second[:2])) - shared
    return shared / joint if joint > 0 else 0.0


def look_everywhere(detector: Detector, image: Image, short_side_px: int) -> Detections:
    """Search the whole picture scaled to ``short_side_px``."""
    import cv2

    scale = short_side_px / min(image.shape[:2])
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return detector(image if scale == 1 else cv2.resize(image, size, interpolation=how))


def look_near(detector: Detector, image: Image, box: FloatArray) -> Detections:
    """Search around an expected face only; at most one face, the best that overlaps it."""
    import cv2

    height, width = image.shape[:2]
    size = np.array([width, height, width, height])
    side = (box[2:] - box[:2]) * _NEAR_MARGIN
    around = np.concatenate([box[:2] - side, box[2:] + side]) * size
    x0, y0, x1, y1 = np.clip(np.round(around).astype(int), 0, size)
    if min(x1 - x0, y1 - y0) < _MIN_CROP_PX:
        return Detections.none()
    scale = detector.near_face_px / max(1.0, float((box[2] - box[0]) * width))
    crop_size = (max(8, round((x1 - x0) * scale)), max(8, round((y1 - y0) * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    found = detector(cv2.resize(image[y0:y1, x0:x1], crop_size, interpolation=how))
    boxes = found.boxes * np.tile((x1 - x0, y1 - y0), 2) / size + np.tile((x0, y0), 2) / size
    overlaps = [iou(one, box) for one in boxes]
    ranked = [i for i in np.argsort(-found.scores, kind="stable") if overlaps[i] > 0.2][:1]
    return Detections(boxes[ranked], found.scores[ranked])
