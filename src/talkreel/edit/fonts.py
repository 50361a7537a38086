"""Fonts from installed packages: where they are, what they hold, how wide a text is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from talkreel.core.edits import CaptionStyle
from talkreel.core.errors import InputError

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

# (package, folder inside it). The specs are looked up without importing the packages.
_PACKAGES = (("font_roboto", "files"), ("matplotlib", "mpl-data/fonts/ttf"))
FALLBACK_FONT = "DejaVu Sans"
FALLBACK_FILE = "DejaVuSans-Bold.ttf"
# Widths are measured at this size and scaled; hinting would round them at small sizes.
_MEASURE_PX = 200


def font_folders() -> list[Path]:
    """Folders with the fonts of the installed font packages, in order of preference."""
    folders = []
    for package, inner in _PACKAGES:
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            continue
        folder = Path(spec.origin).parent / inner
        if folder.is_dir():
            folders.append(folder)
    return folders


@lru_cache(maxsize=32)
def font_path(file_name: str) -> Path:
    """The font file called ``file_name``.

    Raises:
        InputError: no installed package has it.
    """
    for folder in font_folders():
        if (folder / file_name).is_file():
            return folder / file_name
    packages = " and ".join(package for package, _ in _PACKAGES)
    raise InputError(f"no font file {file_name!r}: install the packages {packages}")


def font_for(style: CaptionStyle, texts: Iterable[str]) -> CaptionStyle:
    """``style``, with the fallback font where its own lacks letters of ``texts``.

    One font for the whole clip: mixed fonts look like a mistake. Signs that no font has
    (emoji) do not decide.
    """
    needed = {ord(c) for text in texts for c in _shown(text, style) if c.isalnum()}
    if needed <= _glyphs(style.font_file):
        return style
    missing_there = len(needed - _glyphs(FALLBACK_FILE))
    if missing_there >= len(needed - _glyphs(style.font_file)):
        return style
    return replace(style, font=FALLBACK_FONT, font_file=FALLBACK_FILE)


def missing_characters(style: CaptionStyle, texts: Iterable[str]) -> str:
    """Characters of ``texts`` that neither the style's font nor the fallback can draw."""
    known = _glyphs(style.font_file) | _glyphs(FALLBACK_FILE)
    shown = {c for text in texts for c in _shown(text, style) if not c.isspace()}
    return "".join(sorted(c for c in shown if ord(c) not in known))


def text_width(text: str, style: CaptionStyle) -> float:
    """Width of one line in em, outline and shadow not included.

    A word with a sign that the style's font lacks is drawn in the fallback font.
    """
    known = _glyphs(style.font_file)
    words = _shown(text, style).split(" ")
    if all(ord(c) in known for word in words for c in word):
        return float(_face(style.font_file).getlength(" ".join(words))) / _MEASURE_PX
    files = [
        style.font_file if all(ord(c) in known for c in word) else FALLBACK_FILE for word in words
    ]
    widths = [_face(file).getlength(word) for file, word in zip(files, words, strict=True)]
    blanks = _face(style.font_file).getlength(" ") * (len(words) - 1)
    return float(sum(widths) + blanks) / _MEASURE_PX


def _shown(text: str, style: CaptionStyle) -> str:
    return text.upper() if style.uppercase else text


@lru_cache(maxsize=32)
def _face(file_name: str) -> FreeTypeFont:
    from PIL import ImageFont

    path = str(font_path(file_name))
    return ImageFont.truetype(path, _MEASURE_PX, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=32)
def _glyphs(file_name: str) -> frozenset[int]:
    from fontTools.ttLib import TTFont

    with TTFont(font_path(file_name), lazy=True) as font:
        return frozenset(font.getBestCmap())
