"""Title cards and lower thirds as ASS events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from talkreel.core.edits import Canvas, CaptionStyle
from talkreel.core.graphics import Card
from talkreel.core.spans import TimeMap
from talkreel.media.fonts import find_font, measure_font
from talkreel.rendering.ass_text import (
    LINE_HEIGHT,
    Setting,
    ass_colour,
    drawable,
    event,
    runs_right_to_left,
    style_line,
)
from talkreel.rendering.plates import box

_RADIUS = 0.35  # of the first line's em
_BAR = 0.16


def card_styles(
    cards: Sequence[Card], canvas: Canvas, times: TimeMap, frames: int
) -> Iterator[tuple[str, list[str]]]:
    """The style line and the events of each card."""
    for number, card in enumerate(cards):
        name = f"Card{number}"
        yield _styled(name, card, canvas, times, frames)


def _styled(
    name: str, card: Card, canvas: Canvas, times: TimeMap, frames: int
) -> tuple[str, list[str]]:
    font = measure_font(find_font(card.font_file))
    look = CaptionStyle(name, card.font, card.font_file, card.lines[0].size, outline=0.0)
    setting = Setting(look, font, canvas, times, frames)
    first, last = setting.frame(card.span.start), setting.frame(card.span.end)
    if last <= first:
        return style_line(name, setting), []
    events = [event(2, first, last, setting, name, plate) for plate in _plates(card, setting)]
    top = card.box[1] + 0.65 * card.padding
    for line in card.lines:
        size = line.size * canvas.height
        # From the top of the line's box to libass' ascent line, capitals in the middle.
        y = top * canvas.height + ((LINE_HEIGHT + font.cap_height) / 2 - font.ascent) * size
        place = _place(card, y, canvas)
        tags = f"\\fs{font.ass_size(size):.2f}\\1c&H{ass_colour(line.colour)[4:]}&"
        if runs_right_to_left(line.text):
            tags += "\\fe-1"
        text = f"{{{place}{tags}}}{drawable(line.text, setting)}"
        events.append(event(3, first, last, setting, name, text))
        top += LINE_HEIGHT * line.size
    return style_line(name, setting), events


def _place(card: Card, y: float, canvas: Canvas) -> str:
    if card.centred:
        x = (card.box[0] + card.box[2]) / 2 * canvas.width
        return f"\\an8\\q2\\pos({x:.1f},{y:.2f})"
    x = card.box[0] * canvas.width + card.padding * canvas.height
    return f"\\an7\\q2\\pos({x:.1f},{y:.2f})"


def _plates(card: Card, setting: Setting) -> Iterator[str]:
    canvas = setting.canvas
    left, top = card.box[0] * canvas.width, card.box[1] * canvas.height
    width = card.box[2] * canvas.width - left
    height = card.box[3] * canvas.height - top
    alpha = round(255 * (1 - card.plate_opacity))
    yield box(left, top, width, height, _RADIUS * setting.em, card.plate_colour, alpha)
    if card.accent is not None:
        bar = _BAR * setting.em
        inset = _RADIUS * setting.em
        yield box(left, top + inset, bar, height - 2 * inset, bar / 2, card.accent, 0)
