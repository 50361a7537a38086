import wave
from pathlib import Path

import numpy as np
import pytest

from talkreel.core.spans import Span
from talkreel.media.audio import SAMPLE_RATE, Audio
from talkreel.perceive.level import fine_level


def sound_of(samples: np.ndarray, folder: Path) -> Audio:
    with wave.open(str(folder / "s.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(np.asarray(samples * 32767, dtype="<i2").tobytes())
    return Audio(folder / "s.wav")


def tone(hz: float, seconds: float = 2.0) -> np.ndarray:
    return 0.1 * np.sin(2 * np.pi * hz * np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE)


def test_an_onset_is_found_to_the_step(tmp_path):
    sound = tone(1000)
    sound[: SAMPLE_RATE + 80] = 0
    level = fine_level(sound_of(sound, tmp_path), Span(0.5, 1.5))
    assert (level.start, level.step, len(level.values)) == (0.5, 0.005, 200)
    assert level.values[:99] == pytest.approx(-100)
    first = int(np.flatnonzero(level.values > -40)[0])
    assert level.start + first * level.step == pytest.approx(1.005, abs=0.006)


def test_murmurs_count_and_rumble_does_not(tmp_path):
    murmur, rumble = (
        float(np.median(fine_level(sound_of(tone(hz), tmp_path), Span(0.5, 1.5)).values))
        for hz in (220, 20)
    )
    assert murmur > -35
    assert rumble < -50


def test_beyond_the_sound_there_is_silence(tmp_path):
    level = fine_level(sound_of(tone(500), tmp_path), Span(-1.0, 4.0))
    assert level.values[[0, -1]] == pytest.approx(-100)
    assert len(level.values) == 1000
