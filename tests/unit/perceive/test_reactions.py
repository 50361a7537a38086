"""Synthetic rooms: applause is many overlapping claps; speech is real; music is chords."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from talkreel.core.signals import Signal
from talkreel.core.spans import Span
from talkreel.core.transcript import Word
from talkreel.media.audio import Audio
from talkreel.perceive.prosody import measure_sound
from talkreel.perceive.vad import voice_activity

RATE = 16_000


def applause(seconds: float, people: int, rng: np.random.Generator) -> np.ndarray:
    """Each person claps 2.5 to 5 times a second: short bursts of noise with a resonance."""
    total = int(seconds * RATE)
    sound = np.zeros(total + RATE)
    size = int(0.03 * RATE)
    places = np.arange(size)
    for _ in range(people):
        resonance = np.cos(2 * np.pi * rng.uniform(900, 2600) * places / RATE)
        gain, rate, time = rng.lognormal(0, 0.6), rng.uniform(2.5, 5), rng.uniform(0, 0.4)
        while time < seconds:
            decay = np.exp(-places / (RATE * rng.uniform(0.003, 0.008)))
            burst = rng.standard_normal(size) * decay * (1 + resonance)
            first = int(time * RATE)
            sound[first : first + size] += gain * burst
            time += rng.uniform(0.85, 1.15) / rate
    return sound[:total]


def laughter(seconds: float, people: int, rng: np.random.Generator) -> np.ndarray:
    """Each person laughs in runs of breathy voiced pulses, four to five a second."""
    total = int(seconds * RATE)
    sound = np.zeros(total + RATE)
    size = int(0.09 * RATE)
    for _ in range(people):
        hertz, rate, time = rng.uniform(150, 450), rng.uniform(4, 5.5), rng.uniform(0, 0.6)
        while time < seconds - 0.3:
            for pulse in range(int(rng.integers(4, 9))):
                phase = 2 * np.pi * hertz * (1 - 0.04 * pulse) * np.arange(size) / RATE
                voice = sum(np.sin(k * phase) / k for k in range(1, 10))
                first = min(int(time * RATE), total)
                breath = 0.8 * rng.standard_normal(size)
                sound[first : first + size] += (0.5 * voice + breath) * np.hanning(size)
                time += 1 / rate
            time += rng.uniform(0.2, 0.6)
    return sound[:total]


def music(seconds: float) -> np.ndarray:
    chords = ((220, 277, 330), (196, 247, 294), (175, 220, 262), (165, 208, 247))
    times = np.arange(RATE) / RATE
    bars = [
        sum(
            np.sin(2 * np.pi * f * k * times) / k * np.exp(-1.2 * times)
            for f in chords[i % 4]
            for k in range(1, 7)
        )
        for i in range(int(seconds))
    ]
    return np.concatenate(bars)


def at_level(samples: np.ndarray, level: float, decibels: float = 0.0) -> np.ndarray:
    return samples * level * 10 ** (decibels / 20) / np.sqrt(np.mean(samples**2))


@pytest.fixture(scope="module")
def scene(media_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """One recording: speech between applause, laughter, music and silence; spans by name."""
    rng = np.random.default_rng(0)
    files = sorted((media_dir / "audio" / "word_times").glob("*.wav"))
    speech = np.concatenate([read(path) for path in files])
    level = float(np.sqrt(np.mean(speech**2)))
    parts = [
        ("speech", speech),
        ("applause", at_level(applause(5, 60, rng), level)),
        ("speech again", speech[: 6 * RATE]),
        ("far applause", at_level(applause(4, 30, rng), level, -8)),
        ("more speech", speech[6 * RATE : 12 * RATE]),
        ("laughter", at_level(laughter(4, 25, rng), level, -3)),
        ("still speech", speech[: 5 * RATE]),
        ("music", at_level(music(8), level)),
        ("end", speech[: 5 * RATE]),
        ("silence", np.zeros(4 * RATE)),
        ("under", speech[: 5 * RATE] + at_level(music(5), level, -15)),
    ]
    sound = np.concatenate([samples for _, samples in parts])
    sound = sound + rng.normal(0, 0.01 * level, len(sound))
    path = tmp_path_factory.mktemp("scene") / "scene.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
    spans, clock = {}, 0.0
    for name, samples in parts:
        spans[name] = Span(clock, clock + len(samples) / RATE)
        clock = spans[name].end
    audio = Audio(path)
    voice = voice_activity(audio)
    words = [
        Word("word", Span(span.start + 0.5 * i, span.start + 0.5 * i + 0.4))
        for name, span in spans.items()
        if "speech" in name or name in ("end", "under")
        for i in range(int(span.duration / 0.5))
    ]
    return {
        "spans": spans,
        "plain": measure_sound(audio, voice, ()),
        "words": measure_sound(audio, voice, words),
    }


def read(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768


def inside(scene: dict[str, object], how: str, signal: str, name: str) -> np.ndarray:
    signals, spans = scene[how], scene["spans"]
    assert isinstance(signals, dict)
    assert isinstance(spans, dict)
    found = signals[signal]
    assert isinstance(found, Signal)
    return np.asarray(found.over(spans[name].pad(-1, -1)))


@pytest.mark.parametrize("how", ["plain", "words"])
@pytest.mark.parametrize("name", ["applause", "far applause"])
def test_applause_is_heard(scene: dict[str, object], how: str, name: str) -> None:
    assert inside(scene, how, "reaction", name).min() > 0.7


@pytest.mark.parametrize("how", ["plain", "words"])
def test_laughter_of_a_room_is_heard(scene: dict[str, object], how: str) -> None:
    assert inside(scene, how, "reaction", "laughter").max() > 0.6


@pytest.mark.parametrize("how", ["plain", "words"])
@pytest.mark.parametrize(
    "name", ["speech", "speech again", "more speech", "end", "music", "silence", "under"]
)
def test_speech_music_and_silence_are_no_reaction(
    scene: dict[str, object], how: str, name: str
) -> None:
    values = inside(scene, how, "reaction", name)
    assert np.mean(values > 0.6) <= 0.05


def test_music_is_told_from_speech_and_applause(scene: dict[str, object]) -> None:
    assert inside(scene, "plain", "music", "music").mean() > 0.8
    for name in ("speech", "applause", "laughter", "silence"):
        assert inside(scene, "plain", "music", name).mean() < 0.2
