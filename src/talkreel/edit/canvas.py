"""Size and frame rate of the delivered picture."""

from __future__ import annotations

import math
from fractions import Fraction

from talkreel.core.edits import Canvas
from talkreel.core.media import Media, VideoStream
from talkreel.edit.options import ASPECTS, EditOptions

COMMON_RATES = (
    Fraction(24000, 1001),
    Fraction(24),
    Fraction(25),
    Fraction(30000, 1001),
    Fraction(30),
    Fraction(48),
    Fraction(50),
    Fraction(60000, 1001),
    Fraction(60),
)
DEFAULT_RATE = Fraction(30)
# A rate within this share of a common one is that rate measured badly. 23.976 and 24 are
# 0.1 % apart, so the nearest is taken.
_SNAP = 0.003
# The shortest long side that players and captions cope with; it wins over the upscale limit,
# for sources smaller than a thumbnail.
_SMALLEST_SIDE = 320
# The canvas of a sound-only source, which has no picture to take a size from.
_SOUND_SIDE = 1920


def choose_canvas(media: Media, options: EditOptions) -> Canvas:
    """The canvas for ``media``.

    The largest region of the canvas' shape that fits into the source is enlarged at most
    ``options.upscale_limit`` times (``source`` aspect: never enlarged), up to a long side of
    ``options.height`` and a short side of 9/16 of it, and never below a long side of 320
    pixels. Sizes keep the exact aspect in even pixels.
    """
    if media.video is None:
        shape = ASPECTS[options.aspect] or ASPECTS["9:16"]
        assert shape is not None
        width, height = _exact_size(shape, min(_longest(shape, options.height), _SOUND_SIDE))
        return Canvas(width, height, DEFAULT_RATE)
    video = media.video
    shape = ASPECTS[options.aspect]
    rate = choose_rate(video)
    if shape is None:
        return Canvas(*_scaled_source(video, options.height), rate)
    region_width = min(Fraction(video.width), video.height * shape)
    longest = max(region_width, region_width / shape) * Fraction(options.upscale_limit)
    side = min(_longest(shape, options.height), max(_SMALLEST_SIDE, math.floor(longest)))
    return Canvas(*_exact_size(shape, side), rate)


def choose_rate(video: VideoStream) -> Fraction:
    """The canvas' frame rate.

    20 to 60 frames a second stay as they are (rates close to a common one become it, a
    variable rate becomes the next common one); faster ones are halved until they fit; slower
    ones become 24, 25 or 30, whichever first shows every source frame equally often, else 30.
    """
    rate = video.frame_rate
    while rate > 60 * (1 + Fraction(1, 1000)):
        rate /= 2
    snapped = _snap(rate)
    if snapped is not None:
        return snapped
    if rate < 20:
        multiples = (Fraction(24), Fraction(25), Fraction(30))
        fitting = (r for r in multiples if abs(r / rate - round(r / rate)) < _SNAP * r / rate)
        return next(fitting, DEFAULT_RATE)
    if video.variable:
        return next((r for r in COMMON_RATES if r >= rate * Fraction(99, 100)), Fraction(60))
    return rate.limit_denominator(1001)


def _snap(rate: Fraction) -> Fraction | None:
    nearest = min(COMMON_RATES, key=lambda common: abs(common - rate))
    return nearest if abs(nearest - rate) <= nearest * Fraction(_SNAP) else None


def _longest(shape: Fraction, height: int) -> int:
    """Longest side of a ``shape`` whose short side is at most 9/16 of ``height``."""
    return min(height, math.floor(height * Fraction(9, 16) * max(shape, 1 / shape)))


def _exact_size(shape: Fraction, long_side: int) -> tuple[int, int]:
    """Largest even (width, height) of exactly ``shape`` with no side above ``long_side``."""
    across, down = shape.numerator * 2, shape.denominator * 2
    steps = max(1, long_side // max(across, down))
    return across * steps, down * steps


def _scaled_source(video: VideoStream, long_side: int) -> tuple[int, int]:
    longest, shortest = sorted((video.width, video.height), reverse=True)
    scale = min(1.0, long_side / longest, long_side * 9 / 16 / shortest)
    if longest < _SMALLEST_SIDE:
        scale = _SMALLEST_SIDE / longest
    return _even(video.width * scale), _even(video.height * scale)


def _even(value: float) -> int:
    return max(2, 2 * round(value / 2))
