"""Shots of real and made films, through the real decoder."""

from __future__ import annotations

import json
import subprocess
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from talkreel.core.media import Media
from talkreel.core.spans import Span
from talkreel.core.tracks import Shot, Transition
from talkreel.media.ffmpeg import ffmpeg_path
from talkreel.media.frames import FrameReader
from talkreel.media.probe import probe
from talkreel.perceive.shots import ShotDetector, ShotReport

pytestmark = pytest.mark.integration
RATE = 25


def starts(shots: tuple[Shot, ...]) -> list[float]:
    return [shot.span.start for shot in shots[1:]]


def scene(seed: int) -> NDArray[np.uint8]:
    rng = np.random.default_rng(seed)
    patches = rng.integers(20, 236, (9, 16, 3), dtype=np.uint8)
    return np.repeat(np.repeat(patches, 20, axis=0), 20, axis=1)


def film(path: Path, scenes: list[tuple[int, int]], codec: list[str], rate: int = RATE) -> Media:
    """Scenes (seed, frames) with a little grain, one after the other."""
    command = [ffmpeg_path(), "-loglevel", "error", "-nostdin", "-y", "-f", "rawvideo"]
    command += ["-pix_fmt", "rgb24", "-s", "320x180", "-r", str(rate), "-i", "pipe:0", *codec]
    rng = np.random.default_rng(1)
    grains = [rng.integers(0, 6, (180, 320, 3), dtype=np.uint8) for _ in range(4)]
    frames = b"".join(
        (scene(seed) + grains[i % 4]).tobytes() for seed, count in scenes for i in range(count)
    )
    subprocess.run([*command, str(path)], input=frames, check=True)
    return probe(path)


X264 = ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-pix_fmt", "yuv420p"]
CODECS = {
    "scenecut.mp4": ["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p"],
    "fixed.mp4": [*X264, "-g", "50", "-sc_threshold", "0"],
    "long.mkv": [*X264, "-g", "250", "-sc_threshold", "0"],
    "hevc.mp4": ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error"],
    "vp9.webm": ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"],
    "av1.mp4": ["-c:v", "libsvtav1", "-preset", "12", "-pix_fmt", "yuv420p"],
    "mjpeg.mov": ["-c:v", "mjpeg", "-q:v", "4", "-pix_fmt", "yuvj420p"],
    "prores.mov": ["-c:v", "prores_ks", "-profile:v", "0", "-pix_fmt", "yuv422p10le"],
}


@pytest.mark.parametrize("name", CODECS)
def test_cuts_are_exact_in_every_codec(tmp_path: Path, name: str) -> None:
    media = film(tmp_path / name, [(1, 70), (2, 60), (3, 33), (4, 50)], CODECS[name])
    assert starts(ShotDetector()(media)) == pytest.approx([2.8, 5.2, 6.52], abs=1e-3)


@pytest.mark.parametrize("rate", [5, 120])
def test_slow_and_fast_frame_rates(tmp_path: Path, rate: int) -> None:
    scenes = [(1, 2 * rate), (2, 2 * rate), (3, 2 * rate)]
    media = film(tmp_path / "film.mp4", scenes, CODECS["scenecut.mp4"], rate)
    assert starts(ShotDetector()(media)) == pytest.approx([2.0, 4.0], abs=1e-3)


def test_stray_frames_at_the_ends_are_no_shots(tmp_path: Path) -> None:
    media = film(tmp_path / "film.mp4", [(1, 3), (2, 60), (3, 60), (4, 3)], CODECS["scenecut.mp4"])
    assert starts(ShotDetector()(media)) == pytest.approx([2.52], abs=1e-3)


def test_there_and_back_between_like_keyframes(tmp_path: Path) -> None:
    scenes = [(1, 400), (2, 30), (1, 400)]
    media = film(tmp_path / "film.mkv", scenes, CODECS["long.mkv"])
    assert starts(ShotDetector()(media)) == pytest.approx([16.0, 17.2], abs=2e-3)


def test_long_quiet_film_is_hardly_decoded(tmp_path: Path) -> None:
    scenes = [(1, 940), (2, 1030), (3, 1030)]
    media = film(tmp_path / "film.mp4", scenes, CODECS["scenecut.mp4"])
    report = ShotDetector().report(media)
    assert starts(report.shots) == pytest.approx([37.6, 78.8], abs=1e-3)
    assert isinstance(report, ShotReport)
    assert report.frames == 3000
    assert report.decoded < 0.15 * report.frames


