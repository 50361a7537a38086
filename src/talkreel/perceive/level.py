"""How loud the sound is, in steps fine enough to cut by."""

from __future__ import annotations

import numpy as np

from talkreel.core.signals import Signal
from talkreel.core.spans import Span
from talkreel.media.audio import SAMPLE_RATE, Audio

STEP_SECONDS = 0.005
VERSION = 1
_FLOOR_DBFS = -100.0
# Speech falls by some 6 dB an octave: evened out, a faint "s" counts as much as a vowel, and
# the hum of a room as little as it is heard.
_PRE_EMPHASIS = 0.97


def fine_level(audio: Audio, span: Span) -> Signal:
    """Level of the pre-emphasised sound of ``span`` over 10 ms around every step of 5 ms.

    Returns:
        ``level``: [N] dBFS from ``span.start`` on; -100 for digital silence.
    """
    hop = round(STEP_SECONDS * SAMPLE_RATE)
    count = max(0, int(span.duration / STEP_SECONDS))
    padded = span.pad(STEP_SECONDS, STEP_SECONDS)
    samples = audio.samples(padded).astype(np.float64)
    flat = np.append(samples[:1], samples[1:] - _PRE_EMPHASIS * samples[:-1])
    power = np.concatenate([[0.0], np.cumsum(flat**2)])
    centres = hop + hop // 2 + hop * np.arange(count)
    first, last = centres - hop, np.minimum(centres + hop, len(flat))
    mean = (power[last] - power[first]) / (2 * hop)
    values = 10 * np.log10(np.maximum(mean, 10 ** (_FLOOR_DBFS / 10)))
    return Signal("level", values.astype(np.float32), "dBFS", span.start, STEP_SECONDS)
