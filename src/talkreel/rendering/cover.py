"""Drawing a cover: a title set on a still, large, in few lines, with enough contrast."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from talkreel.core.edits import Box
from talkreel.media.fonts import FALLBACK_FILE, find_font, measure_font

Picture = NDArray[np.uint8]

# WCAG 2.2 asks 4.5 of ordinary and 3 of large letters; a thumbnail is small again.
LEAST_CONTRAST = 4.5
_TEXT = (255, 255, 255)
_PLATE = (0, 0, 0)
_MOST_LINES = 3
_LARGEST = 0.075  # of the height
_LINE = 1.18  # of the letter size
_PAD = 0.35  # of the letter size, around the text


def set_title(picture: Picture, title: str, place: Box, font_file: str) -> Picture:
    """[H, W, 3] ``picture`` with ``title`` in ``place``, on a plate as dark as contrast needs.

    Args:
        picture: [H, W, 3] RGB.
        title: one line of text; broken into at most three.
        place: where it may stand, shares of the picture.
        font_file: as ``media.fonts.find_font`` takes it; the fallback draws what it lacks.
    """
    height, width = picture.shape[:2]
    file = _able(font_file, title)
    area = (place[2] - place[0]) * width, (place[3] - place[1]) * height
    lines, size = _fit(title, file, area, height)
    font = ImageFont.truetype(str(find_font(file)), size)
    pad, step = _PAD * size, _LINE * size
    widest = max(font.getlength(line) for line in lines)
    middle_x = (place[0] + place[2]) / 2 * width
    middle_y = (place[1] + place[3]) / 2 * height
    top = middle_y - step * len(lines) / 2
    plate = (
        round(max(0.0, middle_x - widest / 2 - pad)),
        round(max(0.0, top - pad / 2)),
        round(min(float(width), middle_x + widest / 2 + pad)),
        round(min(float(height), top + step * len(lines) + pad / 2)),
    )
    opacity = plate_opacity(picture[plate[1] : plate[3], plate[0] : plate[2]])
    layer = Image.new("RGBA", (width, height), (0, 0, 0, 0))
    ImageDraw.Draw(layer).rounded_rectangle(plate, 0.4 * size, (*_PLATE, round(255 * opacity)))
    canvas = Image.alpha_composite(Image.fromarray(picture).convert("RGBA"), layer)
    draw = ImageDraw.Draw(canvas)
    for number, line in enumerate(lines):
        at = (middle_x, top + step * (number + 0.5))
        draw.text(at, line, font=font, fill=_TEXT, anchor="mm")
    return np.asarray(canvas.convert("RGB"))


def plate_opacity(behind: Picture) -> float:
    """0.35..1: how dense a black plate must be for white letters to read on its lightest part."""
    lightest = float(np.percentile(_luminance(behind), 98)) if behind.size else 1.0
    for opacity in np.arange(0.35, 1.0, 0.05):
        # Blending is done on the coded values, which are about the square root of luminance.
        left = (lightest**0.5 * (1 - opacity)) ** 2
        if contrast(1.0, left) >= LEAST_CONTRAST:
            return float(opacity)
    return 1.0


def contrast(first: float, second: float) -> float:
    """WCAG contrast ratio of two relative luminances 0..1."""
    return (max(first, second) + 0.05) / (min(first, second) + 0.05)


def _luminance(pixels: Picture) -> NDArray[np.float64]:
    coded = pixels.astype(np.float64) / 255
    linear = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear @ np.array([0.2126, 0.7152, 0.0722]))


def _able(font_file: str, title: str) -> str:
    """The font, or the fallback where it lacks a letter of the title."""
    known = measure_font(find_font(font_file)).characters
    return font_file if all(ord(c) in known for c in title if c.isalnum()) else FALLBACK_FILE


def _fit(
    title: str, file: str, area: tuple[float, float], height: int
) -> tuple[tuple[str, ...], int]:
    """The breaking into lines that allows the largest letters, and their size in pixels."""
    measures = measure_font(find_font(file))
    best: tuple[float, tuple[str, ...]] = (0.0, (title,))
    for lines in _breakings(title.split()):
        widest = max(measures.width(line) for line in lines)
        size = min(
            area[0] / (widest + 2 * _PAD),
            area[1] / (_LINE * len(lines) + _PAD),
            _LARGEST * height,
        )
        if size > best[0] + 0.5:
            best = (size, lines)
    return best[1], max(8, int(best[0]))


def _breakings(words: list[str]) -> list[tuple[str, ...]]:
    found = []
    for count in range(1, min(_MOST_LINES, len(words)) + 1):
        for cuts in combinations(range(1, len(words)), count - 1):
            edges = (0, *cuts, len(words))
            found.append(tuple(" ".join(words[a:b]) for a, b in pairwise(edges)))
    return found
