"""Applause, laughter-like bursts and music, told apart from speech by their spectra.

No trained model: applause is dense noise without a voice that rises well above the room and
lasts; music keeps its spectral lines still where speech glides. Applause of an audience is
found reliably when it is not drowned by a speaker. Laughter of a large room is heard when it
is noise-like or comes in pulses without words; the laugh of a single person is mostly missed,
and rain, traffic or surf that starts suddenly can be taken for applause.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talkreel.core.signals import Signal
from talkreel.core.spans import merge
from talkreel.core.transcript import Word

Array = NDArray[np.float32]
AnyArray = NDArray[np.floating[Any]]

HOP_SECONDS = 0.032  # as the voice activity curve
WINDOW_SAMPLES = 1024  # 64 ms at 16 kHz: resolves the lines of music
REACTION_STEP_SECONDS = 0.5
MUSIC_STEP_SECONDS = 1.0
# Telephone band: also there when the source was recorded at 8 kHz.
_LOW_HZ, _HIGH_HZ = 300.0, 3700.0
_BANDS = 12  # equal-width bands in which noise is told from lines
# Flatness (geometric over arithmetic mean) of a noise periodogram is exp(-0.577) = 0.56;
# voiced speech stays below 0.25.
_FLAT_MIDDLE, _FLAT_SLOPE = 0.40, 0.035
# A reaction rises this far above the room's own noise (its quiet tenth).
_RISE_DB, _RISE_SLOPE_DB = 12.0, 2.0
# Against the usual level of speech; fainter bursts are breath, clothes, page turns.
_BELOW_SPEECH_DB, _BELOW_SLOPE_DB = -18.0, 2.0
_SMOOTH_SECONDS = 0.8  # a reaction is no shorter
_PULSES_HZ = (2.5, 7.0)  # laughter comes in 3 to 6 pulses a second
_WORDLESS_SECONDS = 0.7
# Music: how far lines stand out of the half-second mean spectrum (dB).
_LINES_MIDDLE_DB, _LINES_SLOPE_DB = 5.5, 0.7


@dataclass(frozen=True, eq=False)
class Texture:
    """Per-frame measures of a stretch; arrays are [F].

    Attributes:
        level: dB of the telephone band.
        flatness: 0..1, mean over sub-bands.
        lines: dB by which steady lines stand out of the surrounding half second.
    """

    level: Array
    flatness: Array
    lines: Array

    @staticmethod
    def join(parts: Sequence[Texture]) -> Texture:
        """Stretches put one after the other."""
        return Texture(
            np.concatenate([part.level for part in parts]),
            np.concatenate([part.flatness for part in parts]),
            np.concatenate([part.lines for part in parts]),
        )


def measure_texture(padded: Array, sample_rate: int, count: int, lead: int) -> Texture:
    """Texture of ``count`` frames.

    Args:
        padded: samples; frame i covers ``padded[i*hop : i*hop + WINDOW_SAMPLES]``.
        sample_rate: Hz.
        count: frames wanted.
        lead: frames at the start that only give context to the half-second means.
    """
    from scipy import fft

    hop = round(HOP_SECONDS * sample_rate)
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW_SAMPLES)[::hop]
    window = np.hanning(WINDOW_SAMPLES).astype(np.float32)
    hertz_per_bin = sample_rate / WINDOW_SAMPLES
    first, last = round(_LOW_HZ / hertz_per_bin), round(_HIGH_HZ / hertz_per_bin)
    power = np.empty((len(frames), last - first), dtype=np.float32)
    for begin in range(0, len(frames), 512):
        spectrum = fft.rfft(frames[begin : begin + 512] * window, axis=1)[:, first:last]
        power[begin : begin + 512] = spectrum.real**2 + spectrum.imag**2
    power += 1e-9
    decibels = 10 * np.log10(power)
    inner = slice(lead, lead + count)
    return Texture(
        (10 * np.log10(power.sum(axis=1)))[inner].astype(np.float32),
        _flatness(power, decibels)[inner],
        _lines(decibels)[inner],
    )


def _flatness(power: Array, decibels: Array) -> Array:
    width = power.shape[1] // _BANDS
    shape = (len(power), _BANDS, width)
    arithmetic = power[:, : _BANDS * width].reshape(shape).mean(axis=2)
    geometric = decibels[:, : _BANDS * width].reshape(shape).mean(axis=2)
    share = 10 ** (geometric / 10) / arithmetic
    # Bands weighted by loudness: the noise of the room between harmonics must not count.
    weight = arithmetic**0.5
    return np.asarray((share * weight).sum(axis=1) / weight.sum(axis=1), dtype=np.float32)


def _lines(decibels: Array) -> Array:
    """Spread of the half-second mean spectrum around its own smooth shape, in dB."""
    frames = len(decibels)
    half = round(0.25 / HOP_SECONDS)
    total = np.concatenate([np.zeros((1, decibels.shape[1])), np.cumsum(decibels, axis=0)])
    low = np.maximum(0, np.arange(frames) - half)
    high = np.minimum(frames, np.arange(frames) + half + 1)
    mean = (total[high] - total[low]) / (high - low)[:, None]
    width = 17  # 265 Hz: wider than the gap between the lines of a low voice
    padded = np.pad(mean, ((0, 0), (width // 2, width // 2)), mode="edge")
    run = np.cumsum(np.pad(padded, ((0, 0), (1, 0))), axis=1)
    smooth = (run[:, width:] - run[:, :-width]) / width
    return np.asarray((mean - smooth).std(axis=1), dtype=np.float32)


def find_reactions(texture: Texture, voice: Array, words: Sequence[Word], seconds: float) -> Signal:
    """Probability of laughter or applause every half second.

    Args:
        texture: of the whole sound.
        voice: [F] probability of speech at the same frames.
        words: what was understood; laughter has no words.
        seconds: length of the sound.
    """
    floor, speech = _reference_levels(texture.level, voice)
    rise = _sigmoid((texture.level - floor - _RISE_DB) / _RISE_SLOPE_DB)
    loud = rise * _sigmoid((texture.level - speech - _BELOW_SPEECH_DB) / _BELOW_SLOPE_DB)
    noisy = _sigmoid((_smooth(texture.flatness) - _FLAT_MIDDLE) / _FLAT_SLOPE)
    silent_voice = 1 - _smooth(voice)
    still = 1 - music_likeness(texture)
    applause = _smooth(loud) * noisy * np.clip(1.5 * silent_voice, 0, 1)
    wordless = _wordless(words, len(voice)) if words else (voice < 0.5).astype(np.float32)
    laughter = 0.8 * _smooth(loud) * _pulses(texture.level) * wordless * still
    laughter *= _sigmoid((_smooth(texture.flatness) - 0.22) / 0.03)
    likely = np.maximum(applause * still**0.5, laughter)
    return _signal("reaction", likely, REACTION_STEP_SECONDS, seconds, keep_peak=True)


def find_music(texture: Texture, voice: Array, seconds: float) -> Signal:
    """Probability of music every second; music under clear speech is mostly missed."""
    floor, _ = _reference_levels(texture.level, voice)
    heard = _sigmoid((texture.level - max(floor + 3.0, -35.0)) / 2)
    likely = _smooth(music_likeness(texture) * heard)
    return _signal("music", likely, MUSIC_STEP_SECONDS, seconds, keep_peak=False)


def music_likeness(texture: Texture) -> Array:
    """[F] 0..1: steady lines over about a second."""
    return _sigmoid((_smooth(texture.lines) - _LINES_MIDDLE_DB) / _LINES_SLOPE_DB)


def _reference_levels(level: Array, voice: Array) -> tuple[float, float]:
    """The room's noise (quiet tenth of what is not digital silence) and the level of speech."""
    alive = level[level > -60]
    if not alive.size:
        return 0.0, 0.0
    spoken = level[(voice > 0.5) & (level > -60)]
    speech = float(np.median(spoken)) if spoken.size >= 30 else float(np.percentile(alive, 75))
    return min(float(np.percentile(alive, 10)), speech - 15.0), speech


