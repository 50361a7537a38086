"""What a delivered clip is warned about."""

from __future__ import annotations

from fractions import Fraction

import pytest

from talkreel.core.edits import (
    Canvas,
    CaptionCue,
    Captions,
    CaptionWord,
    Edit,
    Layout,
    LayoutKind,
)
from talkreel.core.spans import Span
from talkreel.edit.styles import find_style
from talkreel.pipeline.make import caption_warnings

SPAN = Span(0.0, 2.0)


def edit_with(text: str | None) -> Edit:
    captions = None
    if text is not None:
        cue = CaptionCue(SPAN, ((CaptionWord(text, SPAN),),), 0.7)
        captions = Captions(find_style("bold"), (cue,))
    return Edit(
        id="x",
        title="x",
        media_uri="x.mp4",
        media_digest="0" * 64,
        kept=(SPAN,),
        canvas=Canvas(1080, 1920, Fraction(30)),
        layouts=(Layout(SPAN, LayoutKind.WAVEFORM, ()),),
        captions=captions,
    )


@pytest.mark.parametrize("text", [None, "plain", "naïve", "Привет"])
def test_what_a_font_can_draw_is_no_warning(text: str | None) -> None:
    assert caption_warnings(edit_with(text)) == ()


def test_what_no_font_can_draw_is_named() -> None:
    (line,) = caption_warnings(edit_with("漢字"))
    assert "漢" in line
    assert "字" in line