def test_shots_cover_the_media_without_gaps_and_progress_only_grows(media_dir: Path) -> None:
    media = probe(media_dir / "csci576_interview.mp4")
    told: list[float] = []
    shots = ShotDetector()(media, progress=told.append)
    assert shots[0].begins is Transition.START
    assert (shots[0].span.start, shots[-1].span.end) == (0.0, media.duration)
    assert all(a.span.end == b.span.start for a, b in pairwise(shots))
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert ShotDetector()(media) == shots


def test_known_cuts_are_found_and_nothing_else(media_dir: Path) -> None:
    known = json.loads((media_dir / "truth" / "cuts.json").read_text())
    for name, entry in known.items():
        if name.startswith("_") or "seconds" not in entry:
            continue
        media = probe(media_dir / name)
        assert media.video is not None
        found = [
            time
            for time in starts(ShotDetector()(media))
            if not any(low <= time <= high for low, high in entry.get("ignore", ()))
        ]
        frame = 1.02 / float(media.video.frame_rate)
        assert found == pytest.approx(entry["seconds"], abs=frame), name


def test_variable_rate_and_rotated_versions_agree(media_dir: Path) -> None:
    one, two = (
        starts(ShotDetector()(probe(media_dir / name)))
        for name in ("psd_goldeneye-vfr-drop3.mp4", "psd_issue-134-rotate.mp4")
    )
    assert one == pytest.approx(two, abs=1.5e-3)


def test_fades_through_black_are_in_the_middle_of_the_black(media_dir: Path) -> None:
    shots = ShotDetector()(probe(media_dir / "psd_fades.mp4"))
    assert [shot.begins for shot in shots[1:]] == [Transition.FADE, Transition.FADE]
    assert starts(shots) == pytest.approx([84 / 25, 167 / 25], abs=0.041)


def test_black_middle_is_a_shot_of_its_own(media_dir: Path) -> None:
    shots = ShotDetector()(probe(media_dir / "edge" / "black_frames_middle.mp4"))
    assert starts(shots) == pytest.approx([3.003, 5.005], abs=2e-3)


@pytest.mark.parametrize(
    "name",
    ["talk_podium.mp4", "whisperx_sample01.mp4", "edge/fps_5.mp4", "edge/fps_120.mp4",
     "edge/vfr_irregular.mp4", "edge/hdr10_pq.mp4", "edge/very_short_0p2s.mp4",
     "edge/exo_sample_av1.mp4", "edge/exo_sample_edit_list.mp4", "edge/rot90_flag.mp4"],
)  # fmt: skip
def test_no_cut_where_there_is_none(media_dir: Path, name: str) -> None:
    assert starts(ShotDetector()(probe(media_dir / name))) == []


def test_a_part_gives_the_same_cuts(media_dir: Path) -> None:
    media = probe(media_dir / "csci576_interview.mp4")
    shots = ShotDetector()(media, span=Span(5.0, 12.0))
    assert starts(shots) == pytest.approx([6.767, 11.533], abs=2e-3)
    assert (shots[0].span.start, shots[-1].span.end) == (5.0, 12.0)


def test_a_part_outside_the_media_is_refused(media_dir: Path) -> None:
    media = probe(media_dir / "csci576_interview.mp4")
    with pytest.raises(ValueError, match="outside the media, which lasts 20"):
        ShotDetector()(media, span=Span(500.0, 600.0))


def test_sound_alone_has_no_shots(media_dir: Path) -> None:
    assert ShotDetector()(probe(media_dir / "edge" / "audio_only.m4a")) == ()


def test_truncated_film_gives_what_decodes(media_dir: Path) -> None:
    media = probe(media_dir / "edge" / "broken_truncated_tail.mp4")
    shots = ShotDetector()(media)
    assert shots[-1].span.end == media.duration


def test_picked_pixels_average_to_the_averaged_ones(media_dir: Path) -> None:
    media = probe(media_dir / "talk_podium.mp4")
    span = Span(3.0, 3.05)
    with (
        FrameReader(media, width=320, averaged=False) as quick,
        FrameReader(media, width=320) as exact,
    ):
        one, two = next(quick.every(span)), next(exact.every(span))
    means = [f.image.reshape(18, 10, 32, 10, 3).mean(axis=(1, 3)) for f in (one, two)]
    assert one.time == two.time
    assert np.abs(means[0] - means[1]).mean() < 2.5
