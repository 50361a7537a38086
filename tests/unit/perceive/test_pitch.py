from __future__ import annotations

import shutil
import subprocess
import wave
from pathlib import Path

import numpy as np
import pytest

from talkreel.perceive.pitch import STEP_SECONDS, frame_count, margin, track_pitch

RATE = 16_000


def track(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    padded = np.pad(samples.astype(np.float32), margin(RATE))
    return track_pitch(padded, RATE)


def buzz(hertz: np.ndarray, harmonics: int = 12) -> np.ndarray:
    """A harmonic tone whose pitch follows ``hertz``, one value per sample."""
    phase = 2 * np.pi * np.cumsum(hertz) / RATE
    return 0.2 * sum(np.sin(k * phase) / k for k in range(1, harmonics + 1))


@pytest.mark.parametrize("hertz", [72, 95, 130, 180, 220, 310, 440, 490])
def test_steady_tones(hertz: float) -> None:
    pitch, strength = track(buzz(np.full(RATE, float(hertz))))
    inner = pitch[2:-2]
    np.testing.assert_allclose(inner, hertz, rtol=0.01)
    assert strength[2:-2].min() > 0.9


def test_pure_sine_in_light_noise() -> None:
    rng = np.random.default_rng(0)
    tone = 0.3 * np.sin(2 * np.pi * 200 * np.arange(RATE) / RATE) + rng.normal(0, 0.02, RATE)
    np.testing.assert_allclose(track(tone)[0][2:-2], 200, rtol=0.01)


def test_a_missing_fundamental_is_still_heard() -> None:
    times = np.arange(RATE) / RATE
    tone = sum(np.sin(2 * np.pi * 150 * k * times) for k in (2, 3, 4, 5)) / 8
    np.testing.assert_allclose(track(tone)[0][2:-2], 150, rtol=0.01)


def test_a_glide_is_followed() -> None:
    hertz = np.linspace(110, 220, 2 * RATE)
    pitch, _ = track(buzz(hertz))
    times = (np.arange(len(pitch)) + 0.5) * STEP_SECONDS
    want = np.interp(times, np.arange(len(hertz)) / RATE, hertz)
    np.testing.assert_allclose(pitch[2:-2], want[2:-2], rtol=0.02)


def test_noise_and_silence_are_unvoiced() -> None:
    rng = np.random.default_rng(0)
    assert np.isnan(track(rng.normal(0, 0.2, RATE))[0]).mean() > 0.95
    assert np.isnan(track(np.zeros(RATE))[0]).all()


def test_every_length_gives_its_frames() -> None:
    for samples in (1, 399, 400, 401, 5000):
        pitch, strength = track(np.zeros(samples))
        assert len(pitch) == len(strength) == frame_count(samples, RATE)
    assert frame_count(0, RATE) == 0


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
@pytest.mark.parametrize("setting", [30, 70])
def test_synthetic_speech_rises_with_its_setting(tmp_path: Path, setting: int) -> None:
    path = tmp_path / "voice.wav"
    text = "The quick brown fox jumps over the lazy dog near the river bank."
    subprocess.run(["espeak-ng", "-p", str(setting), "-w", str(path), text], check=True)
    with wave.open(str(path)) as file:
        rate = file.getframerate()
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768
    pitch, _ = track_pitch(np.pad(samples.astype(np.float32), margin(rate)), rate)
    voiced = pitch[np.isfinite(pitch)]
    assert 0.3 < len(voiced) / len(pitch) < 0.95
    low, middle, high = np.percentile(voiced, [5, 50, 95])
    want = {30: (75, 115), 70: (105, 170)}[setting]
    assert want[0] < middle < want[1]
    assert high / low < 2.5


def test_real_speech_stays_in_one_octave_or_so(media_dir: Path) -> None:
    for path in sorted((media_dir / "audio" / "word_times").glob("*.wav")):
        with wave.open(str(path)) as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768
        pitch, _ = track(samples)
        voiced = pitch[np.isfinite(pitch)]
        low, high = np.percentile(voiced, [10, 90])
        assert 0.25 < len(voiced) / len(pitch) < 0.9
        assert high / low < 2.2
