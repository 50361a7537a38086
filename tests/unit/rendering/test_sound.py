from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray

from talkreel.core.edits import AudioChain
from talkreel.core.errors import RenderError
from talkreel.core.media import Media
from talkreel.core.spans import Span
from talkreel.media.ffmpeg import run_ffmpeg
from talkreel.media.probe import probe
from talkreel.rendering.render import render
from talkreel.rendering.schedule import make_schedule
from talkreel.rendering.sound import RATE, RAW_NAME, cut_sound, seeking_failed

if TYPE_CHECKING:
    from tests.unit.render.conftest import Workshop


def noise(seconds: float, level: float) -> NDArray[np.int16]:
    rng = np.random.default_rng(0)
    return np.asarray(rng.normal(0, level * 32767, round(seconds * RATE)), dtype=np.int16)


def cut(workshop: Workshop, media: Media, kept: list[Span], folder: Path) -> NDArray[np.float32]:
    edit = workshop.edit(media, kept, audio=AudioChain(fade_in=0.1, fade_out=0.2, join_fade=0.05))
    cut_sound(edit, media, make_schedule(edit, media), folder, timeout_seconds=60)
    return np.fromfile(folder / RAW_NAME, dtype=np.float32).reshape(-1, 2)


def test_length_fades_and_joins(workshop: Workshop, tmp_path: Path) -> None:
    media = workshop.source("noise.mkv", sound=noise(12, 0.1))
    sound = cut(workshop, media, [Span(1.0, 3.0), Span(4.0, 5.0)], tmp_path)
    assert len(sound) == 3 * RATE

    def level(at: float) -> float:
        block = sound[round(at * RATE) : round(at * RATE) + 240]
        return float(np.sqrt(np.mean(block**2)))

    middle = level(1.0)
    for at in (0.0, 2.995):
        assert level(at) < 0.25 * middle
    for at in (0.2, 1.9, 1.995, 2.0, 2.1, 2.7):
        assert level(at) == pytest.approx(middle, rel=0.35)


