"""What the sound tells besides the words: loudness, pitch, pace, pauses, reactions, music."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from talkreel.core.signals import Signal
from talkreel.core.spans import Span
from talkreel.core.stage import Progress, silent
from talkreel.core.transcript import Word
from talkreel.media.audio import Audio
from talkreel.perceive import pitch as pitch_tracking
from talkreel.perceive.loudness import (
    BLOCK_SECONDS,
    MOMENTARY_BLOCKS,
    SHORT_TERM_BLOCKS,
    LoudnessMeter,
    windowed_lufs,
)
from talkreel.perceive.reactions import (
    HOP_SECONDS,
    WINDOW_SAMPLES,
    Texture,
    find_music,
    find_reactions,
    measure_texture,
)

Array = NDArray[np.float32]

# One stretch at a time keeps memory flat; a whole number of every step below and of the hop.
CHUNK_SECONDS = 48.0
RATE_WINDOW_SECONDS = 3.0
UNVOICED = 0.5  # probability of speech below which time counts as pause
_ENERGY_FLOOR_DB = -100.0
_CONTEXT_FRAMES = 16  # half a second for the means of the texture


def measure_sound(
    audio: Audio, voice: Signal, words: Sequence[Word], *, progress: Progress = silent
) -> dict[str, Signal]:
    """All sound curves of a file, from second 0 to the end of ``voice`` or of the sound.

    Args:
        audio: 16 kHz mono.
        voice: probability of speech (``perceive.vad``).
        words: with times; may be empty.
        progress: told the share done.

    Returns:
        By name: ``loudness`` (EBU R128 short-term, LUFS, step 0.1), ``momentary`` (likewise over
        0.4 s), ``pitch`` (Hz, NaN unvoiced, step 0.025), ``energy`` (dBFS, step 0.025),
        ``speech_rate`` (words per second over 3 s, NaN without words, step 1), ``pause``
        (seconds without voice in each second), ``reaction`` (probability of laughter or
        applause, step 0.5), ``music`` (probability, step 1).
    """
    seconds = min(audio.duration, voice.span.end) if len(voice.values) else audio.duration
    scan = _Scan(audio, seconds)
    scan.run(progress)
    texture = Texture.join(scan.textures)
    spoken = _on_frames(voice, len(texture.level))
    power = np.concatenate(scan.power)
    step = pitch_tracking.STEP_SECONDS
    found_pitch = _gate_pitch(np.concatenate(scan.pitch), voice)
    signals = (
        Signal("loudness", windowed_lufs(power, SHORT_TERM_BLOCKS), "LUFS", 0.0, BLOCK_SECONDS),
        Signal("momentary", windowed_lufs(power, MOMENTARY_BLOCKS), "LUFS", 0.0, BLOCK_SECONDS),
        Signal("pitch", found_pitch, "Hz", 0.0, step),
        Signal("energy", np.concatenate(scan.energy), "dBFS", 0.0, step),
        speech_rate(words, seconds),
        pauses(voice, seconds),
        find_reactions(texture, spoken, words, seconds),
        find_music(texture, spoken, seconds),
    )
    progress(1.0)
    return {signal.name: signal for signal in signals}


class _Scan:
    """One pass over the samples, a chunk at a time."""

    def __init__(self, audio: Audio, seconds: float) -> None:
        self._audio = audio
        self._rate = audio.sample_rate
        self._total = round(seconds * self._rate)
        self._meter = LoudnessMeter(self._rate)
        self.power: list[NDArray[np.float64]] = [np.zeros(0)]
        self.pitch: list[Array] = [np.zeros(0, dtype=np.float32)]
        self.energy: list[Array] = [np.zeros(0, dtype=np.float32)]
        none = np.zeros(0, dtype=np.float32)
        self.textures: list[Texture] = [Texture(none, none, none)]

    def run(self, progress: Progress) -> None:
        """Fill the lists."""
        chunk = round(CHUNK_SECONDS * self._rate)
        for first in range(0, self._total, chunk):
            last = min(first + chunk, self._total)
            samples = self._read(first, last)
            self.power.append(self._meter.push(samples))
            self.energy.append(_energy(samples, self._rate))
            edge = pitch_tracking.margin(self._rate)
            padded = self._read(first - edge, last + edge)
            self.pitch.append(pitch_tracking.track_pitch(padded, self._rate)[0])
            self.textures.append(self._texture(first, last))
            progress(0.95 * last / self._total)
        self.power.append(self._meter.finish())

    def _texture(self, first: int, last: int) -> Texture:
        hop = round(HOP_SECONDS * self._rate)
        count = -(-(last - first) // hop)
        side = (WINDOW_SAMPLES - hop) // 2
        begin = first - _CONTEXT_FRAMES * hop - side
        frames = count + 2 * _CONTEXT_FRAMES
        padded = self._read(begin, begin + (frames - 1) * hop + WINDOW_SAMPLES)
        return measure_texture(padded, self._rate, count, _CONTEXT_FRAMES)

    def _read(self, first: int, last: int) -> Array:
        """Samples ``first:last``; zero outside the measured sound."""
        low, high = max(first, 0), min(last, self._total)
        inside = self._audio.samples(Span(low / self._rate, high / self._rate))
        return np.pad(inside, (low - first, last - high))


def _energy(samples: Array, sample_rate: int) -> Array:
    """[N] RMS level in dBFS of every 25 ms."""
    hop = round(pitch_tracking.STEP_SECONDS * sample_rate)
    count = pitch_tracking.frame_count(len(samples), sample_rate)
    whole = np.pad(samples, (0, count * hop - len(samples))).reshape(count, hop)
    power = np.einsum("ij,ij->i", whole, whole) / hop
    decibels = 10 * np.log10(np.maximum(power, 1e-10))
    return np.asarray(np.maximum(decibels, _ENERGY_FLOOR_DB), dtype=np.float32)


def _on_frames(voice: Signal, count: int) -> Array:
    """[count] probability of speech on the frames of the texture; 0 where nothing is known."""
    if not len(voice.values):
        return np.zeros(count, dtype=np.float32)
    times = (np.arange(count) + 0.5) * HOP_SECONDS
    known = np.nan_to_num(np.asarray(voice.values, dtype=np.float64))
    return np.asarray(np.interp(times, voice.times, known), dtype=np.float32)


def _gate_pitch(pitch: Array, voice: Signal) -> Array:
    """Pitch only where somebody speaks: hum and music have a pitch too."""
    if not len(voice.values):
        return pitch
    times = (np.arange(len(pitch)) + 0.5) * pitch_tracking.STEP_SECONDS
    spoken = np.interp(times, voice.times, np.nan_to_num(np.asarray(voice.values)))
    return np.where(spoken >= UNVOICED / 2, pitch, np.nan).astype(np.float32)


def speech_rate(words: Sequence[Word], seconds: float) -> Signal:
    """Words per second, over three seconds around each second; NaN when there are no words."""
    count = max(1, int(np.ceil(seconds - 1e-9)))
    if not words:
        return Signal("speech_rate", np.full(count, np.nan), "words/s")
    middles = np.sort([word.span.middle for word in words])
    centres = np.arange(count) + 0.5
    half = RATE_WINDOW_SECONDS / 2
    inside = np.searchsorted(middles, centres + half) - np.searchsorted(middles, centres - half)
    covered = np.minimum(centres + half, seconds) - np.maximum(centres - half, 0)
    return Signal("speech_rate", inside / np.maximum(covered, 0.5), "words/s")


def pauses(voice: Signal, seconds: float) -> Signal:
    """Seconds without voice in every second."""
    count = max(1, int(np.ceil(seconds - 1e-9)))
    values = np.zeros(count, dtype=np.float32)
    for i in range(count):
        part = voice.over(Span(float(i), float(i + 1)))
        length = min(1.0, seconds - i)
        values[i] = length * (float(np.mean(part < UNVOICED)) if len(part) else 1.0)
    return Signal("pause", values, "s")


@dataclass(frozen=True, slots=True)
class Delivery:
    """How one word was spoken; NaN where the curve has nothing to say.

    Attributes:
        pitch_hz: median pitch.
        pitch_range: semitones between lowest and highest pitch.
        energy_db: loudest 25 ms against the median of speech in the file.
        pace: letters per second.
    """

    pitch_hz: float
    pitch_range: float
    energy_db: float
    pace: float


def usual_energy(signals: Mapping[str, Signal]) -> float:
    """Median energy (dBFS) of what is not near silence; the reference of ``word_delivery``.

    NaN when everything is silent or there is no ``energy``.
    """
    if "energy" not in signals:
        return float("nan")
    values = np.asarray(signals["energy"].values, dtype=np.float64)
    heard = values[values > _ENERGY_FLOOR_DB + 40]
    return float(np.median(heard)) if heard.size else float("nan")


def word_delivery(
    word: Word, signals: Mapping[str, Signal], *, usual_db: float | None = None
) -> Delivery:
    """How ``word`` was spoken, from the curves of ``measure_sound``.

    Args:
        word: with its time.
        signals: at least ``pitch`` and ``energy``.
        usual_db: ``usual_energy(signals)``; pass it when asking for many words.

    Raises:
        ValueError: ``signals`` lacks ``pitch`` or ``energy``.
    """
    missing = [name for name in ("pitch", "energy") if name not in signals]
    if missing:
        raise ValueError(f"word_delivery needs the signals pitch and energy, lacks {missing}")
    hertz = np.asarray(signals["pitch"].over(word.span), dtype=np.float64)
    hertz = hertz[np.isfinite(hertz)]
    here = np.asarray(signals["energy"].over(word.span), dtype=np.float64)
    usual = usual_energy(signals) if usual_db is None else usual_db
    letters = sum(c.isalnum() for c in word.text)
    nothing = float("nan")
    return Delivery(
        pitch_hz=float(np.median(hertz)) if hertz.size else nothing,
        pitch_range=float(12 * np.log2(hertz.max() / hertz.min())) if hertz.size else nothing,
        energy_db=float(here.max()) - usual if here.size else nothing,
        pace=letters / word.span.duration if word.span.duration > 0 else nothing,
    )
