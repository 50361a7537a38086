"""The caption styles that can be asked for by name, and styles read from TOML.

The shipped ones are data in ``styles.toml``; a brand kit changes one of them by the same keys.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import fields, replace
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from talkreel.core.edits import CaptionStyle
from talkreel.core.errors import InputError

# What a table may set; the name is the table's own and the digest is measured.
KEYS = tuple(f.name for f in fields(CaptionStyle) if f.name not in ("name", "font_digest"))
# key -> (lowest, highest): shares of the canvas' height, and counts.
_RANGES = {
    "size": (0.012, 0.12),
    "outline": (0.0, 0.02),
    "shadow": (0.0, 0.02),
    "glow": (0.0, 0.02),
    "plate_opacity": (0.0, 1.0),
    "words_per_cue": (1, 12),
}
_COLOURS = tuple(key for key in KEYS if key.endswith("colour") or key == "active_plate")
_SWITCHES = ("uppercase", "reveal")


def style_from(table: Mapping[str, Any], where: str, base: CaptionStyle) -> CaptionStyle:
    """``base`` with what ``table`` changes of it.

    Raises:
        InputError: an unknown key, or a value that cannot be used, with what is allowed.
    """
    for key, value in table.items():
        if key not in KEYS:
            raise InputError(f"{where}: unknown key {key!r}; a style has {', '.join(KEYS)}")
        _check(key, value, f"{where}: {key}")
    return replace(base, **table)


def _check(key: str, value: Any, where: str) -> None:
    if key in _COLOURS:
        check_colour(value, where)
    elif key in _SWITCHES:
        if not isinstance(value, bool):
            raise InputError(f"{where} is true or false, got {value!r}")
    elif key in _RANGES:
        low, high = _RANGES[key]
        whole = isinstance(low, int)
        number = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
        if not number or not low <= value <= high:
            kind = "a whole number" if whole else "a number"
            raise InputError(f"{where} is {kind} from {low} to {high}, got {value!r}")
    elif not isinstance(value, str) or not value:
        raise InputError(f"{where} is a name in quotes, got {value!r}")


def check_colour(value: object, where: str) -> str:
    """``value`` if it is a colour.

    Raises:
        InputError: it is not ``#RRGGBB``.
    """
    good = isinstance(value, str) and len(value) == 7 and value.startswith("#")
    if not good or not all(c in "0123456789abcdefABCDEF" for c in str(value)[1:]):
        raise InputError(f"{where} is a colour #RRGGBB in quotes, got {value!r}")
    return str(value)


def read_styles(text: str, where: str) -> dict[str, CaptionStyle]:
    """Styles from TOML, a table for each.

    Raises:
        InputError: not TOML, a key or value that cannot be used, or a style without its font.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{where} is not TOML: {error}") from error
    styles = {}
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise InputError(f"{where}: {name!r} is no table; a style is [{name}] and its keys")
        missing = [key for key in ("font", "font_file", "size") if key not in table]
        if missing:
            raise InputError(f"{where}: [{name}] lacks {', '.join(missing)}")
        styles[name] = style_from(table, f"{where}: [{name}]", CaptionStyle(name, "", "", 0.03))
    return styles


def _shipped() -> Mapping[str, CaptionStyle]:
    source = files("talkreel.edit").joinpath("styles.toml")
    return MappingProxyType(read_styles(source.read_text(encoding="utf-8"), "styles.toml"))


STYLES: Mapping[str, CaptionStyle] = _shipped()


def find_style(name: str) -> CaptionStyle:
    """The style called ``name``.

    Raises:
        ValueError: there is none; the message lists the names.
    """
    if name not in STYLES:
        raise ValueError(f"no caption style {name!r}: choose one of {', '.join(STYLES)}")
    return STYLES[name]
