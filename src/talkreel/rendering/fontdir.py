"""Finding a caption font in installed packages, and its measures as libass uses them."""

from __future__ import annotations

import importlib.util
import shutil
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from talkreel.core.errors import RenderError

# Packages that carry fonts, and where in them.
_PACKAGES = (("font_roboto", "files"), ("matplotlib", "mpl-data/fonts/ttf"))
# Covers Latin, Greek, Cyrillic, arrows and symbols that display faces lack.
FALLBACK_FILE = "DejaVuSans-Bold.ttf"
FALLBACK_FAMILY = "DejaVu Sans"
_BOLD_WEIGHT = 600
_USUAL_CAP_HEIGHT = 0.72


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
    """

    file: Path
    ascent: float
    descent: float
    cap_height: float
    bold: bool
    characters: frozenset[int]

    def ass_size(self, em_px: float) -> float:
        """The ``Fontsize`` at which libass draws an em of ``em_px`` pixels.

        libass sizes a font by ascent plus descent, not by its em.
        """
        return em_px * (self.ascent + self.descent)

    def width(self, text: str) -> float:
        """Advance width of ``text``, kerning included."""
        from PIL import ImageFont

        return float(ImageFont.truetype(str(self.file), 200).getlength(text)) / 200


def find_font(file_name: str) -> Path:
    """The font called ``file_name`` in the installed font packages; a path is taken as it is.

    Raises:
        RenderError: there is no such font.
    """
    if Path(file_name).is_absolute() and Path(file_name).is_file():
        return Path(file_name)
    folders = []
    for package, inside in _PACKAGES:
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.submodule_search_locations:
            folders.append(Path(next(iter(spec.submodule_search_locations))) / inside)
    for folder in folders:
        if (folder / Path(file_name).name).is_file():
            return folder / Path(file_name).name
    looked = ", ".join(package for package, _ in _PACKAGES)
    raise RenderError(
        f"no font file {file_name!r} in {looked}: choose another caption style or give its path"
    )


@lru_cache(maxsize=16)
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
            )
    except (TTLibError, KeyError, OSError) as error:
        raise RenderError(f"{file.name!r} cannot be used as a font: {error}") from error


def gather_fonts(folder: Path, files: tuple[str, ...]) -> None:
    """Copy the fonts into ``folder``, the only one that libass is shown."""
    folder.mkdir()
    for name in dict.fromkeys(files):
        found = find_font(name)
        shutil.copyfile(found, folder / found.name)
