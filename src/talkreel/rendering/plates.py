"""Boxes behind captions as ASS vector drawings: one behind a cue, one behind the lit word."""

from __future__ import annotations

from collections.abc import Sequence

from talkreel.core.edits import CaptionCue, CaptionWord, join_words
from talkreel.rendering.ass_text import LINE_HEIGHT, Setting, ass_colour, runs_right_to_left

_CUE_PADDING = (0.38, 0.16)
_CUE_RADIUS = 0.28
# Less than half a blank, so that the box of a word does not touch its neighbours.
_WORD_PADDING = 0.13
_WORD_RADIUS = 0.18
# The box of a word ends this far inside its line: below the tails of letters.
_WORD_INSET = 0.01


def cue_plate(cue: CaptionCue, setting: Setting) -> str:
    """A rounded box behind all lines."""
    em, style = setting.em, setting.style
    shown = [shown_text(line, setting) for line in cue.lines]
    half = em * (max(setting.font.width(text) for text in shown) / 2 + _CUE_PADDING[0])
    tall = em * (LINE_HEIGHT * len(shown) + 2 * _CUE_PADDING[1])
    x = setting.canvas.width / 2 - half
    y = cue.top * setting.canvas.height - _CUE_PADDING[1] * em
    alpha = round(255 * (1 - style.plate_opacity))
    radius = _CUE_RADIUS * em
    return box(x, y, 2 * half, tall, radius, style.plate_colour or "#000000", alpha)


def word_plate(
    line: Sequence[CaptionWord], active: int, top: float, number: int, setting: Setting
) -> str:
    """A rounded box behind word ``active`` of line ``number`` of a block at ``top``."""
    em = setting.em
    left, width = word_place(line, active, setting)
    x = setting.canvas.width / 2 + em * (left - _WORD_PADDING)
    y = top * setting.canvas.height + em * (number * LINE_HEIGHT + _WORD_INSET)
    wide, tall = em * (width + 2 * _WORD_PADDING), em * (LINE_HEIGHT - 2 * _WORD_INSET)
    colour = setting.style.active_plate or "#000000"
    return box(x, y, wide, tall, _WORD_RADIUS * em, colour, 0)


def word_place(line: Sequence[CaptionWord], index: int, setting: Setting) -> tuple[float, float]:
    """(left edge from the middle of the line, width) of a word, in em.

    A line of right-to-left words begins at its right end.
    """
    font = setting.font
    whole = font.width(shown_text(line, setting))
    width = font.width(shown_text(line[index : index + 1], setting))
    before = font.width(shown_text(line[: index + 1], setting)) - width
    if runs_right_to_left(join_words(line)):
        before = whole - before - width
    return before - whole / 2, width


def shown_text(words: Sequence[CaptionWord], setting: Setting) -> str:
    """``words`` as they are drawn."""
    text = join_words(words)
    return text.upper() if setting.style.uppercase else text


def box(
    x: float, y: float, width: float, height: float, radius: float, colour: str, alpha: int
) -> str:
    """A rectangle with round corners, in pixels; ``alpha`` is 0 (opaque) to 255."""
    look = f"{{\\an7\\pos({x:.1f},{y:.1f})\\1c&H{ass_colour(colour)[4:]}&"
    return f"{look}\\1a&H{alpha:02X}&\\bord0\\shad0\\p1}}" + _rounded(width, height, radius)


def _rounded(width: float, height: float, radius: float) -> str:
    """A rectangle with round corners in ASS drawing commands."""
    w, h, r = round(width), round(height), round(radius)
    k = round(radius * 0.45)  # control points of a quarter circle lie 0.55 r from its ends
    return (
        f"m {r} 0 l {w - r} 0 b {w - k} 0 {w} {k} {w} {r} l {w} {h - r} "
        f"b {w} {h - k} {w - k} {h} {w - r} {h} l {r} {h} b {k} {h} 0 {h - k} 0 {h - r} "
        f"l 0 {r} b 0 {k} {k} 0 {r} 0"
    )
