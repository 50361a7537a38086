from __future__ import annotations

import re
import subprocess
import wave
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from talkreel.media.ffmpeg import ffmpeg_path
from talkreel.perceive.loudness import (
    FLOOR_LUFS,
    MOMENTARY_BLOCKS,
    SHORT_TERM_BLOCKS,
    LoudnessMeter,
    k_weighting,
    windowed_lufs,
)

RATE = 16_000
LINE = re.compile(r"t:\s*([\d.]+)\s.*M:\s*(-?[\d.]+)\s+S:\s*(-?[\d.]+)")


def lufs(samples: np.ndarray, blocks: int) -> np.ndarray:
    meter = LoudnessMeter(RATE)
    power = np.concatenate([meter.push(samples.astype(np.float32)), meter.finish()])
    return windowed_lufs(power, blocks)


def test_weighting_at_48_khz_is_that_of_the_standard() -> None:
    # ITU-R BS.1770-5, tables 1 and 2.
    shelf, high_pass = k_weighting(48_000)
    want = [
        1.53512485958697,
        -2.69169618940638,
        1.19839281085285,
        1,
        -1.69065929318241,
        0.73248077421585,
    ]
    np.testing.assert_allclose(shelf, want, atol=1e-6)
    np.testing.assert_allclose(high_pass[3:], [1, -1.99004745483398, 0.99007225036621], atol=1e-6)


def test_full_scale_tone_is_minus_three() -> None:
    # BS.1770: 997 Hz at 0 dBFS in one channel reads -3.01 LKFS.
    tone = np.sin(2 * np.pi * 997 * np.arange(6 * RATE) / RATE)
    middle = lufs(tone, SHORT_TERM_BLOCKS)[20:-20]
    np.testing.assert_allclose(middle, -3.01, atol=0.05)


def test_silence_is_the_floor_and_empty_is_empty() -> None:
    assert set(lufs(np.zeros(RATE), MOMENTARY_BLOCKS)) == {FLOOR_LUFS}
    assert windowed_lufs(np.zeros(0), SHORT_TERM_BLOCKS).size == 0


def test_pieces_of_any_size_give_the_same_curve() -> None:
    rng = np.random.default_rng(0)
    samples = rng.normal(0, 0.1, 5 * RATE).astype(np.float32)
    meter = LoudnessMeter(RATE)
    cuts = [0, 7, 1600, 1601, 40_000, len(samples)]
    parts = [meter.push(samples[a:b]) for a, b in pairwise(cuts)]
    whole = LoudnessMeter(RATE).push(samples)
    np.testing.assert_allclose(np.concatenate([*parts, meter.finish()]), whole, rtol=1e-9)


@pytest.mark.parametrize("kind", ["speech", "noise"])
def test_curves_agree_with_ffmpeg(tmp_path: Path, media_dir: Path, kind: str) -> None:
    if kind == "speech":
        source = next(iter(sorted((media_dir / "audio" / "word_times").glob("*.wav"))))
    else:
        source = tmp_path / "noise.wav"
        rng = np.random.default_rng(1)
        swell = np.repeat(rng.uniform(0.01, 0.3, 14), RATE // 2)
        save(source, swell * rng.standard_normal(len(swell)) * 0.5)
    with wave.open(str(source)) as file:
        assert file.getframerate() == RATE
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768
    momentary, short = lufs(samples, MOMENTARY_BLOCKS), lufs(samples, SHORT_TERM_BLOCKS)
    for time, m, s in ffmpeg_curves(source):
        block = round(time / 0.1) - 1  # ffmpeg's windows end at t, ours are centred
        if block >= 3 and block - 1 < len(momentary):
            assert momentary[block - 1] == pytest.approx(m, abs=0.3)
        if block >= 29 and block - 14 < len(short):
            assert short[block - 14] == pytest.approx(s, abs=0.3)


def save(path: Path, samples: np.ndarray) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())


def ffmpeg_curves(path: Path) -> list[tuple[float, float, float]]:
    command = [ffmpeg_path(), "-hide_banner", "-nostdin", "-nostats", "-i", str(path)]
    command += ["-af", "ebur128=framelog=info", "-f", "null", "-"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    rows = [tuple(map(float, found.groups())) for found in LINE.finditer(text)]
    assert len(rows) > 20
    return [(time, m, s) for time, m, s in rows if m > -70 and s > -70]
