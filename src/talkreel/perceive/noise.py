"""What spoils a voice: noise in its pauses, hum of the mains, clicks, breaths, uneven speakers.

Noise is what sounds while nobody speaks, so it is known only where there are pauses.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from talkreel.core.arrays import FloatArray
from talkreel.core.signals import Signal
from talkreel.core.sound import VOICE_BANDS_HZ, SpeakerLevel, VoiceFacts
from talkreel.core.spans import Span, merge
from talkreel.core.transcript import Word
from talkreel.media.audio import SAMPLE_RATE, Audio
from talkreel.perceive.decay import decay_seconds
from talkreel.perceive.loudness import LoudnessMeter, to_lufs

# Frames of the voice signal that surely hold speech, and surely none.
_SPEECH, _PAUSE = 0.8, 0.1
# Room and recogniser ring on: this much beside speech belongs to neither.
_GUARD_FRAMES = 3
_LEAST_PAUSE_SECONDS = 0.4
_RUN_FRAMES = 5
# Digital silence between cut pieces says nothing of the room.
_SILENT_DBFS = -85.0
_MAINS_HZ = (50.0, 60.0)
_HARMONICS = 8
_HUM_STANDS_OUT_DB = 9.0
_HUM_LEAST_HARMONICS = 3
# A hum of less than this against speech is not heard under it.
_HUM_AUDIBLE_DB = -50.0
# Lines are summed with an error of some percent.
_HUM_LEFT = 0.03
_HUM_WINDOW = 2 * SAMPLE_RATE
_CLICK_RATIO = 8.0
_CLICK_SAMPLES = 16  # 1 ms
_CLICK_ALONE = 15
_CLICK_LEAST = 2e-4
# One click in a short clip is no rate.
_CLICK_SECONDS = 30.0
_BREATH_SECONDS = (0.1, 0.8)
_BREATH_ABOVE_NOISE_DB = 6.0
_BREATH_BELOW_SPEECH_DB = 12.0
_SPEAKER_SECONDS = 2.0
_TINY = 1e-12


def voice_facts(audio: Audio, voice: Signal, words: Sequence[Word], around: Span) -> VoiceFacts:
    """Measure the voice in ``around``.

    Args:
        audio: of the whole file.
        voice: probability of speech (``voice_activity``).
        words: with speakers, where they are known.
        around: source clock; the clip and enough beside it to find pauses.
    """
    around = around.clamp(Span(0.0, audio.duration))
    samples = audio.samples(around)
    frame = round(voice.step * SAMPLE_RATE)
    probability = np.asarray(voice.over(around), dtype=np.float64)
    count = min(len(samples) // frame, len(probability))
    if not count:
        return VoiceFacts(speech_dbfs=None)
    frames = samples[: count * frame].reshape(count, frame).astype(np.float64)
    level = _db(np.mean(frames**2, axis=1))
    speech = probability[:count] > _SPEECH
    pause = _eroded(probability[:count] < _PAUSE, _GUARD_FRAMES) & (level > _SILENT_DBFS)
    if not speech.any():
        return VoiceFacts(speech_dbfs=None)
    speech_db = float(_db(np.mean(frames[speech] ** 2)))
    noise_db, swing = _noise(frames, level, pause, voice.step)
    hum, hum_db, hum_power = _hum(frames[pause].ravel(), speech_db)
    if noise_db is not None and hum:
        # Hum is notched out by itself: what else sounds is the noise.
        beside = max(10 ** (noise_db / 10) - hum_power, _HUM_LEFT * 10 ** (noise_db / 10))
        noise_db = float(_db(beside))
    begin = voice.start + np.floor((around.start - voice.start) / voice.step + 1e-9) * voice.step
    inside = [word for word in words if word.span.overlap(around) > 0]
    return VoiceFacts(
        speech_dbfs=speech_db,
        noise_dbfs=noise_db,
        swing_db=swing,
        hum_hz=hum,
        hum_db=hum_db,
        clicks_per_minute=_clicks(samples) * 60 / max(around.duration, _CLICK_SECONDS),
        band_db=_bands(frames[speech], frames[pause]),
        speakers=_speakers(audio, inside),
        breaths=_breaths(
            frames, probability[:count], begin, voice.step, noise_db, speech_db, inside
        ),
        spread_db=float(np.std([_word_db(audio, word) for word in inside])) if inside else 0.0,
        decay_seconds=decay_seconds(samples),
    )


def _noise(
    frames: FloatArray, level: FloatArray, pause: NDArray[np.bool_], step: float
) -> tuple[float | None, float]:
    """(level, its standard deviation in a pause); None without enough of them."""
    if pause.sum() * step < _LEAST_PAUSE_SECONDS:
        return None, 0.0
    # Within each pause: a room may change from one part of a film to the next.
    edges = np.flatnonzero(np.diff(np.concatenate([[0], pause.astype(np.int8), [0]])))
    runs = [level[a:b] for a, b in edges.reshape(-1, 2) if b - a >= _RUN_FRAMES]
    swings = [float(np.std(run)) for run in runs]
    return float(_db(np.mean(frames[pause] ** 2))), float(np.median(swings)) if swings else 0.0


def _hum(sound: FloatArray, speech_db: float) -> tuple[tuple[float, ...], float, float]:
    """Harmonics of 50 or 60 Hz that stand out of ``sound``, the most that one does, their power.

    Steps between pauses that are put side by side raise all bins alike, so lines still stand out.
    """
    best: tuple[tuple[float, ...], float, float] = ((), 0.0, 0.0)
    if len(sound) < SAMPLE_RATE:
        return best
    size = min(_HUM_WINDOW, len(sound))
    window = np.hanning(size)
    starts = range(0, len(sound) - size + 1, size // 2)
    power = np.mean(
        [np.abs(np.fft.rfft(sound[at : at + size] * window)) ** 2 for at in starts], axis=0
    )
    power *= 2 / (window**2).sum() / size
    for base in _MAINS_HZ:
        found, heights, total = [], [], 0.0
        for harmonic in range(1, _HARMONICS + 1):
            middle = harmonic * base * size / SAMPLE_RATE
            reach = max(2.0, 1.5 * size / SAMPLE_RATE)
            near = power[round(middle - reach) : round(middle + reach) + 1]
            wide = 10 * size / SAMPLE_RATE
            beside = power[round(middle - wide) : round(middle + wide) + 1]
            line = float(_db(near.sum()))
            height = float(_db(near.max() / np.median(beside)))
            if height >= _HUM_STANDS_OUT_DB and line >= speech_db + _HUM_AUDIBLE_DB:
                found.append(harmonic * base)
                heights.append(height)
                total += float(near.sum())
        if len(found) >= _HUM_LEAST_HARMONICS and max(heights) > best[1]:
            best = (tuple(found), max(heights), total)
    return best


def _clicks(samples: NDArray[np.float32]) -> int:
    """Impulses: bends of the wave far above all others within 15 ms on both sides.

    The pulses of a voice come every 2 to 15 ms, so one is never alone.
    """
    bend = np.abs(np.diff(samples, n=2))
    bend = bend[: len(bend) // _CLICK_SAMPLES * _CLICK_SAMPLES].reshape(-1, _CLICK_SAMPLES)
    if len(bend) <= 2 * _CLICK_ALONE:
        return 0
    peak = bend.max(axis=1)
    windows = np.lib.stride_tricks.sliding_window_view(peak, 2 * _CLICK_ALONE + 1)
    # The click itself may straddle two blocks.
    middle = slice(_CLICK_ALONE - 1, _CLICK_ALONE + 2)
    here = windows[:, _CLICK_ALONE]
    beside = np.delete(windows, middle, axis=1).max(axis=1)
    return int(((here > _CLICK_RATIO * np.maximum(beside, _CLICK_LEAST)) & _is_top(windows)).sum())


def _is_top(windows: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Whether the middle of a window is its first maximum, so that a click counts once."""
    return np.asarray(windows.argmax(axis=1) == _CLICK_ALONE)


