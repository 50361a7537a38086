"""Where cards stand: inside the safe area, off faces and captions, large enough to read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from talkreel.core.edits import Box, Canvas, Captions, CaptionStyle
from talkreel.core.graphics import Card, CardKind, CardLine
from talkreel.core.spans import Span
from talkreel.edit.captions import block_height, edge_height, line_width
from talkreel.edit.safe_area import SafeArea
from talkreel.media.fonts import text_width

TITLE_SECONDS = 2.0
LOWER_THIRD_SECONDS = 3.5
# Distance of lines, as captions are drawn.
LINE_HEIGHT = 1.2
# Em heights on a 9:16 canvas, tried from the largest; the smallest can still be read on a phone.
_TITLE_SIZES = (0.050, 0.044, 0.038, 0.032, 0.027)
_TITLE_LINES = 4
_NAME_SIZE, _ROLE_SIZE = 0.026, 0.019
_REFERENCE = 4.0 / 3.0
# Padding of a plate in em of its first line.
_PADDING_EM = 0.55
# Kept between a card and captions, share of the height.
_GAP = 0.012
# A face may be covered by this share at most; then a smaller card is tried, and then none.
_COVER_LIMIT = 0.12
_STEPS = 24
# Faces are looked for so often while a card stands, and over the rest of its layout: a detector
# misses a face for seconds on end, and it is there all the same.
_LOOKS, _LOOKS_AROUND = 5, 24


@dataclass(frozen=True, slots=True)
class CardLook:
    """How cards look; a brand kit changes it."""

    font: str = "Roboto Black"
    font_file: str = "Roboto-Black.ttf"
    font_digest: str = ""
    colour: str = "#FFFFFF"
    second_colour: str = "#D8DCE4"
    plate_colour: str = "#101014"
    plate_opacity: float = 0.86
    accent: str | None = None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a card must keep off.

    Attributes:
        canvas: it stands on.
        area: what platforms leave free.
        captions: of the clip, or None.
        faces_at: boxes on the canvas at a source second, or None where none are known.
        taken: boxes of other cards and the logo.
        scene: over which the picture is laid out as it is while the card stands, or None.
    """

    canvas: Canvas
    area: SafeArea
    captions: Captions | None = None
    faces_at: Callable[[float], Sequence[Box]] | None = None
    taken: tuple[Box, ...] = ()
    scene: Span | None = None


def title_card(text: str, span: Span, look: CardLook, around: Surroundings) -> Card | None:
    """``text`` as large as there is room for; None where every place would hide a face."""
    best: Card | None = None
    for size in _TITLE_SIZES:
        card = _title_at(text, size * _scale(around.canvas), span, look, around)
        if card is None:
            continue
        placed = _placed(card, around, preferred=0.22)
        if placed is None:
            continue
        best, cover = placed
        if cover <= _COVER_LIMIT:
            return best
    return None


def lower_third(
    name: str, role: str, span: Span, look: CardLook, around: Surroundings
) -> Card | None:
    """Somebody's name and role at the left edge; None where there is no room."""
    scale = _scale(around.canvas)
    lines = [CardLine(name, _NAME_SIZE * scale, look.colour)]
    if role:
        lines.append(CardLine(role, _ROLE_SIZE * scale, look.second_colour))
    card = _card(CardKind.LOWER_THIRD, lines, span, look, around, centred=False)
    placed = None if card is None else _placed(card, around, preferred=0.6)
    return placed[0] if placed is not None and placed[1] <= _COVER_LIMIT else None


def _scale(canvas: Canvas) -> float:
    return _REFERENCE * float((canvas.width / canvas.height) ** 0.5)


def _title_at(
    text: str, size: float, span: Span, look: CardLook, around: Surroundings
) -> Card | None:
    style = _style(look, size)
    room = _room(size, around)
    lines = _balanced(text.split(), style, room)
    if lines is None or len(lines) > _TITLE_LINES:
        return None
    made = [CardLine(line, size, look.colour) for line in lines]
    return _card(CardKind.TITLE, made, span, look, around, centred=True)


def _room(size: float, around: Surroundings) -> float:
    """Widest line in em."""
    canvas = around.canvas
    em_px = size * canvas.height
    return around.area.width * canvas.width / em_px - 2 * _PADDING_EM


