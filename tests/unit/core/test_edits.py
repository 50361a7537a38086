from __future__ import annotations

from fractions import Fraction

import pytest

from talkreel.core.edits import (
    Canvas,
    CaptionCue,
    CaptionWord,
    CropKey,
    CropPath,
    Edit,
    Layout,
    LayoutKind,
    Motion,
)
from talkreel.core.spans import Span

BOX = (0.25, 0.0, 0.75, 1.0)


def path(*keys: CropKey, motion: Motion = Motion.HOLD) -> CropPath:
    return CropPath(keys or (CropKey(0, BOX),), motion)


def edit(**changes: object) -> Edit:
    fields: dict[str, object] = {
        "id": "x",
        "title": "X",
        "media_uri": "/a.mp4",
        "media_digest": "0",
        "kept": (Span(1, 3),),
        "canvas": Canvas(1080, 1920, Fraction(25)),
        "layouts": (Layout(Span(1, 3), LayoutKind.CROP, (path(),)),),
    }
    return Edit(**(fields | changes))  # type: ignore[arg-type]


def test_hold_jumps_and_linear_moves() -> None:
    keys = (CropKey(0, (0.0, 0.0, 0.5, 1.0)), CropKey(2, (0.5, 0.0, 1.0, 1.0)))
    assert path(*keys).box_at(1.9)[0] == 0.0
    assert path(*keys).box_at(2.0)[0] == 0.5
    assert path(*keys, motion=Motion.LINEAR).box_at(1.0)[0] == pytest.approx(0.25)
    assert path(*keys, motion=Motion.LINEAR).box_at(9.0)[0] == 0.5


def test_crop_boxes_stay_in_the_picture() -> None:
    with pytest.raises(ValueError, match="inside the picture"):
        CropKey(0, (0.5, 0.0, 1.2, 1.0))


def test_crop_keys_ascend_and_moving_crops_keep_their_size() -> None:
    with pytest.raises(ValueError, match="ascend"):
        path(CropKey(1, BOX), CropKey(1, BOX))
    with pytest.raises(ValueError, match="keeps its size"):
        path(CropKey(0, BOX), CropKey(1, (0, 0, 1, 1)), motion=Motion.LINEAR)
    with pytest.raises(ValueError, match="at least one key"):
        CropPath(())


def test_layout_needs_the_paths_of_its_kind() -> None:
    with pytest.raises(ValueError, match="needs 2"):
        Layout(Span(0, 1), LayoutKind.SPLIT, (path(),))


def test_canvas_sizes_are_even() -> None:
    with pytest.raises(ValueError, match="even"):
        Canvas(1081, 1920, Fraction(25))


def test_cues_hold_words() -> None:
    with pytest.raises(ValueError, match="words"):
        CaptionCue(Span(0, 1), ((),), 0.7)
    cue = CaptionCue(Span(0, 1), ((CaptionWord("Hello", Span(0, 1)),),), 0.7)
    assert cue.text == "Hello"


def test_layouts_must_cover_what_is_kept() -> None:
    with pytest.raises(ValueError, match="layouts cover"):
        edit(kept=(Span(1, 5),))
    with pytest.raises(ValueError, match="needs a layout"):
        edit(layouts=())
    assert edit().time_map.duration == 2