def _bands(speech: FloatArray, pause: FloatArray) -> tuple[float, ...]:
    """Level of speech frames in octaves, the noise of the pauses taken off, against the loudest."""
    power = _spectrum(speech)
    if len(pause):
        # What is left of a band that holds little but noise: not known better than to 10 dB.
        power = np.maximum(power - _spectrum(pause), 0.1 * power)
    frequency = np.fft.rfftfreq(speech.shape[1], 1 / SAMPLE_RATE)
    levels = [
        float(_db(power[(frequency >= f / 2**0.5) & (frequency < f * 2**0.5)].sum()))
        for f in VOICE_BANDS_HZ
    ]
    return tuple(level - max(levels) for level in levels)


def _spectrum(frames: FloatArray) -> FloatArray:
    window = np.hanning(frames.shape[1])
    return np.asarray(np.mean(np.abs(np.fft.rfft(frames * window, axis=1)) ** 2, axis=0))


def _speakers(audio: Audio, words: Sequence[Word]) -> tuple[SpeakerLevel, ...]:
    spoken: dict[str, list[Word]] = defaultdict(list)
    for word in words:
        if word.speaker:
            spoken[word.speaker].append(word)
    levels = []
    for speaker, theirs in sorted(spoken.items()):
        seconds = sum(word.span.duration for word in theirs)
        if seconds < _SPEAKER_SECONDS:
            continue
        meter = LoudnessMeter(SAMPLE_RATE)
        sound = np.concatenate([audio.samples(word.span) for word in theirs])
        power = np.concatenate([meter.push(sound), meter.finish()])
        # Gated 10 dB below the mean, as BS.1770 does, so that slips of the times do not count.
        loud = power[power >= 0.1 * power.mean()]
        levels.append(SpeakerLevel(speaker, float(to_lufs(np.array([loud.mean()]))[0]), seconds))
    return tuple(levels)