def _pulses(level: Array) -> Array:
    """[F] 0..1: share of the level's movement at the rate of laughter, when it moves at all."""
    size = round(1.28 / HOP_SECONDS)
    if len(level) < size:
        return np.zeros(len(level), dtype=np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(np.maximum(level, -60), size)[::4]
    moved = (frames - frames.mean(axis=1, keepdims=True)) * np.hanning(size)
    power = np.abs(np.fft.rfft(moved, axis=1)) ** 2
    hertz = np.fft.rfftfreq(size, HOP_SECONDS)
    inside = power[:, (hertz >= _PULSES_HZ[0]) & (hertz <= _PULSES_HZ[1])].sum(axis=1)
    share = inside / np.maximum(power[:, 1:].sum(axis=1), 1e-9)
    depth = frames.std(axis=1)
    found = _sigmoid((share - 0.45) / 0.08) * _sigmoid((depth - 3.0) / 0.5)
    places = np.arange(len(found)) * 4 + size // 2
    return np.asarray(np.interp(np.arange(len(level)), places, found), dtype=np.float32)


def _wordless(words: Sequence[Word], count: int) -> Array:
    """[F] 1 where no word is within a pause of at least ``_WORDLESS_SECONDS``."""
    mask = np.ones(count, dtype=np.float32)
    spans = merge((word.span for word in words), _WORDLESS_SECONDS)
    for span in spans:
        first, last = int(span.start / HOP_SECONDS), int(np.ceil(span.end / HOP_SECONDS))
        mask[max(0, first) : max(0, last)] = 0
    return mask


def _smooth(values: Array) -> Array:
    size = round(_SMOOTH_SECONDS / HOP_SECONDS)
    if not len(values):
        return values
    padded = np.pad(values.astype(np.float64), (size // 2, size - size // 2 - 1), mode="edge")
    total = np.concatenate([[0.0], np.cumsum(padded)])
    return np.asarray((total[size:] - total[:-size]) / size, dtype=np.float32)


def _sigmoid(values: AnyArray) -> Array:
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -40, 40))), dtype=np.float32)


def _signal(name: str, likely: Array, step: float, seconds: float, *, keep_peak: bool) -> Signal:
    """Frames gathered into steps by their strongest (or mean) value."""
    count = max(1, int(np.ceil(seconds / step - 1e-9)))
    bounds = np.round(np.arange(count + 1) * step / HOP_SECONDS).astype(int)
    values = np.zeros(count, dtype=np.float32)
    for i in range(count):
        part = likely[bounds[i] : bounds[i + 1]]
        if len(part):
            values[i] = part.max() if keep_peak else part.mean()
    return Signal(name, np.clip(values, 0, 1), "probability", 0.0, step)
