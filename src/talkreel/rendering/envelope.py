"""Gains over time: drawn in dB at 1 kHz, smoothed, and laid over samples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from talkreel.core.arrays import FloatArray
from talkreel.core.sound import MusicBed
from talkreel.core.spans import Span, TimeMap

CONTROL_HZ = 1000
_SMOOTH_SECONDS = 0.04
_MUTE_RAMP_SECONDS = 0.005


def on_clip(spans: Iterable[Span], time_map: TimeMap) -> Iterator[tuple[int, Span]]:
    """(number of the span, what is played of it on the clip clock), piece by piece."""
    for number, span in enumerate(spans):
        for kept in time_map.kept:
            part = span.intersect(kept)
            if part is not None:
                begin = time_map.to_clip(part.start)
                yield number, Span(begin, begin + part.duration)


def smooth_gains(parts: Iterable[tuple[Span, float]], seconds: float) -> FloatArray:
    """[N] dB at 1 kHz, 0 outside ``parts`` (clip clock), without steps."""
    curve = np.zeros(_points(seconds))
    for span, gain in parts:
        curve[_point(span.start) : _point(span.end)] = gain
    window = np.hanning(round(_SMOOTH_SECONDS * CONTROL_HZ) + 2)
    half = len(window) // 2
    padded = np.pad(curve, (half, len(window) - 1 - half), mode="edge")
    return np.asarray(np.convolve(padded, window / window.sum(), "valid"))


def closed(parts: Iterable[Span], seconds: float) -> FloatArray:
    """[N] factors 0..1 at 1 kHz: 0 all over ``parts`` (clip clock), ramps outside them."""
    factor = np.ones(_points(seconds))
    times = np.arange(len(factor)) / CONTROL_HZ
    for span in parts:
        outside = np.maximum(span.start - times, times - span.end)
        factor = np.minimum(factor, np.clip(outside / _MUTE_RAMP_SECONDS, 0.0, 1.0))
    return factor


def music_curve(bed: MusicBed, speech: Iterable[Span], seconds: float) -> FloatArray:
    """[N] factors of the music at 1 kHz: down under ``speech`` (clip clock), faded at the ends."""
    depth = np.zeros(_points(seconds))  # 1 where fully ducked
    times = np.arange(len(depth)) / CONTROL_HZ
    for span in speech:
        down = 1 - _ramp(span.start - times, bed.attack)
        up = 1 - _ramp(times - span.end, bed.release)
        depth = np.maximum(depth, np.minimum(down, up))
    level = bed.level_db - bed.duck_db * depth
    fades = np.minimum(_ramp(times, bed.fade_in), _ramp(seconds - times, bed.fade_out))
    return np.asarray(10 ** (level / 20) * fades)


def _ramp(past: FloatArray, seconds: float) -> FloatArray:
    """0 up to 0, 1 from ``seconds`` on, a raised cosine between."""
    if seconds <= 0:
        return np.asarray(past > 0, dtype=np.float64)
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * np.clip(past / seconds, 0.0, 1.0)))


def at_samples(curve: FloatArray, first: int, last: int, rate: int) -> NDArray[np.float32]:
    """[last - first, 1] values of ``curve`` at samples ``first`` to ``last``."""
    places = np.arange(first, last) * (CONTROL_HZ / rate)
    values = np.interp(places, np.arange(len(curve)), curve)
    return np.asarray(values[:, None], dtype=np.float32)


def _points(seconds: float) -> int:
    return max(2, round(seconds * CONTROL_HZ) + 2)


def _point(time: float) -> int:
    return max(0, round(time * CONTROL_HZ))
