"""How different two pictures are, on small signatures of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Signatures = NDArray[np.float32]
"""[N, 27, 48, 3] blurred RGB, 0..255."""

ROWS, COLUMNS = 27, 48
# A difference of 1 is the level of a cut. Measured on real cuts: mean colour difference 14 to
# 90 of 255 with correlation 0.9 down to -0.5, the weaker in one always strong in the other;
# jumps of the speakers inside one framing stay at 0.9, a hand-held camera below 0.5.
_COLOUR_AT_CUT = 25.0
_STRUCTURE_AT_CUT = 0.5
# In nearly black pictures the structure is that of the noise: it counts in full from here on.
_COLOUR_TO_TRUST = 12.0
# Grain and coding noise, as a standard deviation of 0..255: keeps blank pictures comparable.
_NOISE = 2.0
# A row or column is a bar when it is this even in both pictures and alike in both.
_EVEN = 12.0
_ALIKE = 6.0
_LEAST_ACTIVE = 0.25
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
_MEAN = np.full(3, 1 / 3, dtype=np.float32)


def signature(image: NDArray[np.uint8]) -> Signatures:
    """[27, 48, 3] of an [H, W, 3] picture; small movements are blurred away."""
    import cv2

    small = cv2.resize(image, (COLUMNS, ROWS), interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(small.astype(np.float32), (3, 3), 0)
    return np.asarray(blurred, dtype=np.float32)


def difference(a: Signatures, b: Signatures) -> NDArray[np.float64]:
    """[N] change between signatures [N, 27, 48, 3] pairwise (or one of them [27, 48, 3]).

    About 0 for the same picture, 1 at the level of a cut, up to 10.
    """
    return level_of(*parts(a, b))


def level_of(colour: NDArray[np.float64], structure: NDArray[np.float64]) -> NDArray[np.float64]:
    """The difference that the two ``parts`` make."""
    trusted = np.minimum(1.0, colour / _COLOUR_TO_TRUST)
    return np.asarray(colour / _COLOUR_AT_CUT + trusted * structure / _STRUCTURE_AT_CUT)


def parts(a: Signatures, b: Signatures) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean absolute colour difference (0..255) and one minus luma correlation (0..2), [N] each.

    Bars at the edges, alike in both pictures, do not count.
    """
    a, b = np.broadcast_arrays(np.atleast_1d(a), np.atleast_1d(b))
    a, b = a.reshape(-1, ROWS, COLUMNS, 3), b.reshape(-1, ROWS, COLUMNS, 3)
    apart = np.abs(a - b) @ _MEAN
    light, other = a @ _LUMA, b @ _LUMA
    weight = _active(light, other, apart)
    total = weight.sum(axis=(1, 2))
    colour = (apart * weight).sum(axis=(1, 2)) / total
    one, two = _centred(light, weight), _centred(other, weight)
    shared = (one * two * weight).sum(axis=(1, 2)) / total
    deviations = [np.sqrt((c * c * weight).sum(axis=(1, 2)) / total) for c in (one, two)]
    correlation = (shared + _NOISE**2) / (
        np.hypot(deviations[0], _NOISE) * np.hypot(deviations[1], _NOISE)
    )
    return colour.astype(np.float64), 1.0 - correlation.astype(np.float64)


def everywhere(a: Signatures, b: Signatures) -> float:
    """Colour difference (0..255) that half of the picture reaches.

    Small while somebody moves before a camera that stands; not when the camera moves.
    """
    return float(np.median(np.abs(a - b).mean(axis=-1)))


def found_again(a: Signatures, b: Signatures) -> float:
    """Best correlation (up to 1) of the middle of ``a`` with any place of ``b``.

    High for one scene under a camera that moved in between.
    """
    import cv2

    middle = a[ROWS // 3 : -(ROWS // 3), COLUMNS // 3 : -(COLUMNS // 3)]
    return float(cv2.matchTemplate(b, np.ascontiguousarray(middle), cv2.TM_CCOEFF_NORMED).max())


def _centred(luma: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
    mean = (luma * weight).sum(axis=(1, 2)) / weight.sum(axis=(1, 2))
    return np.asarray(luma - mean[:, None, None], dtype=np.float32)


def _active(
    a: NDArray[np.float32], b: NDArray[np.float32], apart: NDArray[np.float32]
) -> NDArray[np.float32]:
    """[N, 27, 48] one where a picture counts, nought in the bars at its edges."""
    rows, columns = (
        ~(_even(a, axis) & _even(b, axis) & (apart.mean(axis=axis) < _ALIKE)) for axis in (2, 1)
    )
    weight = np.asarray(rows[:, :, None] & columns[:, None, :], dtype=np.float32)
    weight[weight.mean(axis=(1, 2)) < _LEAST_ACTIVE] = 1.0
    return weight


def _even(luma: NDArray[np.float32], axis: int) -> NDArray[np.bool_]:
    return np.asarray(np.ptp(luma, axis=axis) < _EVEN)


def brightness(pictures: Signatures) -> NDArray[np.float64]:
    """[N] luma (0..255) that only the brightest hundredth of each picture exceeds."""
    luma = (pictures @ _LUMA).reshape(len(pictures), -1)
    return np.asarray(np.quantile(luma, 0.99, axis=1), dtype=np.float64)


def blend(pictures: Signatures) -> tuple[NDArray[Any], NDArray[Any]]:
    """How far each of [N, ...] pictures is a mix of the first and the last.

    Returns:
        share [N] of the last picture in the best mix, and residual [N]: the distance from
        that mix over the distance from first to last.
    """
    flat = pictures.reshape(len(pictures), -1).astype(np.float64)
    line = flat[-1] - flat[0]
    length = max(float(line @ line), 1e-9)
    offset = flat - flat[0]
    share = offset @ line / length
    rest = offset - share[:, None] * line
    return share, np.sqrt((rest * rest).sum(axis=1) / length)
