"""Loudness by ITU-R BS.1770-5 and EBU Tech 3341, from 16 kHz mono, in a stream.

At 16 kHz nothing above 8 kHz is left to weigh; on speech that costs a few tenths of a LU
against the full-band value. It serves to compare moments of one talk; what is delivered is
measured on the delivered file.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

BLOCK_SECONDS = 0.1
MOMENTARY_BLOCKS = 4  # 400 ms
SHORT_TERM_BLOCKS = 30  # 3 s
FLOOR_LUFS = -120.0  # what digital silence is given, as ffmpeg's ebur128 does
_OFFSET_LUFS = -0.691  # BS.1770: makes a 997 Hz full-scale sine in one channel -3.01 LKFS

# Analogue prototypes of the two K-weighting stages. BS.1770 prints only their 48 kHz
# coefficients; these centre frequency, quality and gain give the same filters at any rate.
_SHELF_HZ, _SHELF_Q, _SHELF_DB = 1681.974450955533, 0.7071752369554196, 3.999843853973347
_SHELF_SLOPE = 0.4996667741545416
_PASS_HZ, _PASS_Q = 38.13547087602444, 0.5003270373238773


def k_weighting(sample_rate: int) -> Array:
    """[2, 6] second-order sections of the K-weighting filter at ``sample_rate`` Hz."""
    return np.array([_shelf(sample_rate), _high_pass(sample_rate)])


def _shelf(sample_rate: int) -> list[float]:
    k = np.tan(np.pi * _SHELF_HZ / sample_rate)
    high = 10 ** (_SHELF_DB / 20)
    band = high**_SHELF_SLOPE
    a0 = 1 + k / _SHELF_Q + k * k
    return [
        (high + band * k / _SHELF_Q + k * k) / a0,
        2 * (k * k - high) / a0,
        (high - band * k / _SHELF_Q + k * k) / a0,
        1.0,
        2 * (k * k - 1) / a0,
        (1 - k / _SHELF_Q + k * k) / a0,
    ]


def _high_pass(sample_rate: int) -> list[float]:
    k = np.tan(np.pi * _PASS_HZ / sample_rate)
    a0 = 1 + k / _PASS_Q + k * k
    # BS.1770 leaves the numerator at 1, -2, 1 instead of scaling it to unit gain.
    return [1.0, -2.0, 1.0, 1.0, 2 * (k * k - 1) / a0, (1 - k / _PASS_Q + k * k) / a0]


class LoudnessMeter:
    """Turns samples that arrive in order into K-weighted power per 100 ms."""

    def __init__(self, sample_rate: int) -> None:
        self._sections = k_weighting(sample_rate)
        self._state = np.zeros((len(self._sections), 2))
        self._block = round(BLOCK_SECONDS * sample_rate)
        self._rest = np.zeros(0)

    def push(self, samples: NDArray[np.float32]) -> Array:
        """[M] mean squares of the blocks that ``samples`` completes."""
        from scipy.signal import sosfilt

        weighted, self._state = sosfilt(
            self._sections, np.asarray(samples, dtype=np.float64), zi=self._state
        )
        joined = np.concatenate([self._rest, weighted])
        whole = len(joined) // self._block * self._block
        self._rest = joined[whole:]
        return np.asarray((joined[:whole].reshape(-1, self._block) ** 2).mean(axis=1))

    def finish(self) -> Array:
        """[0 or 1] mean square of what is left, padded with silence to a whole block."""
        rest, self._rest = self._rest, np.zeros(0)
        return np.array([float((rest**2).sum()) / self._block]) if len(rest) else np.zeros(0)


def windowed_lufs(power: Array, blocks: int) -> Array:
    """[M] LUFS of windows of ``blocks`` centred on each 100 ms block (ungated).

    The window of block i covers blocks ``i - blocks//2`` up to ``i + (blocks-1)//2``; outside
    the sound there is silence.
    """
    padded = np.concatenate([np.zeros(blocks // 2), power, np.zeros((blocks - 1) // 2)])
    total = np.concatenate([[0.0], np.cumsum(padded)])
    mean = np.maximum(0.0, total[blocks:] - total[:-blocks]) / blocks
    return to_lufs(mean)


def to_lufs(power: Array) -> Array:
    """LUFS of K-weighted mean squares of one channel."""
    return np.asarray(
        np.maximum(FLOOR_LUFS, _OFFSET_LUFS + 10 * np.log10(np.maximum(power, 1e-14)))
    )
