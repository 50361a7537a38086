"""Tempo, energy and a seamless loop of a piece of music.

Tempo by autocorrelation of onset strength (Ellis 2007, "Beat tracking by dynamic programming",
section 3); a bar is taken to have four beats.
"""

from __future__ import annotations

import numpy as np

from talkreel.core.arrays import FloatArray
from talkreel.core.sound import MusicFacts
from talkreel.core.spans import Span
from talkreel.media.audio import SAMPLE_RATE, Audio
from talkreel.perceive.loudness import LoudnessMeter, to_lufs

_HOP = SAMPLE_RATE // 100
_FFT = 1024
_FRAMES_A_SECOND = SAMPLE_RATE / _HOP
_BLOCK_SECONDS = 20.0
# Longer pieces say nothing new about themselves.
_LONGEST_SECONDS = 300.0
# Ellis 2007: tempo preference centred on 120 bpm, 0.9 octaves wide.
_USUAL_BPM, _OCTAVES = 120.0, 0.9
_SLOWEST_BPM, _FASTEST_BPM = 50.0, 220.0
# Below this share of the onset strength's power the piece has no beat worth following.
_LEAST_BEAT = 0.12
_LEAST_ONSET = 0.05
_INAUDIBLE = 1e-3
_LOW_BANDS = 10  # up to about 200 Hz
_BEATS = 4
_BEAT_CROSSFADE, _FREE_CROSSFADE = 0.03, 2.0
_COMPARE_SECONDS = 2.0
_ALIGN_SECONDS = 0.02
# Where a piece is this much below its usual level, it fades in or out.
_FADED_DB = 6.0
_BRIGHT_HZ = 2000.0
_DRIVING_ONSETS = 4.0  # a second
_GATE = 10 ** (-70 / 10)


def music_facts(audio: Audio) -> MusicFacts | None:
    """Measure a piece; None when it is silent or shorter than two seconds."""
    whole = Span(0.0, min(audio.duration, _LONGEST_SECONDS))
    if whole.duration < _COMPARE_SECONDS:
        return None
    samples = audio.samples(whole)
    meter = LoudnessMeter(SAMPLE_RATE)
    power = np.concatenate([meter.push(samples), meter.finish()])
    loud = power[power > _GATE]
    if not len(loud):
        return None
    loud = loud[loud > 0.1 * loud.mean()]
    shape = _spectrogram(samples)
    onsets = _onsets(shape)
    steady = _steady(power)
    period = _period(onsets)
    if period is None:
        fade = min(_FREE_CROSSFADE, steady.duration / 4)
        loop, bars = Span(steady.start, max(steady.end - fade, steady.start + fade * 2)), 0
    else:
        loop, bars = _bars(samples, shape, onsets, steady, period)
        fade = min(_BEAT_CROSSFADE, loop.duration / 4)
    return MusicFacts(
        lufs=float(to_lufs(np.array([loud.mean()]))[0]),
        energy=_energy(shape, onsets, whole.duration),
        tempo_bpm=None if period is None else round(60 * _FRAMES_A_SECOND / period, 1),
        loop=loop,
        crossfade=fade,
        bars=bars,
    )


