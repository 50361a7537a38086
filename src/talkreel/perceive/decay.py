"""How long a room rings on, heard from speech alone."""

from __future__ import annotations

import numpy as np
from scipy.signal import butter, sosfilt

from talkreel.core.arrays import FloatArray
from talkreel.media.audio import SAMPLE_RATE

# Where consonants and the room's ringing both are.
_BAND_HZ = (500.0, 4000.0)
_STEP = 128  # 8 ms
_FRAME = 2 * _STEP
_FALL_DB = 20.0
_LONGEST_SECONDS = 2.0
# Falls start at what is nearly as loud as speech gets.
_LOUD_PERCENTILE, _LOUD_WITHIN_DB = 95, 8.0
# Noise that is nearer takes the end off a fall, and what is left of it looks slow.
_FLOOR_PERCENTILE, _LEAST_RANGE_DB = 5, 35.0
# Of all falls the fastest are bound by the room, the others by the mouth.
_FAST_PERCENTILE = 10
_LEAST_FALLS = 40
_TINY = 1e-12


def decay_seconds(samples: FloatArray) -> float | None:
    """Time in which speech that stops falls by 60 dB, from the fastest falls by 20 dB.

    A dry voice takes 0.10 to 0.22 s itself, so shorter decays are not told apart.

    Args:
        samples: [N] at 16 kHz.

    Returns:
        Seconds, or None where noise or music leaves too few falls to tell.
    """
    band = butter(4, _BAND_HZ, "bandpass", fs=SAMPLE_RATE, output="sos")
    power = np.concatenate([[0.0], np.cumsum(sosfilt(band, samples) ** 2)])
    starts = np.arange(0, len(samples) - _FRAME + 1, _STEP)
    if len(starts) < 2:
        return None
    level = 10 * np.log10((power[starts + _FRAME] - power[starts]) / _FRAME + _TINY)
    floor, top = np.percentile(level, (_FLOOR_PERCENTILE, _LOUD_PERCENTILE))
    if top - floor < _LEAST_RANGE_DB:
        return None
    loud = level > top - _LOUD_WITHIN_DB
    longest = round(_LONGEST_SECONDS * SAMPLE_RATE / _STEP)
    falls = []
    for at in np.flatnonzero(loud[:-1] & (level[1:] < level[:-1])):
        below = np.flatnonzero(level[at : at + longest] < level[at] - _FALL_DB)
        if len(below):
            falls.append(below[0] * _STEP / SAMPLE_RATE * 60 / _FALL_DB)
    if len(falls) < _LEAST_FALLS:
        return None
    return round(float(np.percentile(falls, _FAST_PERCENTILE)), 2)
