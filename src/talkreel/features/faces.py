"""Faces as the emotion network takes them: 48x48 grey crops, each standardised by itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from talkreel.core.arrays import FloatArray

FEATURES = "faces-48/1"
SIDE_PX = 48
# The training faces are cut somewhat wider than what a face detector boxes, ears and chin in.
_MARGIN = 1.15
# A crop with less contrast than this (of 255) is a flat surface; it is not blown up into noise.
_LEAST_DEVIATION = 4.0


def standardised(faces: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Each face with mean 0 and deviation 1, so that light and contrast do not count.

    Args:
        faces: [N, 48, 48].

    Returns:
        [N, 1, 48, 48].

    Raises:
        ValueError: another shape or type.
    """
    if faces.ndim != 3 or faces.shape[1:] != (SIDE_PX, SIDE_PX) or faces.dtype != np.uint8:
        raise ValueError(
            f"faces must be uint8 [N, {SIDE_PX}, {SIDE_PX}], got {faces.dtype} {faces.shape}: "
            "cut them with face_crop"
        )
    values = faces.astype(np.float32)
    mean = values.mean(axis=(1, 2), keepdims=True)
    deviation = values.std(axis=(1, 2), keepdims=True)
    return np.asarray(((values - mean) / np.maximum(deviation, _LEAST_DEVIATION))[:, None])


def face_crop(image: NDArray[np.uint8], box: Sequence[float] | FloatArray) -> NDArray[np.uint8]:
    """The face in ``box``, square, grey, 48x48; what lies outside the picture repeats its edge.

    Args:
        image: [H, W] grey or [H, W, 3] RGB.
        box: left, top, right, bottom as shares (0..1) of the picture, as in a ``FaceTrack``.

    Raises:
        ValueError: a picture of another shape, or a box without area.
    """
    import cv2

    if image.ndim not in (2, 3) or image.dtype != np.uint8:
        raise ValueError(
            f"a picture must be uint8 [H, W] or [H, W, 3], got {image.dtype} {image.shape}"
        )
    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    height, width = grey.shape
    left, top, right, bottom = np.asarray(box, dtype=np.float64) * (width, height, width, height)
    if not (right > left and bottom > top):
        raise ValueError(f"a face box needs an area, got {[float(edge) for edge in box]}")
    side = _MARGIN * max(right - left, bottom - top)
    scale = SIDE_PX / side
    x, y = (left + right - side) / 2, (top + bottom - side) / 2
    matrix = np.array([[scale, 0, -x * scale], [0, scale, -y * scale]])
    if scale < 1:  # warpAffine takes single pixels: average first, or fine texture aliases
        grey, matrix = _averaged(grey, matrix, scale)
    warped = cv2.warpAffine(
        grey, matrix, (SIDE_PX, SIDE_PX), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(warped, dtype=np.uint8)


def _averaged(
    grey: NDArray[np.uint8], matrix: FloatArray, scale: float
) -> tuple[NDArray[np.uint8], FloatArray]:
    """The picture blurred to the spacing of the crop's pixels."""
    import cv2

    size = max(1, round(1 / scale))
    return np.asarray(cv2.blur(grey, (size, size)), dtype=np.uint8), matrix
