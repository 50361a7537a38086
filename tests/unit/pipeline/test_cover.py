"""The cover that is written for a clip."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from talkreel.core.cover import Cover
from talkreel.core.edits import (
    SCHEMA,
    Canvas,
    CaptionCue,
    Captions,
    CaptionStyle,
    CaptionWord,
    CropKey,
    CropPath,
    Edit,
    Layout,
    LayoutKind,
)
from talkreel.core.errors import MediaError
from talkreel.core.jsonio import document, read_document
from talkreel.core.spans import Span
from talkreel.edit.safe_area import safe_area
from talkreel.media.ffmpeg import run_ffmpeg
from talkreel.media.frames import FrameReader
from talkreel.media.probe import probe
from talkreel.pipeline.cover import bare_picture, make_cover
from talkreel.rendering.cover import LEAST_CONTRAST, contrast, plate_opacity, set_title
from talkreel.rendering.render import render

WIDTH, HEIGHT = 180, 320


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds, grey but for a bright half second around 1.5 s."""
    path = tmp_path_factory.mktemp("cover") / "clip.mp4"
    bright = "geq=lum='if(between(T,1.25,1.75),200,60)':cb=128:cr=128"
    source = f"color=gray:s={WIDTH}x{HEIGHT}:r=20:d=2,{bright}"
    arguments = ["-f", "lavfi", "-i", source, "-pix_fmt", "yuv420p", str(path)]
    run_ffmpeg(arguments, timeout_seconds=60)
    return path


def edit(**change: object) -> Edit:
    whole = Span(10.0, 12.0)
    path = CropPath((CropKey(10.0, (0.0, 0.0, 1.0, 1.0)),))
    made = Edit(
        id="a",
        title="A title",
        media_uri="/x.mp4",
        media_digest="0" * 64,
        kept=(whole,),
        canvas=Canvas(WIDTH, HEIGHT, Fraction(20)),
        layouts=(Layout(whole, LayoutKind.CROP, (path,)),),
    )
    return replace(made, **change)  # type: ignore[arg-type]


def written(made: Edit, clip: Path, folder: Path) -> np.ndarray:
    make_cover(made, clip, folder / "c.jpg")
    with Image.open(folder / "c.jpg") as picture:
        assert picture.format == "JPEG"
        return np.asarray(picture.convert("RGB")).astype(int)


def test_the_cover_has_the_clips_size_and_the_wished_picture(clip: Path, tmp_path: Path) -> None:
    picture = written(edit(cover=Cover(time=11.5)), clip, tmp_path)
    assert picture.shape == (HEIGHT, WIDTH, 3)
    assert picture.mean() > 150
    assert written(edit(cover=Cover(time=10.5)), clip, tmp_path).mean() < 100


def test_a_title_is_set_inside_the_safe_area_only_when_asked(clip: Path, tmp_path: Path) -> None:
    plain = written(edit(cover=Cover(time=10.5)), clip, tmp_path)
    titled = written(edit(cover=Cover("Nobody saw it coming", 10.5)), clip, tmp_path)
    changed = np.argwhere(np.abs(titled - plain).max(axis=2) > 40)
    assert len(changed) > 200
    area = safe_area(edit().canvas)
    assert changed[:, 0].min() >= int(area.top * HEIGHT) - 1
    assert changed[:, 0].max() <= int(area.lowest * HEIGHT) + 1
    assert changed[:, 1].min() >= int(area.sides * WIDTH) - 1
    assert changed[:, 1].max() <= int((1 - area.sides) * WIDTH) + 1


def test_a_title_stands_on_the_picture_without_captions(sample_dir: Path, tmp_path: Path) -> None:
    source = probe(sample_dir / "talk.mp4")
    span = Span(5.0, 6.0)
    box = CropPath((CropKey(0.0, (0.4, 0.0, 0.4 + 0.316, 1.0)),))
    cue = CaptionCue(span, ((CaptionWord("Captioned", span),),), 0.7)
    style = CaptionStyle("test", "Roboto Black", "Roboto-Black.ttf", 0.08)
    made = edit(
        media_uri=source.uri,
        media_digest=source.digest,
        kept=(span,),
        canvas=Canvas(360, 640, Fraction(25)),
        layouts=(Layout(span, LayoutKind.CROP, (box,)),),
        captions=Captions(style, (cue,)),
        cover=Cover("Short", 5.5),
    )
    video = render(made, source, tmp_path / "clip.mp4").path
    with FrameReader(probe(video), width=360) as reader:
        shown = reader.at([0.5])[0].image.astype(int)
    bare = bare_picture(made, source, 0.5)
    assert bare is not None
    assert bare.shape == shown.shape
    apart = np.abs(bare - shown).max(axis=2)
    rows = slice(int(0.68 * 640), int(0.8 * 640))
    assert (apart[rows] > 100).sum() > 1000
    assert np.delete(apart, np.r_[rows], axis=0).mean() < 8
    # The last frame of a clip is one too, and another source is not taken for this one.
    assert bare_picture(made, source, 0.99) is not None
    assert bare_picture(replace(made, media_digest="0" * 64), source, 0.5) is None
    make_cover(made, video, tmp_path / "a.jpg", source)
    make_cover(replace(made, captions=None), video, tmp_path / "b.jpg", source)
    assert (tmp_path / "a.jpg").read_bytes() == (tmp_path / "b.jpg").read_bytes()


def test_the_wish_survives_in_the_document() -> None:
    made = edit(cover=Cover("Title", 11.0))
    assert read_document(Edit, document(made, SCHEMA), SCHEMA) == made


def test_no_cover_of_what_is_no_clip(tmp_path: Path) -> None:
    (tmp_path / "x.mp4").write_text("text")
    with pytest.raises(MediaError):
        make_cover(edit(), tmp_path / "x.mp4", tmp_path / "c.jpg")
    assert not (tmp_path / "c.jpg").exists()


@pytest.mark.parametrize("level", [0, 90, 180, 255])
def test_letters_read_on_any_background(level: int) -> None:
    behind = np.full((200, 400, 3), level, np.uint8)
    place = (0.0, 0.2, 1.0, 0.8)
    drawn = set_title(behind, "Plain words", place, "Roboto-Black.ttf")
    plate = drawn[100, 40:360].reshape(-1, 3)
    darkest = (plate.min() / 255) ** 2.2
    assert contrast(1.0, darkest) >= LEAST_CONTRAST
    assert 0.35 <= plate_opacity(behind) <= 1.0


def test_a_long_title_is_broken_and_letters_without_glyphs_fall_back() -> None:
    behind = np.full((640, 360, 3), 90, np.uint8)
    place = (0.1, 0.2, 0.9, 0.35)
    text = "A rather long title that says much more than fits one line"
    drawn = set_title(behind, text, place, "Roboto-Black.ttf")
    rows = np.flatnonzero((drawn.astype(int).min(axis=2) > 200).any(axis=1))
    assert len(np.flatnonzero(np.diff(rows) > 1)) >= 1  # more than one line of letters
    assert rows.min() >= 0.2 * 640
    assert rows.max() <= 0.35 * 640
    assert (set_title(behind, "שלום עולם", place, "Roboto-Black.ttf") != behind).any()
