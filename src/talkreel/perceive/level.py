"""How loud the sound is, in steps fine enough to cut by."""

from __future__ import annotations

import numpy as np
from scipy.signal import butter, sosfilt

from talkreel.core.signals import Signal
from talkreel.core.spans import Span
from talkreel.media.audio import SAMPLE_RATE, Audio

STEP_SECONDS = 0.005
VERSION = 1
_FLOOR_DBFS = -100.0
# Speech falls by some 6 dB an octave: evened out, a faint "s" counts as much as a vowel. An "m"
# has nothing up there, so the sound as it is counts too, above the rumble of rooms.
_PRE_EMPHASIS = 0.97
_PLAIN_SHARE = 0.25
_RUMBLE_HZ = 90.0
# The high-pass has settled after this.
_RUN_UP_SECONDS = 0.1


def fine_level(audio: Audio, span: Span) -> Signal:
    """Level of the weighted sound of ``span`` over 10 ms around every step of 5 ms.

    Returns:
        ``level``: [N] dBFS from ``span.start`` on; -100 for digital silence.
    """
    hop = round(STEP_SECONDS * SAMPLE_RATE)
    run_up = round(_RUN_UP_SECONDS * SAMPLE_RATE)
    count = max(0, int(span.duration / STEP_SECONDS))
    samples = audio.samples(span.pad(_RUN_UP_SECONDS, STEP_SECONDS)).astype(np.float64)
    plain = sosfilt(butter(2, _RUMBLE_HZ, "highpass", fs=SAMPLE_RATE, output="sos"), samples)
    bright = np.append(plain[:1], plain[1:] - _PRE_EMPHASIS * plain[:-1])
    weighted = bright**2 + _PLAIN_SHARE * plain**2
    power = np.concatenate([[0.0], np.cumsum(weighted)])
    centres = run_up + hop // 2 + hop * np.arange(count)
    last = np.minimum(centres + hop, len(samples))
    mean = (power[last] - power[centres - hop]) / (2 * hop)
    values = 10 * np.log10(np.maximum(mean, 10 ** (_FLOOR_DBFS / 10)))
    return Signal("level", values.astype(np.float32), "dBFS", span.start, STEP_SECONDS)