def test_many_joins_fade_across_and_keep_the_time(workshop: Workshop, tmp_path: Path) -> None:
    """Two levels in turn: no join steps, and every piece begins on its own sample."""
    seconds, rate = 12, RATE
    ramp = np.where(np.arange(seconds * rate) // (rate // 2) % 2, 0.3, -0.3)
    media = workshop.source("steps.mkv", sound=np.asarray(ramp * 32767, dtype=np.int16))
    kept = [Span(0.5 * i + 0.05, 0.5 * i + 0.25) for i in range(22) if i % 7]
    sound = cut(workshop, media, kept, tmp_path)[:, 0]
    assert len(sound) == round(len(kept) * 0.2 * rate)
    for number, span in enumerate(kept[1:-1], start=1):
        inner = sound[round(number * 0.2 * rate) + 1201 : round((number + 1) * 0.2 * rate) - 1201]
        assert np.ptp(inner) < 1e-3
        assert np.sign(inner[0]) == (1 if int(span.start / 0.5) % 2 else -1)
    # Twice the 50 ms of the crossfade: nothing jumps faster than its own slope.
    late = sound[rate // 4 : -rate // 4]
    assert np.abs(np.diff(late)).max() < 0.3 * np.pi / (0.05 * rate)


def test_sound_that_ends_early_is_filled_up(workshop: Workshop, tmp_path: Path) -> None:
    media = workshop.source("short-sound.mp4", sound=noise(5, 0.1))
    sound = cut(workshop, media, [Span(4.0, 7.0)], tmp_path)
    assert len(sound) == 3 * RATE
    assert np.abs(sound[RATE // 2 : RATE // 2 + 1000]).max() > 0
    assert np.abs(sound[RATE + 2000 :]).max() == 0


@pytest.mark.parametrize("side", [0, 1])
def test_one_sided_speech_comes_out_in_the_middle(
    workshop: Workshop, tmp_path: Path, side: int
) -> None:
    stereo = np.zeros((12 * RATE, 2), dtype=np.int16)
    stereo[:, side] = noise(12, 0.05)
    media = workshop.source(f"side{side}.mp4", sound=stereo)
    got = render(workshop.edit(media, [Span(1.0, 4.0)]), media, tmp_path / "clip.mp4")
    left, right = np.sqrt(np.mean(workshop.sound(got.path) ** 2, axis=0))
    assert left == pytest.approx(right, rel=0.02)
    assert got.measured.integrated_lufs == pytest.approx(-14, abs=0.5)
    assert "side only" in got.warnings[0]


def test_quiet_peaky_sound_is_delivered_loud_and_under_the_peak(
    workshop: Workshop, tmp_path: Path
) -> None:
    sound = noise(12, 0.004)
    sound[:: RATE // 2] = 20_000
    media = workshop.source("peaky.mp4", sound=sound)
    got = render(workshop.edit(media, [Span(1.0, 6.0)]), media, tmp_path / "clip.mp4")
    assert got.measured.integrated_lufs == pytest.approx(-14, abs=0.5)
    assert got.measured.true_peak_dbtp is not None
    assert got.measured.true_peak_dbtp <= -1.0


def test_room_noise_is_left_alone(workshop: Workshop, tmp_path: Path) -> None:
    media = workshop.source("room.mp4", sound=noise(12, 0.0003))
    got = render(workshop.edit(media, [Span(1.0, 3.0)]), media, tmp_path / "clip.mp4")
    assert got.measured.integrated_lufs is not None
    assert got.measured.integrated_lufs < -55
    assert "nearly silent" in got.warnings[0]


def test_silence_is_delivered_and_said(workshop: Workshop, tmp_path: Path) -> None:
    media = workshop.source("silent.mp4", sound=np.zeros(12 * RATE, dtype=np.int16))
    got = render(workshop.edit(media, [Span(1.0, 3.0)]), media, tmp_path / "clip.mp4")
    assert got.measured.integrated_lufs is None
    assert got.measured.has_audio
    assert "silent" in got.warnings[0]


def test_without_sound_there_is_a_silent_track(
    workshop: Workshop, numbered: Media, tmp_path: Path
) -> None:
    edit = workshop.edit(numbered, [Span(1.0, 3.0)], audio=None)
    got = render(edit, numbered, tmp_path / "clip.mp4")
    assert got.measured.has_audio
    assert got.measured.integrated_lufs is None
    assert got.warnings == ()


@pytest.mark.parametrize("seconds", [0.1, 0.4, 1.0])
def test_very_short_clips_reach_the_loudness_too(
    workshop: Workshop, tmp_path: Path, seconds: float
) -> None:
    media = workshop.source("noise.mkv", sound=noise(12, 0.1))
    edit = workshop.edit(media, [Span(2.0, 2.0 + seconds)])
    got = render(edit, media, tmp_path / "clip.mp4")
    assert got.measured.frames == round(seconds * 30)
    assert got.measured.integrated_lufs == pytest.approx(-14, abs=0.5)


def test_a_missing_source_fails(workshop: Workshop, numbered: Media, tmp_path: Path) -> None:
    edit = workshop.edit(numbered, [Span(1.0, 2.0)])
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(Path(numbered.uri).read_bytes())
    media = probe(copy)
    copy.unlink()
    with pytest.raises(RenderError):
        cut_sound(edit, media, make_schedule(edit, media), tmp_path, timeout_seconds=10)


def test_failed_seeks_are_recognised() -> None:
    assert seeking_failed("[in#0] could not seek to position 3.000")
    assert not seeking_failed("all well")


def test_a_recording_that_changes_its_formats_on_the_way(
    workshop: Workshop, tmp_path: Path
) -> None:
    """Call recordings and broadcasts: another picture size, other channels, another rate."""
    joined = tmp_path / "joined.ts"
    with open(joined, "wb") as out:
        for number, (size, tone, format_) in enumerate(
            [("320x180", 997, ("-ac", "1", "-ar", "44100")), ("160x90", 440, ("-ac", "2"))]
        ):
            part = tmp_path / f"part{number}.ts"
            run_ffmpeg(
                [
                    *("-f", "lavfi", "-i", f"testsrc2=s={size}:r=30:d=4"),
                    *("-f", "lavfi", "-i", f"sine=f={tone}:d=4:r=48000"),
                    *("-c:v", "libx264", "-preset", "ultrafast", "-g", "30", "-c:a", "aac"),
                    *(*format_, "-output_ts_offset", str(4 * number), str(part)),
                ],
                timeout_seconds=60,
            )
            out.write(part.read_bytes())
    media = probe(joined)
    edit = workshop.edit(media, [Span(2.0, 6.0)])
    got = render(edit, media, tmp_path / "clip.mp4")
    sound = workshop.sound(got.path)[:, 0]
    for begin, pitch in ((0.5, 997), (1.5, 997), (2.5, 440), (3.5, 440)):
        heard = np.abs(np.fft.rfft(sound[round(begin * RATE) :][: RATE // 5]))
        assert np.argmax(heard) * 5 == pytest.approx(pitch, abs=5)
    assert got.measured.frames == 120
