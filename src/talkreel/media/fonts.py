"""Fonts: where installed packages have them, what they hold, and how libass measures them.

A font is named by the name of a file in one of the font packages, or by an absolute path (a
brand's own font).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from talkreel.core.digests import file_sha256
from talkreel.core.edits import CaptionStyle
from talkreel.core.errors import RenderError

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

# (package, folder inside it). The specs are looked up without importing the packages.
_PACKAGES = (("font_roboto", "files"), ("matplotlib", "mpl-data/fonts/ttf"))
# Covers Latin, Greek, Cyrillic, Hebrew, Arabic, arrows and symbols that display faces lack.
FALLBACK_FAMILY = "DejaVu Sans"
FALLBACK_FILE = "DejaVuSans-Bold.ttf"
# Where systems and their packages put fonts that no Python package carries.
CJK_FONTS = (
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Bold.ttc",  # Debian: fonts-noto-cjk
    "/usr/share/fonts/google-noto-sans-cjk-fonts/NotoSansCJK-Bold.ttc",
    "/usr/share/fonts/noto-cjk/NotoSansCJK-Bold.ttc",
    "/System/Library/Fonts/PingFang.ttc",
    "C:/Windows/Fonts/msyhbd.ttc",
)
EMOJI_FONTS = (
    "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf",  # Debian: fonts-noto-color-emoji
    "/usr/share/fonts/google-noto-color-emoji-fonts/NotoColorEmoji.ttf",
    "/usr/share/fonts/noto/NotoColorEmoji.ttf",
    "/System/Library/Fonts/Apple Color Emoji.ttc",
    "C:/Windows/Fonts/seguiemj.ttf",
)
_BOLD_WEIGHT = 600
_USUAL_CAP_HEIGHT = 0.72
# Widths are measured at this size and scaled; hinting would round them at small sizes.
_MEASURE_PX = 200


@dataclass(frozen=True, slots=True)
class FontMeasures:
    """A font's lengths in ems.

    Attributes:
        file: where it is.
        ascent: of the line as libass makes it (OS/2 win metrics), above the baseline.
        descent: likewise, below.
        cap_height: of a capital letter.
        bold: whether the face is a bold one, so that it must not be thickened again.
        characters: code points it can draw.
        family: the name libass finds it by.
    """

    file: Path
    ascent: float
    descent: float
    cap_height: float
    bold: bool
    characters: frozenset[int]
    family: str = ""

    def ass_size(self, em_px: float) -> float:
        """The ``Fontsize`` at which libass draws an em of ``em_px`` pixels.

        libass sizes a font by ascent plus descent, not by its em.
        """
        return em_px * (self.ascent + self.descent)

    def width(self, text: str) -> float:
        """Advance width of ``text``, kerning included."""
        from PIL import ImageFont

        return float(ImageFont.truetype(str(self.file), _MEASURE_PX).getlength(text)) / _MEASURE_PX


def font_folders() -> list[Path]:
    """Folders with the fonts of the installed font packages, in order of preference."""
    folders = []
    for package, inner in _PACKAGES:
        spec = find_spec(package)
        for root in (spec.submodule_search_locations or ()) if spec else ():
            if (Path(root) / inner).is_dir():
                folders.append(Path(root) / inner)
                break
    return folders


@lru_cache(maxsize=64)
def find_font(file_name: str) -> Path:
    """The font called ``file_name`` in the installed font packages; a path is taken as it is.

    Raises:
        RenderError: there is no such font.
    """
    if Path(file_name).is_absolute() and Path(file_name).is_file():
        return Path(file_name)
    for folder in font_folders():
        if (folder / Path(file_name).name).is_file():
            return folder / Path(file_name).name
    looked = ", ".join(package for package, _ in _PACKAGES)
    raise RenderError(
        f"no font file {file_name!r} in {looked}: choose another caption style, install these "
        "packages (make setup), or give its path"
    )


@lru_cache(maxsize=32)
def measure_font(file: Path) -> FontMeasures:
    """Read the measures of a TrueType or OpenType font.

    Raises:
        RenderError: the file is no font.
    """
    from fontTools.ttLib import TTFont, TTLibError

    try:
        with TTFont(file, fontNumber=0) as font:
            em = float(font["head"].unitsPerEm)
            os2, hhea = font["OS/2"], font["hhea"]
            ascent, descent = float(os2.usWinAscent), float(os2.usWinDescent)
            if ascent + descent == 0:
                ascent, descent = float(hhea.ascender), -float(hhea.descender)
            cap = float(getattr(os2, "sCapHeight", 0) or 0) or _USUAL_CAP_HEIGHT * em
            return FontMeasures(
                file=file,
                ascent=ascent / em,
                descent=descent / em,
                cap_height=cap / em,
                bold=os2.usWeightClass >= _BOLD_WEIGHT,
                characters=frozenset(font.getBestCmap() or {}),
                # The full name: a file is one face, and its family alone may name several.
                family=str(font["name"].getDebugName(4) or font["name"].getDebugName(1) or ""),
            )
    except (TTLibError, KeyError, OSError) as error:
        raise RenderError(f"{file.name!r} cannot be used as a font: {error}") from error


def gather_fonts(folder: Path, files: Iterable[str]) -> None:
    """Copy the fonts into ``folder``, the only one that libass is shown."""
    folder.mkdir()
    for name in dict.fromkeys(files):
        found = find_font(name)
        shutil.copyfile(found, folder / found.name)


def cjk_font() -> Path | None:
    """An installed font for Chinese, Japanese and Korean."""
    return _first(CJK_FONTS)


def emoji_font() -> Path | None:
    """An installed colour font."""
    return _first(EMOJI_FONTS)


def _first(places: Iterable[str]) -> Path | None:
    return next((path for path in map(Path, places) if path.is_file()), None)


def check_font(file_name: str, digest: str) -> None:
    """See that a font named by path is the one an edit was made with.

    Raises:
        RenderError: it is gone or was changed.
    """
    if file_sha256(find_font(file_name)) != digest:
        raise RenderError(f"the font {file_name} was changed since the edit was made: make it anew")


def font_for(style: CaptionStyle, texts: Iterable[str]) -> CaptionStyle:
    """``style``, with another font where its own lacks letters of ``texts``.

    That is the fallback, or an installed one for Chinese, Japanese and Korean. One font for the
    whole clip: mixed fonts look like a mistake. Signs that no font has (emoji) do not decide.
    """
    needed = {ord(c) for text in texts for c in _shown(text, style) if c.isalnum()}
    missing = len(needed - _glyphs(style.font_file))
    if not missing:
        return style
    missing_there = len(needed - _glyphs(FALLBACK_FILE))
    wide = cjk_font() if missing_there else None
    if wide is not None and len(needed - _glyphs(str(wide))) < min(missing, missing_there):
        family = measure_font(wide).family
        return replace(style, font=family, font_file=str(wide), font_digest=file_sha256(wide))
    if missing_there >= missing:
        return style
    return replace(style, font=FALLBACK_FAMILY, font_file=FALLBACK_FILE, font_digest="")


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

    path = str(find_font(file_name))
    return ImageFont.truetype(path, _MEASURE_PX, layout_engine=ImageFont.Layout.BASIC)


def _glyphs(file_name: str) -> frozenset[int]:
    return measure_font(find_font(file_name)).characters
