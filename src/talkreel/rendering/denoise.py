"""Steady noise out of speech: RNNoise (Valin 2018), as pyrnnoise carries it.

RNNoise alone takes words with the noise. What it leaves is therefore mixed with the sound as it
was, so that no sound goes down further than asked.
"""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from talkreel.core.errors import RenderError
from talkreel.rendering.sound import RATE

Array = NDArray[np.float32]

_FRAME = 480
# RNNoise adds frames up half by half, and looks one ahead.
_LATE = 2 * _FRAME
_BLOCK = 1000 * _FRAME
# It takes and gives 16 bits, and what it gives may be louder than what it took.
_PEAK = 0.5 * 32767


def can_denoise() -> bool:
    """Whether pyrnnoise is installed; it has no wheel for some systems."""
    return find_spec("pyrnnoise") is not None


def denoise(samples: Array, reduction_db: float) -> Array:
    """``samples`` with their steady noise taken down.

    Args:
        samples: [N, C] at 48 kHz.
        reduction_db: most that anything is taken down, > 0.

    Returns:
        [N, C], in step with the input.

    Raises:
        RenderError: pyrnnoise is missing.
    """
    if not can_denoise():
        raise RenderError(
            "this edit takes noise down, which needs pyrnnoise: install it, or set denoise_db to 0"
        )
    peak = float(np.abs(samples).max(initial=0.0))
    if not peak:
        return samples
    # Sound on both sides alike is done once.
    alike = bool((samples == samples[:, :1]).all())
    wide = samples[:, :1] if alike else samples
    kept = np.float32(10 ** (-reduction_db / 20))
    return kept * samples + (1 - kept) * _cleaned(wide, _PEAK / peak)


def _cleaned(samples: Array, scale: float) -> Array:
    """[N, C] what RNNoise leaves, in step."""
    from pyrnnoise import RNNoise

    length = _FRAME * -(-(len(samples) + _LATE) // _FRAME)
    padded = np.pad(samples, ((0, length - len(samples)), (0, 0))).T
    model = RNNoise(sample_rate=RATE)
    frames: list[NDArray[np.int16]] = []
    for first in range(0, length, _BLOCK):
        block = np.round(padded[:, first : first + _BLOCK] * scale).astype(np.int16)
        last = first + _BLOCK >= length
        frames += [frame for _, frame in model.denoise_chunk(block, partial=last)]
    cleaned = np.concatenate(frames, axis=1)[:, _LATE : _LATE + len(samples)]
    return np.asarray(cleaned.T / scale, dtype=np.float32)
