"""Emoji from a colour font made here, read back from a rendered clip."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from talkreel.core.craft import Asset
from talkreel.core.errors import RenderError
from talkreel.core.graphics import Graphics, Sticker
from talkreel.core.media import Media
from talkreel.core.spans import Span
from talkreel.media.fonts import find_font
from talkreel.rendering.render import render
from talkreel.rendering.stickers import draw_glyph

FIRE = "\U0001f525"


def colour_font(path: Path) -> Path:
    """A font whose one emoji is an orange square with a blue one in it (COLR, version 0)."""
    from fontTools.fontBuilder import FontBuilder
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    def square(low: int, high: int) -> Any:
        pen = TTGlyphPen(None)
        pen.moveTo((low, low))
        for point in ((low, high), (high, high), (high, low)):
            pen.lineTo(point)
        pen.closePath()
        return pen.glyph()

    names = [".notdef", "fire", "outer", "inner"]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(FIRE): "fire"})
    shapes = [square(0, 10), square(0, 900), square(0, 900), square(300, 600)]
    builder.setupGlyf(dict(zip(names, shapes, strict=True)))
    builder.setupHorizontalMetrics({**dict.fromkeys(names, (1000, 0)), "inner": (1000, 300)})
    builder.setupHorizontalHeader(ascent=900, descent=-100)
    builder.setupNameTable({"familyName": "Mine", "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=900, usWinAscent=900, usWinDescent=100)
    builder.setupPost()
    builder.setupCPAL([[(1.0, 0.5, 0.0, 1.0), (0.0, 0.0, 1.0, 1.0)]])
    builder.setupCOLR({"fire": [("outer", 0), ("inner", 1)]})
    builder.save(path)
    return path


def test_an_emoji_is_drawn_in_its_colours_for_its_time(
    workshop: Any, numbered: Media, tmp_path: Path
) -> None:
    path = colour_font(tmp_path / "emoji.ttf")
    font = Asset(str(path), hashlib.sha256(path.read_bytes()).hexdigest())
    box = (0.4, 0.55, 0.4 + 0.2 * 180 / 320, 0.75)
    sticker = Sticker(FIRE, Span(1.0, 2.0), font, box)
    edit = workshop.edit(numbered, [Span(0.0, 3.0)], graphics=Graphics(stickers=(sticker,)))
    render(edit, numbered, tmp_path / "a.mp4")
    x, y, side = 128, 100, 36
    for second, there in ((0.9, False), (1.05, True), (1.9, True), (2.05, False)):
        frame = workshop.rgb(tmp_path / "a.mp4", second).astype(int)
        rim = frame[y + 3 : y + 8, x + 4 : x + side - 4].reshape(-1, 3).mean(axis=0)
        middle = frame[y + 16 : y + 20, x + 16 : x + 20].reshape(-1, 3).mean(axis=0)
        assert bool(rim[0] > 200 and rim[2] < 80) is there
        assert bool(middle[2] > 150 and middle[0] < 100) is there


def test_a_font_without_the_emoji_draws_nothing_and_a_broken_one_is_named(tmp_path: Path) -> None:
    assert draw_glyph(FIRE, colour_font(tmp_path / "emoji.ttf")) is not None
    (tmp_path / "wrong.ttf").write_text("not a font")
    with pytest.raises(RenderError, match=r"wrong\.ttf is no font that can be drawn"):
        draw_glyph(FIRE, tmp_path / "wrong.ttf")
    assert draw_glyph(" ", find_font("Roboto-Bold.ttf")) is None
