from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from talkreel.core.errors import RenderError
from talkreel.rendering.loudness import (
    MAX_GAIN_DB,
    Loudness,
    Mastering,
    correct,
    find_mastering,
    measure,
    read_meter,
)

RATE = 48_000


def write(folder: Path, samples: NDArray[np.float64]) -> tuple[str, ...]:
    path = folder / "in.wav"
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes((samples * 32767).astype(np.int16).tobytes())
    return ("-i", str(path))


def tone(seconds: float, level: float) -> NDArray[np.float64]:
    t = np.arange(round(seconds * RATE)) / RATE
    return np.asarray(level * np.sin(2 * np.pi * 997 * t))


def speechlike(seconds: float) -> NDArray[np.float64]:
    """Quiet noise in syllables with sharp clicks: far from -14 LUFS without limiting."""
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 0.012, round(seconds * RATE))
    t = np.arange(len(noise)) / RATE
    sound = noise * (np.sin(2 * np.pi * 3 * t) > -0.3)
    sound[:: RATE // 3] = 0.8
    return np.asarray(sound)


def test_a_997_hz_tone_reads_as_in_ebu_tech_3341(tmp_path: Path) -> None:
    # Mono at -20 dBFS: -20 - 0.691 + 0.691 = -20 dB for one channel, minus 3.01 for the sine.
    heard = measure(write(tmp_path, tone(4, 0.1)), 4.0, cwd=tmp_path)
    assert heard.integrated_lufs == pytest.approx(-23.0, abs=0.15)
    assert heard.true_peak_dbtp == pytest.approx(-20.0, abs=0.15)
    assert heard.samples == 4 * RATE


@pytest.mark.parametrize("seconds", [0.05, 0.25, 0.9])
def test_clips_shorter_than_the_meters_window_are_measured_too(
    tmp_path: Path, seconds: float
) -> None:
    heard = measure(write(tmp_path, tone(seconds, 0.1)), seconds, cwd=tmp_path)
    assert heard.integrated_lufs == pytest.approx(-23.0, abs=0.4)
    assert heard.samples == round(seconds * RATE)


def test_silence_has_no_loudness(tmp_path: Path) -> None:
    heard = measure(write(tmp_path, np.zeros(RATE * 2)), 2.0, cwd=tmp_path)
    assert (heard.integrated_lufs, heard.true_peak_dbtp) == (None, None)


def test_a_log_without_a_summary_reads_as_silence() -> None:
    assert read_meter("nothing") == Loudness(None, None)


def test_a_missing_file_fails(tmp_path: Path) -> None:
    with pytest.raises(RenderError):
        measure(("-i", str(tmp_path / "none.wav")), 1.0, cwd=tmp_path)


def test_enough_headroom_needs_only_gain() -> None:
    def never(filters: str) -> Loudness:
        raise AssertionError("no measuring needed")

    assert find_mastering(Loudness(-20.0, -12.0), -14.0, -1.0, never) == Mastering(6.0)


def test_noise_is_not_made_loud() -> None:
    got = find_mastering(Loudness(-62.0, -50.0), -14.0, -1.0, lambda f: Loudness(-62.0, -50.0))
    assert got == Mastering(0.0)


def test_gain_has_a_limit() -> None:
    got = find_mastering(Loudness(-54.0, -53.0), -14.0, -1.0, lambda f: Loudness(-18.0, -17.0))
    assert got.gain_db <= MAX_GAIN_DB + 14


def test_peaky_sound_reaches_the_target_under_the_ceiling(tmp_path: Path) -> None:
    source = write(tmp_path, speechlike(5))
    plain = measure(source, 5.0, cwd=tmp_path)
    assert plain.integrated_lufs is not None
    assert plain.integrated_lufs < -35
    mastering = find_mastering(
        plain, -14.0, -1.0, lambda filters: measure(source, 5.0, filters, cwd=tmp_path)
    )
    heard = measure(source, 5.0, mastering.filters, cwd=tmp_path)
    assert heard.integrated_lufs == pytest.approx(-14.0, abs=0.3)
    assert heard.true_peak_dbtp is not None
    assert heard.true_peak_dbtp <= -1.5


def test_correction_lowers_the_ceiling_by_the_overshoot() -> None:
    fixed = correct(Mastering(5.0, -1.8), Loudness(-14.6, -0.6), -14.0, -1.0)
    assert fixed.ceiling_dbtp == pytest.approx(-2.4)
    assert fixed.gain_db == pytest.approx(5.6)
    unlimited = correct(Mastering(5.0), Loudness(-14.0, -0.5), -14.0, -1.0)
    assert unlimited.ceiling_dbtp is not None