def _spectrogram(samples: FloatArray) -> FloatArray:
    """[frames, bins] power at 100 Hz."""
    window = np.hanning(_FFT)
    padded = np.pad(samples, (_FFT // 2, _FFT // 2))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::_HOP]
    step = round(_BLOCK_SECONDS * _FRAMES_A_SECOND)
    return np.concatenate(
        [
            np.abs(np.fft.rfft(frames[at : at + step] * window, axis=1)).astype(np.float32) ** 2
            for at in range(0, len(frames), step)
        ]
    )


def _onsets(shape: FloatArray) -> FloatArray:
    """[frames] half-wave rectified flux of the log spectrum in 40 bands, mean removed."""
    edges = np.unique(np.geomspace(2, shape.shape[1] - 1, 41).astype(int))
    power = np.add.reduceat(shape, edges[:-1], axis=1)
    bands = np.log10(power + _INAUDIBLE * power.mean() + 1e-12)
    rise = np.maximum(np.diff(bands, axis=0, prepend=bands[:1]), 0)
    # Drums and basses mark the beat, cymbals often its halves: the low end counts as much again.
    flux = 0.5 * rise.mean(axis=1) + 0.5 * rise[:, :_LOW_BANDS].mean(axis=1)
    local = np.convolve(flux, np.ones(101) / 101, "same")
    return np.asarray(np.maximum(flux - local, 0))


def _period(onsets: FloatArray) -> float | None:
    """Frames between beats, or None without a beat."""
    # A beat lies between frames: widened, it meets itself again.
    centred = np.convolve(onsets - onsets.mean(), (0.25, 0.5, 0.25), "same")
    size = 2 * len(centred)
    spectrum = np.fft.rfft(centred, size)
    repeated = np.fft.irfft(np.abs(spectrum) ** 2, size)[: len(centred)]
    if repeated[0] <= 0 or np.percentile(onsets, 98) < _LEAST_ONSET:
        return None
    repeated /= repeated[0]
    fastest = round(60 * _FRAMES_A_SECOND / _FASTEST_BPM)
    slowest = min(round(60 * _FRAMES_A_SECOND / _SLOWEST_BPM), len(repeated) - 2)
    lags = np.arange(fastest, slowest + 1)
    if not len(lags):
        return None
    bpm = 60 * _FRAMES_A_SECOND / lags
    liking = np.exp(-0.5 * (np.log2(bpm / _USUAL_BPM) / _OCTAVES) ** 2)
    # A beat comes again after two and four of itself; two thirds of its tempo does not.
    combs = [repeated[np.minimum(k * lags, len(repeated) - 1)] for k in (1, 2, 4)]
    best = int(lags[np.argmax(np.mean(combs, axis=0) * liking)])
    if repeated[best] < _LEAST_BEAT:
        return None
    return _refined(repeated, best)


def _refined(repeated: FloatArray, lag: int) -> float:
    """A lag to a fraction of a frame, from its multiples as far as they go on."""
    fine = float(lag)
    for multiple in (1, 2, 4, 8, 16):
        near = round(fine * multiple)
        if near + 4 >= len(repeated):
            break
        low = max(1, near - 3)
        peak = low + int(np.argmax(repeated[low : near + 4]))
        a, b, c = (float(repeated[peak + i]) for i in (-1, 0, 1))
        bend = a - 2 * b + c
        offset = 0.5 * (a - c) / bend if bend < 0 else 0.0
        fine = (peak + max(-0.5, min(0.5, offset))) / multiple
    return fine


def _steady(power: FloatArray) -> Span:
    """The part between fading in and fading out, at 100 ms."""
    near = np.ones(min(10, len(power)))
    smooth = np.convolve(power, near, "same") / np.convolve(np.ones(len(power)), near, "same")
    usual = np.median(smooth[smooth > _GATE])
    loud = np.flatnonzero(smooth > usual * 10 ** (-_FADED_DB / 10))
    return Span(0.1 * float(loud[0]), 0.1 * float(loud[-1] + 1))


def _bars(
    samples: FloatArray, shape: FloatArray, onsets: FloatArray, steady: Span, period: float
) -> tuple[Span, int]:
    """(a loop of whole bars that begins on a beat, their number)."""
    first = _first_beat(onsets, steady, period)
    bar = _BEATS * period / _FRAMES_A_SECOND
    most = int((steady.end - first) / bar)
    if most < 1:
        return steady, 0
    look = round(_COMPARE_SECONDS * _FRAMES_A_SECOND)
    at = round(first * _FRAMES_A_SECOND)
    begin = np.log10(shape[at : at + look] + 1e-6)
    best, chosen = -np.inf, most
    # The longest loops first: a shorter one must be clearly smoother to be taken.
    for bars in range(most, max(0, most // 2), -1):
        there = round((first + bars * bar) * _FRAMES_A_SECOND)
        other = np.log10(shape[there : there + look] + 1e-6)
        rows = min(len(begin), len(other))
        if rows < look // 4:
            continue
        alike = -float(np.mean(np.abs(begin[:rows] - other[:rows])))
        if alike > best + 0.02:
            best, chosen = alike, bars
    end = _aligned(samples, first, first + chosen * bar)
    return Span(first, min(end, len(samples) / SAMPLE_RATE)), chosen


def _first_beat(onsets: FloatArray, steady: Span, period: float) -> float:
    """Second of the first beat of the steady part: the phase whose beats are strongest."""
    start = round(steady.start * _FRAMES_A_SECOND)
    inside = onsets[start : round(steady.end * _FRAMES_A_SECOND)]
    strength = []
    for phase in range(round(period)):
        beats = np.round(np.arange(phase, len(inside), period)).astype(int)
        strength.append(float(inside[beats[beats < len(inside)]].mean()))
    # A frame before the onset, so that the attack itself is inside the loop.
    return max(0.0, (start + int(np.argmax(strength)) - 1) / _FRAMES_A_SECOND)


def _aligned(samples: FloatArray, first: float, end: float) -> float:
    """``end`` moved by some milliseconds to where the wave is most like that at ``first``."""
    size, reach = SAMPLE_RATE // 5, round(_ALIGN_SECONDS * SAMPLE_RATE)
    a, b = round(first * SAMPLE_RATE), round(end * SAMPLE_RATE)
    pattern, field = samples[a : a + size], samples[max(0, b - reach) : b + size + reach]
    if len(pattern) < size or len(field) < size + 2 * reach:
        return end
    match = np.correlate(field, pattern, "valid")
    sums = np.cumsum(np.concatenate([[0.0], field.astype(np.float64) ** 2]))
    norm = np.sqrt(np.maximum(sums[size:] - sums[:-size], 1e-9))
    return (b - reach + int(np.argmax(match / norm))) / SAMPLE_RATE


def _energy(shape: FloatArray, onsets: FloatArray, seconds: float) -> float:
    """Half from how many onsets there are, half from how bright the sound is."""
    top = onsets > np.maximum(np.percentile(onsets, 80), 1e-3)
    rises = np.flatnonzero(top[1:] & ~top[:-1])
    frequency = np.fft.rfftfreq(_FFT, 1 / SAMPLE_RATE)
    bright = np.sqrt(shape[:, frequency > _BRIGHT_HZ].sum() / max(float(shape.sum()), 1e-9))
    busy = min(1.0, len(rises) / seconds / _DRIVING_ONSETS)
    return round(float(0.5 * busy + 0.5 * min(1.0, 2 * bright)), 3)
