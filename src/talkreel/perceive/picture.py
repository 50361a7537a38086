"""What is wrong with a picture: noise, softness, shake, and shots that do not match."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import convolve, uniform_filter1d

from talkreel.core.media import Media
from talkreel.core.spans import Span
from talkreel.media.frames import FrameReader

VERSION = 1
# Noise and softness are judged on full-size pictures, few of them; wider ones are scaled down.
_LOOK_WIDTH = 1920
_PLACES = 3
_BLOCK = 16
# The stillest blocks of a picture show its noise and nothing else.
_STILL_PERCENTILE = 25.0
# Blocks beyond these means are bars or clipped, where noise is cut off.
_DARKEST, _BRIGHTEST = 24.0, 228.0
_MASK = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], dtype=np.float32)
_BLUR_PX = 9
_SHAKE_WIDTH = 160
_SHAKE_HZ = 12.5
_SHAKE_SECONDS = 3.0
_THUMB_WIDTH = 96

Gray = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """Measured on a few frames.

    Attributes:
        noise: standard deviation of what changes from frame to frame where nothing moves, of 255.
        blur: 0 (crisp) to 1 (soft): how little is lost by blurring once more (Crete et al. 2007).
        shake: standard deviation of the camera's jitter, as a share of the picture's width.
    """

    noise: float
    blur: float
    shake: float


def picture_facts(media: Media, span: Span) -> PictureFacts:
    """The facts of ``span``.

    Raises:
        MediaError: nothing decodes there.
    """
    assert media.video is not None
    step = 1 / float(media.video.frame_rate)
    with FrameReader(media, width=_LOOK_WIDTH, gray=True) as reader:
        noises, blurs = [], []
        for place in range(_PLACES):
            time = span.start + (place + 0.5) / _PLACES * span.duration
            first, second = (f.image.astype(np.float32) for f in reader.at([time, time + step]))
            noises.append(noise_between(first, second))
            blurs.append(blur_of(first))
    return PictureFacts(float(np.median(noises)), float(np.median(blurs)), _shake(media, span))


def noise_between(first: Gray, second: Gray) -> float:
    """Standard deviation of the noise in two pictures of the same thing.

    The smaller of what changes where least moves and of what roughens where least is drawn
    (Immerkaer 1996): a panning camera changes everything, and texture is rough.
    """
    lit = _blocks(first).mean(axis=(1, 3))
    usable = (lit > _DARKEST) & (lit < _BRIGHTEST)
    if not usable.any():
        return 0.0
    # Means of |x| for normal values: s sqrt(2/pi); a - b has s sqrt 2, the mask 6 s.
    changed = _blocks(np.abs(second - first)).mean(axis=(1, 3)) * np.sqrt(np.pi) / 2
    rough = np.abs(convolve(first, _MASK, mode="nearest")) * np.sqrt(np.pi / 2) / 6
    found = [changed[usable], _blocks(rough).mean(axis=(1, 3))[usable]]
    return float(min(np.percentile(values, _STILL_PERCENTILE) for values in found))


def _blocks(image: Gray) -> Gray:
    height, width = (side // _BLOCK * _BLOCK for side in image.shape)
    cut = image[:height, :width]
    return cut.reshape(height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK)


def blur_of(image: Gray) -> float:
    """No-reference blur by Crete et al. 2007 ("The blur effect"), the worse direction."""
    worst = 0.0
    for axis in (0, 1):
        blurred = uniform_filter1d(image, _BLUR_PX, axis, mode="nearest")
        sharp_step = np.abs(np.diff(image, axis=axis))
        soft_step = np.abs(np.diff(blurred, axis=axis))
        lost = np.maximum(0.0, sharp_step - soft_step)
        total = float(sharp_step.sum())
        worst = max(worst, 1.0 - float(lost.sum()) / total) if total > 0 else worst
    return worst


def _shake(media: Media, span: Span) -> float:
    """Jitter of the camera in the middle of ``span``: motion less its own running mean."""
    middle = Span(span.middle, span.middle).pad(_SHAKE_SECONDS / 2, _SHAKE_SECONDS / 2)
    with FrameReader(media, width=_SHAKE_WIDTH, gray=True) as reader:
        images = [f.image.astype(np.float32) for f in reader.sample(middle.clamp(span), _SHAKE_HZ)]
    if len(images) < 8:
        return 0.0
    moves = np.array([shift_between(a, b) for a, b in pairwise(images)])
    way = np.cumsum(moves, axis=0)
    kernel = np.ones(7) / 7
    smooth = np.stack([np.convolve(way[:, i], kernel, "valid") for i in (0, 1)], axis=1)
    return float((way[3:-3] - smooth).std(axis=0).max() / _SHAKE_WIDTH)


def shift_between(first: Gray, second: Gray) -> tuple[float, float]:
    """(x, y) pixels by which the picture moved, by phase correlation, to a part of a pixel."""
    window = np.outer(np.hanning(first.shape[0]), np.hanning(first.shape[1]))
    a, b = (np.fft.rfft2((image - image.mean()) * window) for image in (first, second))
    cross = b * np.conj(a)
    peak = np.fft.irfft2(cross / np.maximum(np.abs(cross), 1e-6), first.shape)
    row, column = np.unravel_index(int(np.argmax(peak)), peak.shape)
    shifts = []
    for place, line in ((column, peak[row]), (row, peak[:, column])):
        size = len(line)
        left, here, right = (float(line[(place + d) % size]) for d in (-1, 0, 1))
        bend = left - 2 * here + right
        part = 0.5 * (left - right) / bend if abs(bend) > 1e-9 else 0.0
        shifts.append((place + size // 2) % size - size // 2 + float(np.clip(part, -0.5, 0.5)))
    return shifts[0], shifts[1]


def shot_looks(media: Media, spans: Sequence[Span]) -> list[NDArray[np.uint8]]:
    """One small RGB frame from the middle of each of ``spans``, which ascend."""
    with FrameReader(media, width=_THUMB_WIDTH) as reader:
        return [frame.image for frame in reader.at([span.middle for span in spans])]
