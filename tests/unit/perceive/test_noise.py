from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from talkreel.core.signals import Signal
from talkreel.core.spans import Span
from talkreel.core.transcript import Word
from talkreel.media.audio import Audio
from talkreel.perceive.noise import voice_facts

RATE, STEP = 16_000, 0.032
SECONDS = 20.0
TURNS = [Span(at, at + 1.4) for at in np.arange(0.5, 19.0, 2.0)]
T = np.arange(round(SECONDS * RATE)) / RATE
RNG = np.random.default_rng(3)


def speech(level: float = 0.1) -> NDArray[np.float64]:
    """A buzz with a moving pitch while somebody speaks."""
    pitch = 2 * np.pi * np.cumsum(120 + 20 * np.sin(2 * np.pi * 0.7 * T)) / RATE
    buzz = sum(np.sin(n * pitch) / n for n in range(1, 20))
    return level * buzz * np.any([(x.start <= T) & (x.end > T) for x in TURNS], axis=0)


def voice() -> Signal:
    times = (np.arange(int(SECONDS / STEP)) + 0.5) * STEP
    said = np.any([(x.start <= times) & (x.end > times) for x in TURNS], axis=0)
    return Signal("voice", said.astype(np.float32), "probability", step=STEP)


@pytest.fixture
def record(tmp_path: Path):
    def make(sound: NDArray[np.float64]) -> Audio:
        with wave.open(str(tmp_path / "a.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
        return Audio(tmp_path / "a.wav")

    return make


def facts(audio: Audio, words: tuple[Word, ...] = ()):
    return voice_facts(audio, voice(), words, Span(0.0, SECONDS))


def test_steady_noise_has_a_level_and_no_swing(record) -> None:
    found = facts(record(speech() + 0.01 * RNG.normal(size=len(T))))
    assert found.noise_dbfs == pytest.approx(-40, abs=0.5)
    # 20 harmonics of amplitude 0.1 / n are at -20.9 dBFS.
    assert found.snr_db == pytest.approx(19.1, abs=0.5)
    assert found.swing_db < 0.6
    assert found.hum_hz == ()
    assert found.clicks_per_minute == 0


def test_a_crowd_swings(record) -> None:
    syllables = np.exp(2 * np.sin(2 * np.pi * 3.1 * T)) / np.e**2
    found = facts(record(speech() + 0.03 * syllables * RNG.normal(size=len(T))))
    assert found.swing_db > 3


@pytest.mark.parametrize("mains", [50, 60])
def test_hum_of_the_mains_is_found_and_no_other_pitch(record, mains: int) -> None:
    noise = 0.002 * RNG.normal(size=len(T))
    hum = sum(0.01 / n * np.sin(2 * np.pi * mains * n * T) for n in range(1, 6))
    assert facts(record(speech() + noise + hum)).hum_hz[:3] == (mains, 2 * mains, 3 * mains)
    other = sum(0.01 / n * np.sin(2 * np.pi * 73 * n * T) for n in range(1, 6))
    assert facts(record(speech() + noise + other)).hum_hz == ()


def test_clicks_are_counted_and_a_voice_is_none(record) -> None:
    clicked = speech() + 0.001 * RNG.normal(size=len(T))
    clicked[RATE // 2 :: RATE] += 0.5
    # 20 clicks; a recording shorter than half a minute counts as one.
    assert facts(record(clicked)).clicks_per_minute == pytest.approx(40, abs=4)


def test_breaths_between_words_are_found(record) -> None:
    sound = speech() + 0.0005 * RNG.normal(size=len(T))
    breath = Span(4.0, 4.35)  # in the pause after the second turn
    here = slice(round(breath.start * RATE), round(breath.end * RATE))
    sound[here] += 0.012 * RNG.normal(size=here.stop - here.start)
    words = tuple(Word("word", turn) for turn in TURNS)
    (found,) = facts(record(sound), words).breaths
    assert found.start == pytest.approx(breath.start, abs=0.05)
    assert found.end == pytest.approx(breath.end, abs=0.05)


def test_speakers_are_measured_apart(record) -> None:
    loud, soft = TURNS[::2], TURNS[1::2]
    sound = speech()
    for turn in soft:
        sound[round(turn.start * RATE) : round(turn.end * RATE)] *= 0.5
    words = tuple(Word("a", turn, speaker="A" if turn in loud else "B") for turn in TURNS)
    a, b = facts(record(sound), words).speakers
    assert a.lufs - b.lufs == pytest.approx(6, abs=0.3)


def test_without_speech_or_pauses_nothing_is_claimed(record) -> None:
    audio = record(speech() + 0.01 * RNG.normal(size=len(T)))
    nobody = Signal("voice", np.zeros(600, np.float32), "probability", step=STEP)
    assert voice_facts(audio, nobody, (), Span(0, SECONDS)).speech_dbfs is None
    always = Signal("voice", np.ones(600, np.float32), "probability", step=STEP)
    found = voice_facts(audio, always, (), Span(0, SECONDS))
    assert found.noise_dbfs is None
    assert found.snr_db is None
