"""Whether captions can be read on what is behind them: contrast as WCAG 2.2 defines it.

A letter is set off by the ring around it. Where the outline fills the ring, the letter is judged
against the outline; where it fills a part, against outline and background in that proportion.
https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from talkreel.core.arrays import FloatArray
from talkreel.core.edits import Captions, CaptionStyle

# What WCAG asks of text at level AA.
ENOUGH = 4.5
# Share of the background that may fall short: a speck of light behind one letter is no harm.
_WORST_SHARE = 5.0
# The ring that sets a letter off, in em: about the stroke of a bold letter.
_RING_EM = 0.1
_DARK_PLATE, _LIGHT_PLATE = "#101014", "#FFFFFF"
_OPACITIES = (0.55, 0.65, 0.75, 0.85, 0.95)
# sRGB of every gray, the backgrounds that a style is judged on when none is known.
GRAYS = np.repeat(np.linspace(0, 255, 52)[:, None], 3, axis=1)


def luminance(rgb: FloatArray) -> FloatArray:
    """[...] relative luminance of [..., 3] sRGB values 0..255."""
    share = np.asarray(rgb, dtype=np.float64) / 255.0
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear @ np.array([0.2126, 0.7152, 0.0722]), dtype=np.float64)


def ratio(first: FloatArray, second: FloatArray) -> FloatArray:
    """Contrast of two relative luminances, 1..21."""
    high, low = np.maximum(first, second), np.minimum(first, second)
    return np.asarray((high + 0.05) / (low + 0.05), dtype=np.float64)


def rgb_of(colour: str) -> FloatArray:
    """[3] of ``#RRGGBB``."""
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], dtype=np.float64)


def text_colours(captions: Captions) -> frozenset[str]:
    """Every colour that a word of ``captions`` has at some time."""
    style = captions.style
    words = [word for cue in captions.cues for line in cue.lines for word in line]
    named = {style.colour, style.active_colour, style.spoken_colour}
    named |= {word.colour for word in words}
    if any(word.emphasis for word in words):
        named.add(style.emphasis_colour)
    return frozenset(colour for colour in named if colour is not None)


def text_contrast(
    style: CaptionStyle, colours: Iterable[str], backgrounds: FloatArray
) -> FloatArray:
    """[N] contrast of the least readable of ``colours`` on each of [N, 3] sRGB backgrounds.

    A word on its own box (``active_plate``) is on known ground and is not judged here.
    """
    behind = np.asarray(backgrounds, dtype=np.float64)
    if style.plate_colour is not None:
        share = style.plate_opacity
        behind = behind * (1 - share) + rgb_of(style.plate_colour) * share
    covered = min(1.0, style.outline / (_RING_EM * style.size))
    ring = covered * luminance(rgb_of(style.outline_colour)) + (1 - covered) * luminance(behind)
    each = [ratio(luminance(rgb_of(colour)), ring) for colour in colours]
    return np.asarray(np.min(each, axis=0), dtype=np.float64)


def low_contrast(style: CaptionStyle, colours: Iterable[str], backgrounds: FloatArray) -> float:
    """What all but the worst twentieth of the background reaches."""
    return float(np.percentile(text_contrast(style, colours, backgrounds), _WORST_SHARE))


def always_readable(style: CaptionStyle, colours: Iterable[str]) -> bool:
    """Whether the contrast is enough whatever is behind."""
    return float(text_contrast(style, colours, GRAYS).min()) >= ENOUGH


def plated(style: CaptionStyle, colours: Iterable[str], backgrounds: FloatArray) -> CaptionStyle:
    """``style`` on the faintest plate on which it can be read; the densest if none is enough."""
    colours = list(colours)
    mean = np.mean([luminance(rgb_of(colour)) for colour in colours])
    plate = _DARK_PLATE if mean > luminance(rgb_of("#777777")) else _LIGHT_PLATE
    tried = style
    for opacity in _OPACITIES:
        tried = replace(style, plate_colour=plate, plate_opacity=opacity)
        if low_contrast(tried, colours, backgrounds) >= ENOUGH:
            break
    return tried