def _balanced(words: Sequence[str], style: CaptionStyle, room: float) -> list[str] | None:
    """Lines of about equal width, as few as fit; None where a word is wider than ``room``."""
    if not words or max(text_width(word, style) for word in words) > room:
        return None
    count = len(_filled(words, style, room))
    low, high = 0.0, room
    # The narrowest column that still takes no more lines.
    for _ in range(12):
        middle = (low + high) / 2
        lines = _filled(words, style, middle)
        fits = len(lines) <= count and all(text_width(line, style) <= middle for line in lines)
        low, high = (low, middle) if fits else (middle, high)
    return _filled(words, style, high)


def _filled(words: Sequence[str], style: CaptionStyle, room: float) -> list[str]:
    lines: list[str] = []
    for word in words:
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, style) <= room:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _style(look: CardLook, size: float) -> CaptionStyle:
    return CaptionStyle("card", look.font, look.font_file, size)


def _card(
    kind: CardKind,
    lines: Sequence[CardLine],
    span: Span,
    look: CardLook,
    around: Surroundings,
    *,
    centred: bool,
) -> Card | None:
    """The card at the upper left of the safe area; None where it does not fit."""
    canvas, area = around.canvas, around.area
    padding = _PADDING_EM * lines[0].size
    aspect = canvas.width / canvas.height
    widths = [text_width(line.text, _style(look, line.size)) * line.size for line in lines]
    width = (max(widths) + 2 * padding) / aspect
    height = sum(LINE_HEIGHT * line.size for line in lines) + 1.3 * padding
    if width > area.width + 1e-9 or height > area.lowest - area.top:
        return None
    left = (1 - width) / 2 if centred else area.sides
    return Card(
        kind=kind,
        span=span,
        lines=tuple(lines),
        font=look.font,
        font_file=look.font_file,
        font_digest=look.font_digest,
        box=(left, area.top, left + width, area.top + height),
        padding=padding,
        plate_colour=look.plate_colour,
        plate_opacity=look.plate_opacity,
        accent=look.accent,
        centred=centred,
    )


def _placed(card: Card, around: Surroundings, *, preferred: float) -> tuple[Card, float] | None:
    """The card at its best height, and the share of a face it covers there."""
    left, top, right, bottom = card.box
    height = bottom - top
    area = around.area
    blocked = [*_caption_boxes(card.span, around), *around.taken]
    scene = around.scene or card.span
    times = [
        *np.linspace(card.span.start, card.span.end, _LOOKS),
        *np.linspace(scene.start, scene.end, _LOOKS_AROUND),
    ]
    faces = [list(around.faces_at(float(t))) if around.faces_at else [] for t in times]
    best: tuple[float, float, Box] | None = None
    for y in np.linspace(area.top, area.lowest - height, _STEPS):
        box = (left, float(y), right, float(y) + height)
        if any(meet(box, other) for other in blocked):
            continue
        cover = max((max((_covered(f, box) for f in now), default=0.0) for now in faces), default=0)
        cost = cover + 0.05 * abs(float(y) - preferred)
        if best is None or cost < best[0]:
            best = (cost, cover, box)
    return None if best is None else (replace(card, box=best[2]), best[1])


def _caption_boxes(span: Span, around: Surroundings) -> list[Box]:
    captions = around.captions
    if captions is None:
        return []
    edge = edge_height(captions.style) + _GAP
    boxes = []
    for cue in captions.cues:
        if cue.span.overlap(span) > 0:
            half = max(line_width(line, captions.style, around.canvas) for line in cue.lines) / 2
            low = cue.top + block_height(captions.style, len(cue.lines))
            boxes.append((0.5 - half, cue.top - edge, 0.5 + half, low + edge))
    return boxes


def meet(a: Box, b: Box) -> bool:
    """Whether two boxes overlap."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _covered(face: Box, box: Box) -> float:
    across = max(0.0, min(face[2], box[2]) - max(face[0], box[0]))
    down = max(0.0, min(face[3], box[3]) - max(face[1], box[1]))
    area = (face[2] - face[0]) * (face[3] - face[1])
    return across * down / area if area > 0 else 0.0
