"""Statistics of how something is said: pitch, energy, timbre, tempo.

The descriptors and functionals follow eGeMAPS (Eyben et al. 2016) where they can be had without
tracking formants.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from talkreel.core.arrays import FloatArray

CEPSTRA = 20
_PITCH_HZ = (60.0, 500.0)
_PITCH_WINDOW = 640  # two periods of 60 Hz with room for the lag
_VOICED = 0.5
_VOICED_DB = 30.0  # below the loudest frame
_FIRST_PEAK = 0.88  # of the highest: an earlier peak this high is the period, later ones multiples
_SEMITONE_ZERO_HZ = 27.5


def delivery_statistics(
    speech: NDArray[np.float32], power: FloatArray, mel: FloatArray, sample_rate: int, hop: int
) -> NDArray[np.float32]:
    """[S] finite values.

    Args:
        speech: [T] samples.
        power: [K, F] power spectrum.
        mel: [M, F] log-mel energies.
        sample_rate: Hz.
        hop: samples between the F frames.
    """
    count = power.shape[1]
    pitch, strength = _pitch(speech, count, sample_rate, hop)
    level = 10 * np.log10(power.sum(axis=0) + 1e-8)
    voiced = (strength > _VOICED) & (level > level.max() - _VOICED_DB)
    cepstra = _cosines(mel.shape[0]) @ mel
    timbre = _timbre(power, sample_rate)
    curves = np.concatenate([cepstra, timbre, strength[None], level[None] - level.max()])
    parts = [
        _functionals(curves),
        _changes(curves),
        _functionals(cepstra[:, voiced] if voiced.sum() > 2 else cepstra)[:, :2],
        _melody(pitch, voiced),
        _tempo(voiced, level),
        _profile(mel, voiced),
    ]
    values = np.concatenate([np.ravel(part) for part in parts])
    return np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)


def _pitch(
    speech: NDArray[np.float32], count: int, sample_rate: int, hop: int
) -> tuple[FloatArray, FloatArray]:
    """[F] semitones above 27.5 Hz and [F] height 0..1 of the autocorrelation's peak.

    The autocorrelation is divided by that of the window (Boersma 1993).
    """
    window = np.hanning(_PITCH_WINDOW)
    padded = np.pad(speech, (_PITCH_WINDOW // 2, _PITCH_WINDOW))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _PITCH_WINDOW)[::hop][:count]
    frames = (frames - frames.mean(axis=1, keepdims=True)) * window
    shape = _autocorrelation(window[None])[0]
    found = _autocorrelation(frames)
    found = found / np.maximum(found[:, :1], 1e-9) / np.maximum(shape / shape[0], 1e-3)
    low, high = (round(sample_rate / hz) for hz in reversed(_PITCH_HZ))
    range_ = found[:, low : high + 1]
    best = range_.max(axis=1)
    peaks = np.zeros(range_.shape, dtype=bool)
    peaks[:, 1:-1] = (range_[:, 1:-1] >= range_[:, :-2]) & (range_[:, 1:-1] >= range_[:, 2:])
    peaks &= range_ >= _FIRST_PEAK * best[:, None]
    lag = low + np.where(peaks.any(axis=1), peaks.argmax(axis=1), range_.argmax(axis=1))
    semitones = 12 * np.log2(sample_rate / lag / _SEMITONE_ZERO_HZ)
    return _median(semitones), np.clip(best, 0, 1)


def _autocorrelation(frames: FloatArray) -> FloatArray:
    size = 2 * _PITCH_WINDOW
    return np.asarray(np.fft.irfft(np.abs(np.fft.rfft(frames, size)) ** 2, size))


def _median(values: FloatArray) -> FloatArray:
    padded = np.pad(values, 2, mode="edge")
    return np.asarray(np.median(np.lib.stride_tricks.sliding_window_view(padded, 5), axis=1))


def _cosines(bands: int) -> FloatArray:
    """[20, M] rows 1..20 of the cosine transform: cepstra without the level."""
    rows, columns = np.arange(1, CEPSTRA + 1)[:, None], np.arange(bands)[None] + 0.5
    return np.asarray(np.sqrt(2 / bands) * np.cos(np.pi * rows * columns / bands))


def _timbre(power: FloatArray, sample_rate: int) -> FloatArray:
    """[8, F] centre, spread, roll-off, flatness, flux, alpha ratio, Hammarberg index, slope."""
    hertz = np.linspace(0, sample_rate / 2, power.shape[0])
    share = power / np.maximum(power.sum(axis=0), 1e-9)
    centre = hertz @ share
    spread = np.sqrt(np.maximum((hertz**2) @ share - centre**2, 0))
    rolled = hertz[(np.cumsum(share, axis=0) < 0.85).sum(axis=0).clip(max=len(hertz) - 1)]
    logs = np.log(power + 1e-8)
    flatness = logs.mean(axis=0) - np.log(power.mean(axis=0) + 1e-8)
    flux = np.sqrt(np.square(np.diff(share, axis=1, prepend=share[:, :1])).sum(axis=0))
    low, high = (hertz >= 50) & (hertz < 1000), (hertz >= 1000) & (hertz < 5000)
    alpha = np.log(power[low].sum(axis=0) + 1e-8) - np.log(power[high].sum(axis=0) + 1e-8)
    peak_low = logs[hertz < 2000].max(axis=0)
    hammarberg = peak_low - logs[(hertz >= 2000) & (hertz < 5000)].max(axis=0)
    first = hertz < 500
    away = hertz[first] - hertz[first].mean()
    slope = (away @ logs[first]) / (away @ away) * 500
    return np.stack(
        [
            np.log(centre + 50),
            np.log(spread + 50),
            np.log(rolled + 50),
            flatness,
            flux,
            alpha,
            hammarberg,
            slope,
        ]
    )


def _functionals(curves: FloatArray) -> FloatArray:
    """[C, 8] mean, deviation, five quantiles and the trend of each curve."""
    quantiles = np.quantile(curves, [0.05, 0.2, 0.5, 0.8, 0.95], axis=1)
    time = np.linspace(-1, 1, curves.shape[1])
    trend = (curves @ time) / max(float(time @ time), 1e-9)
    return np.column_stack([curves.mean(axis=1), curves.std(axis=1), *quantiles, trend])


def _changes(curves: FloatArray) -> FloatArray:
    """[C, 2] mean size and deviation of the change over 20 ms."""
    change = curves[:, 2:] - curves[:, :-2]
    return np.column_stack([np.abs(change).mean(axis=1), change.std(axis=1)])


def _melody(pitch: FloatArray, voiced: NDArray[np.bool_]) -> FloatArray:
    """[14] of the pitch where there is one."""
    if voiced.sum() < 3:
        return np.zeros(14)
    values = pitch[voiced]
    quantiles = np.quantile(values, [0.05, 0.2, 0.5, 0.8, 0.95])
    together = voiced[1:] & voiced[:-1]
    steps = np.diff(pitch)[together]
    steps = steps[np.abs(steps) < 3] if len(steps) else np.zeros(1)
    rising, falling = steps[steps > 0], steps[steps < 0]
    time = np.linspace(-1, 1, len(pitch))[voiced]
    time = time - time.mean()
    trend = (time @ values) / max(float(time @ time), 1e-9)
    found = [values.mean(), values.std(), *quantiles, quantiles[3] - quantiles[1], trend]
    found += [part.mean() if len(part) else 0.0 for part in (rising, falling)]
    found += [part.std() if len(part) else 0.0 for part in (rising, falling)]
    return np.array([*found, np.abs(steps).mean() if len(steps) else 0.0])


def _tempo(voiced: NDArray[np.bool_], level: FloatArray) -> FloatArray:
    """[12] lengths of voiced stretches and pauses, peaks of the level, its modulation."""
    seconds = len(level) / 100
    parts = []
    quiet = level < level.max() - _VOICED_DB
    for flags in (voiced, ~voiced, quiet):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(int), [0]])))
        lengths = (edges[1::2] - edges[::2]) / 100
        parts += [len(lengths) / seconds, lengths.mean() if len(lengths) else 0.0, flags.mean()]
    smooth = np.convolve(level, np.hanning(9) / np.hanning(9).sum(), mode="same")
    peaks = (smooth[1:-1] > smooth[:-2]) & (smooth[1:-1] >= smooth[2:])
    peaks &= smooth[1:-1] > smooth.max() - 25
    spectrum = np.abs(np.fft.rfft(smooth - smooth.mean(), 512)) ** 2
    hertz = np.fft.rfftfreq(512, 0.01)
    bands = [spectrum[(hertz >= a) & (hertz < b)].sum() for a, b in ((1, 3), (3, 8))]
    total = spectrum.sum() + 1e-9
    return np.array([*parts, peaks.sum() / seconds, *(np.asarray(bands) / total)])


def _profile(mel: FloatArray, voiced: NDArray[np.bool_]) -> FloatArray:
    """[M] long-term spectrum of the voiced frames about its mean."""
    mean = mel[:, voiced].mean(axis=1) if voiced.sum() > 2 else mel.mean(axis=1)
    return np.asarray(mean - mean.mean())
