"""Mouth motion that belongs to a sound, from gray face crops alone.

A listener may nod, smile and chew; what sets a speaker apart is that the mouth moves when the
voice swells. Motion is dense optical flow around the mouth after the motion of the upper face
(an affine fit: head turns, nods, camera) is taken away.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from talkreel.core.arrays import FloatArray
from talkreel.perceive.detectors import EYES_AT

CROP_PX = 128
# The crop reaches this far beyond the half side of the face box.
CROP_MARGIN = 1.3
RATE_HZ = 25.0
SAMPLE_RATE_HZ = 16_000
_HOP = round(SAMPLE_RATE_HZ / RATE_HZ)
_WINDOW = 1024
# Lips lead the sound they make by 100 to 200 ms (Chandrasekaran et al. 2009, PLoS Comput Biol 5).
_LEADS_FRAMES = (2, 3, 4)
_DRIFT_FRAMES = 25.0
_LOCAL_FRAMES = 50.0
# Moving pixels per frame at 98 px of face below which flow is noise.
_FLOW_NOISE_PX = 0.02
# Mean of the product below over three seconds: about 0 for a listener, moving or not, .3 to .85
# for a speaker, with a deviation of .3 each.
_IN_STEP = 0.2
_IN_STEP_ODDS = 0.07
# Log ratio of mouth to upper-face motion: -1.1 for a still face, -.3 for a talking one.
_MOVING = -0.7
_MOVING_ODDS = 0.1
_MOVING_LIMITS = (-0.08, 0.025)


def crop_box(box: FloatArray) -> FloatArray:
    """[4] the square around a face box (pixels) that ``mouth_motion`` wants."""
    centre = (box[:2] + box[2:]) / 2
    half = float((box[2:] - box[:2]).max()) / 2 * CROP_MARGIN
    return np.concatenate([centre - half, centre + half])


def mouth_motion(crops: NDArray[np.uint8], times: FloatArray) -> FloatArray:
    """[T] log of mouth motion over upper-face motion, per 1/25 s; the first value repeats.

    Args:
        crops: [T, 128, 128] gray, cut at ``crop_box``.
        times: [T] ascending seconds.

    Raises:
        ValueError: shapes that do not fit.
    """
    import cv2

    if crops.shape[1:] != (CROP_PX, CROP_PX) or times.shape != crops.shape[:1]:
        raise ValueError(f"needs [T, {CROP_PX}, {CROP_PX}] crops, got {crops.shape}")
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    mouth, upper, fit, plane = _regions()
    values = np.zeros(len(crops))
    for i in range(1, len(crops)):
        moved = flow.calc(crops[i - 1], crops[i], None).reshape(-1, 2)
        moved = moved / (RATE_HZ * max(float(times[i] - times[i - 1]), 1e-3))
        own = moved - plane @ (fit @ moved[upper])
        length = np.hypot(own[:, 0], own[:, 1])
        most, rest = float(length[mouth].mean()), float(length[upper].mean())
        values[i] = np.log(most + _FLOW_NOISE_PX) - 0.5 * np.log(rest + _FLOW_NOISE_PX)
    if len(values) > 1:
        values[0] = values[1]
    return values


@lru_cache(maxsize=1)
def _regions() -> tuple[NDArray[np.int_], NDArray[np.int_], FloatArray, FloatArray]:
    """Pixels of mouth and upper face, the affine fit over the latter, its plane everywhere."""
    side = CROP_PX / CROP_MARGIN
    rows, columns = np.mgrid[0:CROP_PX, 0:CROP_PX]
    y = (rows - (CROP_PX - side) / 2) / side
    x = np.abs(columns - (CROP_PX - side) / 2 - side / 2) / side
    # Boxes are a little taller than wide: the crop is square on the height, so shares fit.
    mouth = np.flatnonzero(((y > 0.66) & (y < 0.92) & (x < 0.22)).ravel())
    eyes = (y > EYES_AT - 0.13) & (y < EYES_AT + 0.22) & (x < 0.3)
    upper = np.flatnonzero(eyes.ravel())
    plane = np.stack([columns.ravel(), rows.ravel(), np.ones(rows.size)], axis=1)
    return mouth, upper, np.asarray(np.linalg.pinv(plane[upper])), plane


def sound_shape(samples: NDArray[np.float32], count: int) -> FloatArray:
    """[count, 2] at 25 Hz: log energy, and how fast it changes (absolute)."""
    starts = np.arange(count) * _HOP
    padded = np.pad(samples, (0, max(0, count * _HOP + _WINDOW - len(samples))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[starts]
    energy = np.log(np.mean((frames * np.hanning(_WINDOW)) ** 2, axis=1) + 1e-8)
    change = np.abs(np.diff(energy, prepend=energy[:1]))
    return np.stack([energy, change], axis=1)


def in_step(motion: FloatArray, sound: FloatArray) -> FloatArray:
    """[T] product of local deviations of motion and sound; its mean over time is a correlation.

    Args:
        motion: [T] from ``mouth_motion`` on a 25 Hz grid.
        sound: [T, 2] from ``sound_shape`` on the same grid.
    """
    mouth = _deviation(motion)
    total = np.zeros(len(motion))
    for column, weight in ((0, 1.0), (1, 0.5)):
        voice = _deviation(sound[:, column])
        for lead in _LEADS_FRAMES:
            later = np.concatenate([voice[lead:], np.zeros(min(lead, len(voice)))])
            total += weight * mouth * later[: len(mouth)] / len(_LEADS_FRAMES)
    return total


def speaking_odds(motion: FloatArray, sound: FloatArray) -> FloatArray:
    """[T] log odds per 1/25 s that the face speaks; sums over time, as frames add evidence."""
    from scipy.ndimage import gaussian_filter1d

    step = np.clip(in_step(motion, sound), -3.0, 4.0) - _IN_STEP
    level = gaussian_filter1d(motion, RATE_HZ / 2, mode="nearest") - _MOVING
    moving = np.clip(_MOVING_ODDS * level, *_MOVING_LIMITS)
    return np.asarray(_IN_STEP_ODDS * step + moving)


def _deviation(values: FloatArray) -> FloatArray:
    """Smoothed a little, slow drift removed, divided by the local deviation."""
    from scipy.ndimage import gaussian_filter1d

    smooth = gaussian_filter1d(values, 1.0, mode="nearest")
    fast = smooth - gaussian_filter1d(smooth, _DRIFT_FRAMES, mode="nearest")
    spread = np.sqrt(gaussian_filter1d(fast**2, _LOCAL_FRAMES, mode="nearest"))
    return np.asarray(fast / np.maximum(spread, 1e-3))
