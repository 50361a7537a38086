"""A brand kit: a folder with ``brand.toml`` and the fonts, logo and videos it names.

::

    [colours]            # all optional: text, highlight, emphasis, outline, plate, accent
    text = "#FFFFFF"
    highlight = "#FF3366"

    [captions]           # base names a style; every other key is one of a style's own
    base = "bold"
    font_file = "Brand-Bold.ttf"

    [logo]
    file = "logo.png"
    corner = "top right"
    width = 0.18         # share of the canvas' width
    opacity = 0.9

    [[speaker]]          # who is named in lower thirds, by the label the report shows
    label = "A"
    name = "Ada Lovelace"
    role = "Mathematician"
    colour = "#6FC3F2"

    [emoji]              # a colour font, for --emoji
    file = "NotoColorEmoji.ttf"

    [intro]
    file = "intro.mp4"

    [outro]
    file = "outro.mp4"
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from talkreel.core.craft import Asset
from talkreel.core.digests import file_sha256
from talkreel.core.edits import CaptionStyle
from talkreel.core.errors import InputError, RenderError
from talkreel.edit.cards import CardLook
from talkreel.edit.styles import STYLES, check_colour, find_style, style_from
from talkreel.media.fonts import find_font, measure_font

FILE = "brand.toml"
CORNERS = ("top left", "top right", "bottom left", "bottom right")
_TABLES = ("colours", "captions", "logo", "speaker", "emoji", "intro", "outro")
_COLOURS = ("text", "highlight", "emphasis", "outline", "plate", "accent")
_LOGO_KEYS = ("file", "corner", "width", "opacity")
_SPEAKER_KEYS = ("label", "name", "role", "colour")
_LOGO_WIDTH = (0.04, 0.6)


@dataclass(frozen=True, slots=True)
class BrandLogo:
    """A logo as the kit asks for it; ``width`` is a share of the canvas'."""

    asset: Asset
    corner: str = "top right"
    width: float = 0.16
    opacity: float = 1.0


@dataclass(frozen=True, slots=True)
class BrandSpeaker:
    """Somebody who is named when speaking first."""

    label: str
    name: str
    role: str = ""
    colour: str | None = None


@dataclass(frozen=True, slots=True)
class Brand:
    """Everything a kit holds.

    Attributes:
        base: caption style the kit starts from.
        changes: keys of a style that it sets.
        colours: by the names of ``[colours]``.
        logo: or None.
        speakers: in the order of the file.
        intro: or None.
        outro: or None.
        emoji: colour font, or None.
    """

    base: str
    changes: Mapping[str, Any]
    colours: Mapping[str, str]
    logo: BrandLogo | None = None
    speakers: tuple[BrandSpeaker, ...] = ()
    intro: Asset | None = None
    outro: Asset | None = None
    emoji: Asset | None = None

    def style(self, name: str | None = None) -> CaptionStyle:
        """Style ``name``, or the kit's own base, in the brand's colours and font."""
        base = find_style(name or self.base)
        style = replace(base, name=f"brand-{base.name}", **_coloured(base, self.colours))
        return replace(style, **self.changes)

    @property
    def cards(self) -> CardLook:
        """How cards look."""
        look = CardLook(accent=self.colours.get("accent"))
        if "font_file" in self.changes:
            names = ("font", "font_file", "font_digest")
            look = replace(look, **{key: self.changes[key] for key in names if key in self.changes})
        if "text" in self.colours:
            look = replace(look, colour=self.colours["text"], second_colour=self.colours["text"])
        if "plate" in self.colours:
            look = replace(look, plate_colour=self.colours["plate"])
        return look


def read_brand(folder: Path) -> Brand:
    """The kit in ``folder``.

    Raises:
        InputError: no ``brand.toml``, a table, key or value that cannot be used, or a file that
            is not there; with what is allowed.
    """
    path = folder / FILE
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"a brand kit needs {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not TOML: {error}") from error
    for table in data:
        if table not in _TABLES:
            raise InputError(f"{path}: unknown table [{table}]; a kit has {', '.join(_TABLES)}")
    where = str(path)
    colours = _table(data, "colours", _COLOURS, where)
    for key, value in colours.items():
        check_colour(value, f"{where}: [colours] {key}")
    captions = dict(_table(data, "captions", None, where))
    base = str(captions.pop("base", "bold"))
    if base not in STYLES:
        raise InputError(f"{where}: [captions] base is one of {', '.join(STYLES)}, got {base!r}")
    changes = _font(captions, folder, where)
    checked = {key: value for key, value in changes.items() if key != "font_digest"}
    style_from(checked, f"{where}: [captions]", find_style(base))
    return Brand(
        base=base,
        changes=changes,
        colours=colours,
        logo=_logo(data, folder, where),
        speakers=_speakers(data, where),
        intro=_file(data, "intro", folder, where),
        outro=_file(data, "outro", folder, where),
        emoji=_file(data, "emoji", folder, where),
    )


