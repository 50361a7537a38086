from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from talkreel.core.edits import Canvas, CropKey, CropPath, Edit, Layout, LayoutKind
from talkreel.core.errors import MediaError, RenderError
from talkreel.core.media import Media
from talkreel.core.spans import Span
from talkreel.media.ffmpeg import run_ffmpeg
from talkreel.media.probe import probe
from talkreel.rendering.measure import ClipMeasurement, measure_clip
from talkreel.rendering.schedule import make_schedule
from talkreel.rendering.verify import check_clip

if TYPE_CHECKING:
    from tests.unit.render.conftest import Workshop


def make(path: Path, picture: str, seconds: float = 2.0) -> Path:
    tone = f"sine=f=997:r=48000:d={seconds}"
    run_ffmpeg(
        [
            *("-f", "lavfi", "-i", f"{picture}:s=160x96:r=30:d={seconds}", "-f", "lavfi"),
            *("-i", tone, "-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", "15", "-c:a", "aac"),
            str(path),
        ],
        timeout_seconds=60,
    )
    return path


def test_a_clip_is_measured(tmp_path: Path) -> None:
    got = measure_clip(make(tmp_path / "a.mp4", "testsrc2=alpha=255"))
    assert (got.width, got.height, got.frames, got.frame_rate) == (160, 96, 60, Fraction(30))
    assert got.duration == pytest.approx(2.0, abs=1e-3)
    assert got.integrated_lufs == pytest.approx(-21.0, abs=0.3)
    assert got.true_peak_dbtp == pytest.approx(-17.5, abs=1.2)
    assert abs(got.av_offset) < 0.02
    assert got.av_start == pytest.approx(0.0, abs=1e-3)
    assert got.size_bytes == (tmp_path / "a.mp4").stat().st_size
    assert (got.black_share, got.still) == (0.0, False)


def test_black_and_frozen_pictures_are_noticed(tmp_path: Path) -> None:
    black = measure_clip(make(tmp_path / "b.mp4", "color=black"))
    assert (black.black_share, black.still) == (1.0, True)
    grey = measure_clip(make(tmp_path / "g.mp4", "color=gray"))
    assert (grey.black_share, grey.still) == (0.0, True)


def test_sound_without_picture_is_no_clip(tmp_path: Path) -> None:
    sound = tmp_path / "a.m4a"
    run_ffmpeg(["-f", "lavfi", "-i", "sine=d=1", str(sound)], timeout_seconds=60)
    with pytest.raises(MediaError, match="no picture"):
        measure_clip(sound)


GOOD = ClipMeasurement(
    duration=2.0,
    width=320,
    height=180,
    frame_rate=Fraction(30),
    frames=60,
    size_bytes=1000,
    has_audio=True,
    integrated_lufs=-14.1,
    true_peak_dbtp=-1.6,
    av_offset=0.0,
    av_start=0.0,
    black_share=0.0,
    still=False,
)


@pytest.fixture
def edit(workshop: Workshop, numbered: Media) -> Edit:
    return workshop.edit(numbered, [Span(1.0, 3.0)])


def check(
    got: ClipMeasurement, edit: Edit, media: Media, *, mastered: bool = True
) -> tuple[str, ...]:
    plan = make_schedule(edit, media)
    return check_clip(got, edit, media, plan, sound_expected=True, mastered=mastered)


def test_a_good_clip_passes(edit: Edit, numbered: Media) -> None:
    assert check(GOOD, edit, numbered) == ()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"width": 322}, "322x180"),
        ({"frames": 59}, "59 frames"),
        ({"duration": 2.5}, r"2\.5"),
        ({"has_audio": False}, "sound track"),
        ({"av_offset": 0.05}, "apart"),
        ({"av_start": -0.05}, "apart"),
        ({"true_peak_dbtp": -0.4}, "true peak"),
        ({"integrated_lufs": None, "true_peak_dbtp": None}, "without sound"),
        ({"black_share": 1.0}, "black"),
    ],
)
def test_a_wrong_clip_is_refused(
    edit: Edit, numbered: Media, wrong: dict[str, float], message: str
) -> None:
    with pytest.raises(RenderError, match=message):
        check(replace(GOOD, **wrong), edit, numbered)  # type: ignore[arg-type]


def test_a_frozen_clip_is_refused_only_where_the_source_moves(
    workshop: Workshop, numbered: Media, tmp_path: Path
) -> None:
    edit = workshop.edit(numbered, [Span(1.0, 7.0)])
    frozen = replace(GOOD, still=True, duration=6.0, frames=180)
    with pytest.raises(RenderError, match="frozen"):
        check(frozen, edit, numbered)
    media = probe(make(tmp_path / "g.mp4", "color=gray", 8.0))
    edit = workshop.edit(media, [Span(1.0, 7.0)], canvas=Canvas(320, 180, Fraction(30)))
    assert "stands still" in check(frozen, edit, media)[0]


def test_a_crop_of_what_stands_still_is_not_refused(workshop: Workshop, numbered: Media) -> None:
    """The source moves elsewhere: the clip rightly shows none of it."""
    corner = CropPath((CropKey(0.0, (0.0, 0.9, 0.2, 1.0)),))
    layout = Layout(Span(1.0, 7.0), LayoutKind.CROP, (corner,))
    edit = workshop.edit(numbered, [Span(1.0, 7.0)], layouts=(layout,))
    frozen = replace(GOOD, still=True, duration=6.0, frames=180)
    assert "stands still" in check(frozen, edit, numbered)[0]


def test_a_black_source_is_delivered_with_a_warning(workshop: Workshop, tmp_path: Path) -> None:
    media = probe(make(tmp_path / "b.mp4", "color=black", 4.0))
    edit = workshop.edit(media, [Span(1.0, 3.0)], canvas=Canvas(320, 180, Fraction(30)))
    assert "black" in check(replace(GOOD, black_share=1.0, still=True), edit, media)[0]


def test_loudness_that_could_not_be_reached_is_a_warning(edit: Edit, numbered: Media) -> None:
    quiet = replace(GOOD, integrated_lufs=-18.0)
    assert "-18.0 LUFS" in check(quiet, edit, numbered)[0]
    assert check(quiet, edit, numbered, mastered=False) == ()
