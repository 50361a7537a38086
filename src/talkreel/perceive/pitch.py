"""Pitch of a voice by normalised autocorrelation (Boersma 1993), whole minutes at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

LOWEST_HZ, HIGHEST_HZ = 65.0, 500.0
STEP_SECONDS = 0.025
_WINDOW_SECONDS = 0.048  # three periods of the lowest voice
# Height of the autocorrelation peak from which a frame is voiced (Boersma's default).
VOICED = 0.45
# What a candidate one octave lower costs; keeps the true period before its multiples.
_OCTAVE_COST = 0.025
# Quieter than this against the loudest frame of the stretch there is no voice to speak of.
_QUIET_DB = -45.0
_BATCH_FRAMES = 1024


def frame_count(samples: int, sample_rate: int) -> int:
    """Frames that cover ``samples``."""
    return -(-samples // round(STEP_SECONDS * sample_rate))


def margin(sample_rate: int) -> int:
    """Samples that ``track_pitch`` needs before and after the stretch it measures."""
    window = round(_WINDOW_SECONDS * sample_rate)
    return -(-(window - round(STEP_SECONDS * sample_rate)) // 2)


def track_pitch(padded: Array, sample_rate: int) -> tuple[Array, Array]:
    """Pitch of every 25 ms frame.

    Args:
        padded: samples with ``margin(sample_rate)`` more on each side.
        sample_rate: Hz.

    Returns:
        [N] Hz, NaN where unvoiced, and [N] periodicity 0..1.
    """
    hop, window = round(STEP_SECONDS * sample_rate), round(_WINDOW_SECONDS * sample_rate)
    count = frame_count(len(padded) - 2 * margin(sample_rate), sample_rate)
    missing = (count - 1) * hop + window - len(padded)
    if missing > 0:
        padded = np.concatenate([padded, np.zeros(missing, dtype=np.float32)])
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop][:count]
    pitch = np.full(count, np.nan, dtype=np.float32)
    strength = np.zeros(count, dtype=np.float32)
    power = (np.asarray(frames) ** 2).mean(axis=1)
    loudest = float(power.max(initial=0.0))
    heard = np.flatnonzero(power > max(1e-10, loudest * 10 ** (_QUIET_DB / 10)))
    shape = _Shape(sample_rate, window)
    for begin in range(0, len(heard), _BATCH_FRAMES):
        rows = heard[begin : begin + _BATCH_FRAMES]
        pitch[rows], strength[rows] = shape.best(frames[rows])
    pitch[strength < VOICED] = np.nan
    return _without_octave_jumps(pitch), strength


class _Shape:
    """Window, lags and the window's own autocorrelation for one sample rate."""

    def __init__(self, sample_rate: int, window: int) -> None:
        from scipy import fft

        self._rate = sample_rate
        self._low = int(sample_rate / HIGHEST_HZ)
        self._high = int(np.ceil(sample_rate / LOWEST_HZ)) + 1
        self._size = fft.next_fast_len(window + self._high + 1, real=True)
        self._window = np.hanning(window + 2)[1:-1].astype(np.float32)
        self._own = self._correlate(self._window[None])[0]
        lags = np.arange(self._low, self._high)
        self._cost = (_OCTAVE_COST * np.log2(lags / self._low)).astype(np.float32)

    def _correlate(self, frames: Array) -> Array:
        from scipy import fft

        spectrum = fft.rfft(frames, self._size, axis=1)
        correlation = fft.irfft(spectrum.real**2 + spectrum.imag**2, self._size, axis=1)
        correlation = correlation[:, : self._high + 1]
        return np.asarray(correlation / np.maximum(correlation[:, :1], 1e-12), dtype=np.float32)

    def best(self, frames: Array) -> tuple[Array, Array]:
        """[F] Hz and [F] peak height of the best period of each frame."""
        centred = (frames - frames.mean(axis=1, keepdims=True)) * self._window
        # Dividing by the window's autocorrelation undoes its taper (Boersma's equation 9).
        r = self._correlate(centred) / self._own
        inner = r[:, self._low : self._high]
        before, after = r[:, self._low - 1 : self._high - 1], r[:, self._low + 1 : self._high + 1]
        peak = (inner >= before) & (inner > after)
        worth = np.where(peak, inner - self._cost, -1.0)
        place = worth.argmax(axis=1)
        rows = np.arange(len(frames))
        a, b, c = before[rows, place], inner[rows, place], after[rows, place]
        bend = a - 2 * b + c
        shift = np.where(np.abs(bend) > 1e-9, 0.5 * (a - c) / np.where(bend == 0, 1, bend), 0)
        shift = np.clip(shift, -0.5, 0.5)
        height = np.clip(b - 0.25 * (a - c) * shift, 0, 1)
        found = worth[rows, place] > -1
        hertz = self._rate / (place + self._low + shift)
        return hertz.astype(np.float32), np.where(found, height, 0).astype(np.float32)


def _without_octave_jumps(pitch: Array) -> Array:
    """Fold frames that sit an octave off the median of their second onto it; drop lone ones."""
    voiced = np.flatnonzero(np.isfinite(pitch))
    if len(voiced) < 5:
        return pitch
    fixed = pitch.copy()
    values = np.log2(pitch[voiced])
    half = 20
    padded = np.concatenate([values[:half][::-1], values, values[-half:][::-1]])
    around = np.lib.stride_tricks.sliding_window_view(padded, min(2 * half + 1, len(padded)))
    middle = np.median(around, axis=1)[: len(values)]
    if len(middle) < len(values):
        return fixed
    octaves = np.round(values - middle)
    off = np.abs(values - middle) > 0.8
    fixed[voiced[off]] = (2 ** (values - octaves)[off]).astype(np.float32)
    lone = np.isfinite(fixed)
    lone[1:] &= ~np.isfinite(fixed[:-1])
    lone[:-1] &= ~np.isfinite(fixed[1:])
    fixed[lone] = np.nan
    return fixed