def _coloured(base: CaptionStyle, colours: Mapping[str, str]) -> dict[str, Any]:
    """What the brand's colours change of ``base``; a box it does not have is not added."""
    changed: dict[str, Any] = {}
    for name, keys in (
        ("text", ("colour",)),
        ("highlight", ("active_colour",)),
        ("emphasis", ("emphasis_colour",)),
        ("outline", ("outline_colour",)),
        ("plate", ("plate_colour",)),
        ("accent", ("active_plate",)),
    ):
        if name not in colours:
            continue
        for key in keys:
            if key in ("plate_colour", "active_plate") and getattr(base, key) is None:
                continue
            # A style whose lit word has the colour of the others keeps it so.
            if name == "highlight" and base.active_plate and base.active_colour == base.colour:
                key = "active_plate"
            changed[key] = colours[name]
    if base.spoken_colour is not None and "highlight" in colours:
        changed["spoken_colour"] = colours["highlight"]
    return changed


def _table(
    data: Mapping[str, Any], name: str, keys: tuple[str, ...] | None, where: str
) -> Mapping[str, Any]:
    table = data.get(name, {})
    if not isinstance(table, dict):
        raise InputError(f"{where}: {name!r} is no table; write [{name}] and its keys below")
    for key in table:
        if keys is not None and key not in keys:
            raise InputError(f"{where}: [{name}] has no key {key!r}; it has {', '.join(keys)}")
    return table


def _font(captions: dict[str, Any], folder: Path, where: str) -> dict[str, Any]:
    """A font file of the kit by its path and digest, with the family that is in it."""
    name = captions.get("font_file")
    if name is None:
        return captions
    if not isinstance(name, str):
        raise InputError(f"{where}: [captions] font_file is a file's name in quotes, got {name!r}")
    mine = (folder / name).resolve()
    try:
        path = mine if mine.is_file() else find_font(name)
        family = measure_font(path).family
    except RenderError as error:
        raise InputError(f"{where}: [captions] font_file: {error}") from error
    captions = {"font": family, **captions}
    if path == mine:
        captions |= {"font_file": str(mine), "font_digest": file_sha256(mine)}
    return captions


def _logo(data: Mapping[str, Any], folder: Path, where: str) -> BrandLogo | None:
    if "logo" not in data:
        return None
    table = _table(data, "logo", _LOGO_KEYS, where)
    asset = _asset(table, "logo", folder, where)
    corner = table.get("corner", "top right")
    if corner not in CORNERS:
        raise InputError(f"{where}: [logo] corner is one of {', '.join(CORNERS)}, got {corner!r}")
    width = _number(table, "width", 0.16, _LOGO_WIDTH, where)
    return BrandLogo(asset, corner, width, _number(table, "opacity", 1.0, (0.05, 1.0), where))


def _number(
    table: Mapping[str, Any], key: str, usual: float, limits: tuple[float, float], where: str
) -> float:
    value = table.get(key, usual)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        value = float("nan")
    if not limits[0] <= value <= limits[1]:
        raise InputError(
            f"{where}: [logo] {key} is a number from {limits[0]} to {limits[1]}, "
            f"got {table.get(key)!r}"
        )
    return float(value)


def _speakers(data: Mapping[str, Any], where: str) -> tuple[BrandSpeaker, ...]:
    rows = data.get("speaker", [])
    if not isinstance(rows, list):
        raise InputError(f"{where}: speakers are written [[speaker]], in double brackets")
    speakers = []
    for row in rows:
        for key, value in row.items():
            if key not in _SPEAKER_KEYS or not isinstance(value, str) or not value.strip():
                known = ", ".join(_SPEAKER_KEYS)
                raise InputError(f"{where}: [[speaker]] has texts {known}, got {key} = {value!r}")
        if "label" not in row or "name" not in row:
            raise InputError(f"{where}: [[speaker]] needs label and name")
        if "colour" in row:
            check_colour(row["colour"], f"{where}: [[speaker]] colour")
        speakers.append(BrandSpeaker(**row))
    return tuple(speakers)


def _file(data: Mapping[str, Any], name: str, folder: Path, where: str) -> Asset | None:
    if name not in data:
        return None
    return _asset(_table(data, name, ("file",), where), name, folder, where)


def _asset(table: Mapping[str, Any], name: str, folder: Path, where: str) -> Asset:
    file = table.get("file")
    if not isinstance(file, str) or not file:
        raise InputError(f"{where}: [{name}] needs file, the name of a file of the kit")
    path = (folder / file).resolve()
    if not path.is_file():
        raise InputError(f"{where}: [{name}] file: {path} is not there")
    return Asset(str(path), file_sha256(path))
