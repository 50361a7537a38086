"""Where the eye goes in a picture without faces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from talkreel.core.arrays import FloatArray

_WORK_WIDTH = 64
# Frames that vary less than this (of 255) are black, white or one colour: nothing stands out.
_PLAIN = 6.0


@dataclass(frozen=True, slots=True)
class Salience:
    """Where the interest of some frames lies.

    Attributes:
        x: middle of the most interesting column window, 0..1.
        inside: share of all interest within that window.
        window: width of the window, 0..1.
    """

    x: float
    inside: float
    window: float

    @property
    def gathered(self) -> float:
        """0 when the interest is spread evenly, 1 when all of it lies in the window."""
        return max(0.0, (self.inside - self.window) / max(1e-9, 1.0 - self.window))


def find_salience(frames: Sequence[NDArray[np.uint8]], window: float) -> Salience:
    """The upright window of ``window`` width share that holds the most interest.

    Interest is the spectral residual of the luma (Hou and Zhang, CVPR 2007: what is left of
    the log spectrum after its local mean) plus the contrast of colour against the picture's
    mean, averaged over the frames.

    Raises:
        ValueError: no frame, or a window that is not in 0..1.
    """
    if not frames:
        raise ValueError("salience needs at least one frame")
    if not 0.0 < window <= 1.0:
        raise ValueError(f"a window is a share of the width in 0..1, got {window}")
    if max(float(frame.std()) for frame in frames) < _PLAIN:
        return Salience(0.5, window, window)
    interest = np.mean([_interest(frame) for frame in frames], axis=0)
    columns = interest.sum(axis=0)
    total = float(columns.sum())
    wide = max(1, min(len(columns), round(window * len(columns))))
    if total <= 0:
        return Salience(0.5, window, window)
    sums = np.convolve(columns, np.ones(wide), mode="valid") / total
    best = int(sums.argmax())
    return Salience((best + wide / 2) / len(columns), float(sums[best]), wide / len(columns))


def _interest(frame: NDArray[np.uint8]) -> FloatArray:
    small = _shrunk(frame)
    luma = small.mean(axis=2)
    spectrum = np.fft.fft2(luma)
    log_size = np.log(np.abs(spectrum) + 1e-6)
    residual = log_size - _box_mean(log_size)
    back = np.abs(np.fft.ifft2(np.exp(residual + 1j * np.angle(spectrum)))) ** 2
    structure = _box_mean(np.asarray(back))
    colour = np.linalg.norm(small - small.mean(axis=(0, 1)), axis=2)
    return _unit(structure) + 0.5 * _unit(np.asarray(colour))


def _shrunk(frame: NDArray[np.uint8]) -> FloatArray:
    """Area means, about 64 pixels wide, as [h, w, 3] floats."""
    factor = max(1, frame.shape[1] // _WORK_WIDTH)
    height, width = frame.shape[0] // factor, frame.shape[1] // factor
    if min(height, width) < 1:
        return frame[..., :3].astype(np.float64)
    cut = frame[: height * factor, : width * factor, :3].astype(np.float64)
    return np.asarray(cut.reshape(height, factor, width, factor, 3).mean(axis=(1, 3)))


def _box_mean(values: FloatArray) -> FloatArray:
    padded = np.pad(values, 1, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3))
    return np.asarray(windows.mean(axis=(2, 3)))


def _unit(values: FloatArray) -> FloatArray:
    """Scaled to a sum of one; zeros stay zeros."""
    total = float(values.sum())
    return values / total if total > 0 else values
