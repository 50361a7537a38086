"""Deciding what a picture needs, from what was measured on it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from talkreel.core.picture import Grade
from talkreel.core.spans import Span

# Noise below this (of 255) is what encoders leave; taking it away takes detail.
LEAST_NOISE = 2.5
MOST_NOISE = 20.0
# Softer than this a picture gains by sharpening (the blur effect of crisp talks is .2 to .4).
LEAST_BLUR = 0.44
# Sharpening raises noise as well.
_NOISE_TO_SHARPEN = 2.0
# Jitter, as a share of the width, from which a hand-held camera disturbs.
LEAST_SHAKE = 0.004
# Two pictures whose patterns correlate by less do not show the same place.
_SAME_PLACE = 0.85
# A smaller difference is not seen from shot to shot, a larger one is meant (a light goes out).
LEAST_GAIN, MOST_GAIN = 0.04, 0.5
# Outside these codes a picture is clipped and says nothing of its exposure.
_DARKEST, _BRIGHTEST = 12, 240

Picture = NDArray[np.uint8]


def sharpening(blur: float, noise: float) -> float:
    """Amount of unsharp masking for a picture of that blur; 0 where it would not gain."""
    if blur < LEAST_BLUR or noise > _NOISE_TO_SHARPEN:
        return 0.0
    return round(min(1.2, 0.5 + 5.0 * (blur - LEAST_BLUR)), 2)


def denoising(noise: float) -> float:
    """Deviation of the noise to take away; 0 where there is too little, or too much to tell."""
    return round(noise, 1) if LEAST_NOISE <= noise <= MOST_NOISE else 0.0


def match_shots(spans: Sequence[Span], looks: Sequence[Picture]) -> tuple[Grade, ...]:
    """Grades that bring shots of one place to the exposure and white balance of its longest.

    Shots of different places are left alone: what is light and what is paint cannot be told
    apart there.

    Args:
        spans: shots as far as they are played.
        looks: one small RGB picture of each.
    """
    left = sorted(range(len(spans)), key=lambda i: -spans[i].duration)
    grades: dict[int, Grade] = {}
    while left:
        model = left.pop(0)
        alike = [i for i in left if same_place(looks[model], looks[i])]
        left = [i for i in left if i not in alike]
        for i in alike:
            gains = gains_to(looks[i], looks[model])
            if gains is not None:
                grades[i] = Grade(spans[i], gains)
    return tuple(grades[i] for i in sorted(grades))


def same_place(first: Picture, second: Picture) -> bool:
    """Whether two pictures have the same pattern, whatever their exposure."""
    a, b = (image.astype(np.float64).mean(axis=2).ravel() for image in (first, second))
    if a.std() < 1 or b.std() < 1:
        return False
    return float(np.corrcoef(a, b)[0, 1]) >= _SAME_PLACE


def gains_to(image: Picture, model: Picture) -> tuple[float, float, float] | None:
    """Factors that bring ``image`` to ``model``; None where it is there, or too far away."""
    a, b = (x.reshape(-1, 3).astype(np.float64) for x in (image, model))
    usable = ((a > _DARKEST) & (a < _BRIGHTEST) & (b > _DARKEST) & (b < _BRIGHTEST)).all(axis=1)
    if usable.mean() < 0.1:
        return None
    # The median of the ratios: somebody who moved is a small part of the picture.
    gains = np.median(b[usable] / a[usable], axis=0)
    off = float(np.abs(gains - 1).max())
    if not LEAST_GAIN <= off <= MOST_GAIN:
        return None
    red, green, blue = (round(float(gain), 3) for gain in gains)
    return red, green, blue
