from __future__ import annotations

import os
import wave
from pathlib import Path

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray

from talkreel.core.errors import MediaError, OutputError
from talkreel.core.spans import Span
from talkreel.media.audio import SAMPLE_RATE, Audio, extract_audio
from talkreel.media.probe import probe


def _extract(path: Path, folder: Path) -> Audio:
    wav = folder / "sound.wav"
    extract_audio(probe(path), wav)
    assert os.listdir(folder) == ["sound.wav"]
    return Audio(wav)


def _heard(samples: NDArray[np.float32]) -> tuple[float, float]:
    """First and last second above the floor."""
    loud = np.flatnonzero(np.abs(samples) > 0.05)
    return loud[0] / SAMPLE_RATE, loud[-1] / SAMPLE_RATE


def _containers(maker) -> dict[str, list[str]]:
    both = [*maker.picture(), *maker.tone()]
    h264_aac = [*maker.h264, *maker.aac]
    late = [*maker.picture(), "-itsoffset", "0.7", *maker.tone(), *h264_aac]
    return {
        "plain.mp4": [*both, *h264_aac],
        "late.mp4": late,
        "late.mkv": late,
        "late.ts": late,
        "fragmented.mp4": [*both, *h264_aac, "-movflags", "frag_keyframe+empty_moov"],
        "opus.webm": [*both, "-c:v", "libvpx-vp9", "-deadline", "realtime", "-c:a", "libopus"],
        "program.mpg": [*both, "-c:v", "mpeg2video", "-bf", "2", "-c:a", "mp2"],
        "offset.ts": [*both, *h264_aac, "-output_ts_offset", "100"],
    }


@pytest.mark.parametrize(
    "name",
    [
        "plain.mp4",
        "late.mp4",
        "late.mkv",
        "late.ts",
        "fragmented.mp4",
        "opus.webm",
        "program.mpg",
        "offset.ts",
    ],
)
def test_sound_lies_on_the_source_clock(name: str, make_video, tmp_path: Path) -> None:
    path = make_video(name, _containers(make_video)[name])
    media = probe(path)
    assert media.video is not None
    audio = _extract(path, tmp_path)
    assert audio.duration == pytest.approx(media.duration, abs=0.01)
    # The picture's first frame marks second 0 of what was generated.
    zero = media.video.start + (0.7 if name.startswith("late") else 0.0)
    first, last = _heard(audio.samples(media.span))
    assert first == pytest.approx(zero + make_video.flash_start, abs=0.003)
    assert last == pytest.approx(zero + make_video.flash_end, abs=0.003)


@pytest.mark.parametrize(("left", "right"), [(0.5, 0.0), (0.0, 0.5), (0.5, -0.5), (0.5, 0.5)])
def test_no_side_and_no_polarity_loses_speech(
    left: float, right: float, make_video, tmp_path: Path
) -> None:
    arguments = [*make_video.picture(), *make_video.tone(left, right), *make_video.h264]
    path = make_video("sides.mov", [*arguments, "-c:a", "pcm_s16le"])
    samples = _extract(path, tmp_path).samples(Span(0, 4))
    assert np.abs(samples).max() == pytest.approx(0.5, abs=0.03)
    during = samples[round(2.05 * SAMPLE_RATE) : round(2.25 * SAMPLE_RATE)]
    assert np.sqrt(np.mean(during**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.05)


def test_gap_in_the_sound_becomes_silence(make_video, tmp_path: Path) -> None:
    # Packets of second 1 to 3 are left out, time stamps kept.
    beeps = "aevalsrc=0.5*sin(2000*PI*t)*between(mod(t\\,1)\\,0.4\\,0.5):d=5:s=48000"
    whole = make_video("beeps.mka", ["-f", "lavfi", "-i", beeps, "-c:a", "pcm_s16le"])
    cut = ["-i", str(whole), "-c", "copy", "-bsf:a", "noise=drop='gt(tb*pts,1)*lt(tb*pts,3)'"]
    audio = _extract(make_video("gap.mka", cut), tmp_path)
    assert audio.duration == pytest.approx(5.0, abs=0.05)
    for second, loud in [(0, True), (1, False), (2, False), (3, True), (4, True)]:
        part = audio.samples(Span(second + 0.42, second + 0.48))
        assert bool(np.abs(part).max() > 0.3) is loud, second


def test_real_left_only_speech_keeps_its_level(media_dir: Path, tmp_path: Path) -> None:
    whole = _extract(media_dir / "edge/left_only_speech.mp4", tmp_path)
    (tmp_path / "sound.wav").unlink()
    stereo = _extract(media_dir / "edge/moov_at_end.mp4", tmp_path)
    levels = [np.sqrt(np.mean(a.samples(Span(0, 8)) ** 2)) for a in (whole, stereo)]
    assert levels[0] == pytest.approx(levels[1], rel=0.3)


def test_surround_and_low_rates_work(media_dir: Path, tmp_path: Path) -> None:
    for name in ("audio_5_1.mp4", "mono_8k.mp4", "audio_only.m4a"):
        audio = _extract(media_dir / "edge" / name, tmp_path)
        assert np.sqrt(np.mean(audio.samples(Span(0, audio.duration)) ** 2)) > 0.01
        (tmp_path / "sound.wav").unlink()


def test_media_without_sound_is_the_callers_mistake(make_video, tmp_path: Path) -> None:
    path = make_video("mute.mp4", [*make_video.picture(), *make_video.h264])
    with pytest.raises(ValueError, match="no sound"):
        extract_audio(probe(path), tmp_path / "x.wav")


def test_unwritable_place_is_said_plainly_and_leaves_nothing(make_video, tmp_path: Path) -> None:
    media = probe(make_video())
    with pytest.raises(OutputError, match="cannot write"):
        extract_audio(media, tmp_path / "absent" / "x.wav")
    (tmp_path / "x.wav").mkdir()
    with pytest.raises(OutputError, match="cannot write"):
        extract_audio(media, tmp_path / "x.wav")
    assert os.listdir(tmp_path) == ["x.wav"]


def _write(path: Path, count: int, rate: int = SAMPLE_RATE) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        ramp = (np.arange(count) % 1000).astype("<i2")
        file.writeframes(ramp.tobytes())
    return path


def test_samples_outside_the_file_are_zero(tmp_path: Path) -> None:
    audio = Audio(_write(tmp_path / "a.wav", 1600))
    samples = audio.samples(Span(-0.05, 0.2))
    assert samples.shape == (4000,)
    assert not samples[:800].any()
    assert samples[800 + 999] == pytest.approx(999 / 32768)
    assert not samples[2400:].any()
    assert audio.samples(Span(5, 5.5)).shape == (8000,)


@pytest.mark.parametrize("content", [b"", b"RIFF", b"hello"])
def test_what_is_no_wav_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(MediaError, match="WAV"):
        Audio(tmp_path / "a.wav")


def test_another_rate_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="44100 Hz"):
        Audio(_write(tmp_path / "a.wav", 100, rate=44_100))
    with pytest.raises(MediaError, match="WAV"):
        Audio(tmp_path / "absent.wav")


def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    audio = Audio(_write(tmp_path / "hour.wav", 3600 * SAMPLE_RATE))  # 115 MB
    process = psutil.Process()
    before = process.memory_info().rss
    peak = 0
    for second in range(0, 3600, 30):
        audio.samples(Span(second, second + 30))
        peak = max(peak, process.memory_info().rss)
    assert peak - before < 20 * 2**20
