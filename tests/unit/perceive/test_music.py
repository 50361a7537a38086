from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from talkreel.media.audio import Audio
from talkreel.perceive.music import music_facts

RATE = 16_000


def piece(bpm: float, seconds: float) -> NDArray[np.float64]:
    """A drum on every beat over a chord for each bar."""
    t = np.arange(round(seconds * RATE)) / RATE
    beat = 60 / bpm
    into = np.mod(t, beat)
    drum = np.exp(-18 * into) * np.sin(2 * np.pi * 80 * into)
    bar = (t // (4 * beat)).astype(int) % 4
    chord = np.sin(2 * np.pi * np.array([220.0, 196.0, 175.0, 247.0])[bar] * t)
    return 0.4 * drum + 0.1 * chord


def audio(sound: NDArray[np.float64], folder: Path) -> Audio:
    path = folder / "m.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((sound * 32767).astype("<i2").tobytes())
    return Audio(path)


@pytest.mark.parametrize("bpm", [72, 101.5, 128])
def test_tempo_and_a_loop_of_whole_bars(tmp_path: Path, bpm: float) -> None:
    found = music_facts(audio(piece(bpm, 40), tmp_path))
    assert found is not None
    assert found.tempo_bpm == pytest.approx(bpm, rel=0.01)
    bars = found.loop.duration / (240 / bpm)
    assert bars == pytest.approx(round(bars), abs=0.01)
    assert found.bars == round(bars)


def test_a_piece_that_fades_out_loops_before_it(tmp_path: Path) -> None:
    sound = piece(100, 30)
    sound[-5 * RATE :] *= np.linspace(1, 0, 5 * RATE)
    found = music_facts(audio(sound, tmp_path))
    assert found is not None
    assert found.loop.end < 28.5


def test_a_pad_has_no_beat_and_a_long_crossfade(tmp_path: Path) -> None:
    t = np.arange(30 * RATE) / RATE
    pad = sum(0.1 * np.sin(2 * np.pi * f * t + f) for f in (110, 165, 220.5))
    found = music_facts(audio(pad * (1 + 0.2 * np.sin(0.4 * t)), tmp_path))
    assert found is not None
    assert found.tempo_bpm is None
    assert found.crossfade == 2.0


def test_fast_bright_music_has_more_energy(tmp_path: Path) -> None:
    calm = music_facts(audio(piece(60, 20), tmp_path))
    rng = np.random.default_rng(0)
    t = np.arange(20 * RATE) / RATE
    hats = 0.3 * np.exp(-60 * np.mod(t, 0.2)) * rng.normal(size=len(t)).clip(-2, 2)
    driving = music_facts(audio(piece(150, 20) + hats, tmp_path))
    assert calm is not None
    assert driving is not None
    assert driving.energy > calm.energy + 0.2


def test_silence_and_snippets_are_no_music(tmp_path: Path) -> None:
    assert music_facts(audio(np.zeros(5 * RATE), tmp_path)) is None
    assert music_facts(audio(piece(100, 1), tmp_path)) is None