def _breaths(
    frames: FloatArray,
    probability: FloatArray,
    begin: float,
    step: float,
    noise_db: float | None,
    speech_db: float,
    words: Sequence[Word],
) -> tuple[Span, ...]:
    """Short noises between words: louder than the room, softer than speech, and not low-pitched."""
    if noise_db is None:
        return ()
    spectrum = np.abs(np.fft.rfft(frames * np.hanning(frames.shape[1]), axis=1)) ** 2
    frequency = np.fft.rfftfreq(frames.shape[1], 1 / SAMPLE_RATE)
    airy = spectrum[:, frequency > 1000].sum(axis=1) > spectrum[:, frequency <= 1000].sum(axis=1)
    level = _db(np.mean(frames**2, axis=1))
    heard = (level > noise_db + _BREATH_ABOVE_NOISE_DB) & (
        level < speech_db - _BREATH_BELOW_SPEECH_DB
    )
    found = np.flatnonzero(heard & airy & (probability < 0.35))
    spans = merge((Span(begin + i * step, begin + (i + 1) * step) for i in found), step * 1.01)
    said = merge(word.span.pad(0.04, 0.04) for word in words)
    free = [
        span
        for span in spans
        if _BREATH_SECONDS[0] <= span.duration <= _BREATH_SECONDS[1]
        and not any(span.overlap(word) > 0 for word in said)
    ]
    return tuple(free)


def _word_db(audio: Audio, word: Word) -> float:
    samples = audio.samples(word.span)
    return float(_db(np.mean(samples.astype(np.float64) ** 2) if len(samples) else 0.0))


def _eroded(flags: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    """``flags`` that are set with all their neighbours up to ``by`` away."""
    padded = np.pad(flags, by, constant_values=True)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * by + 1)
    return np.asarray(windows.all(axis=1))


def _db(power: ArrayLike) -> FloatArray:
    return np.asarray(10 * np.log10(np.maximum(np.asarray(power), _TINY)))
