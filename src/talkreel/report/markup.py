"""Escaped HTML and figures as people read them."""

from __future__ import annotations

import math
import re
from html import escape
from pathlib import PurePath
from urllib.parse import quote

_UNWANTED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")
# OKLCH hues (degrees) that stay apart for the first clips and repeat after.
_HUES = (40, 255, 160, 305, 85, 355, 205, 125)


def text(value: object) -> str:
    """``value`` as HTML text or attribute value; nothing in it can become markup.

    Characters that no page may hold are dropped, and so are those that turn the direction of
    what follows them, with which one name can be made to look like another.
    """
    return escape(_UNWANTED.sub("", str(value)), quote=True)


def link(relative: str) -> str:
    """A path relative to the page as the value of ``href`` or ``src``.

    It stays below the page's folder even with a slash in front (``//host`` names a host).
    Every character that could begin a scheme or leave the attribute is percent-encoded; bytes
    of a file name that are not UTF-8 come through.
    """
    quoted = quote(relative, safe="/-_.~", errors="surrogateescape")
    return f".{quoted}" if quoted.startswith("/") else quoted


def file_name(uri: str) -> str:
    """The last part of a path."""
    return PurePath(uri).name or uri


def hue(rank: int) -> int:
    """The colour of the clip of ``rank`` (1 is best), as degrees on the colour circle."""
    return _HUES[(rank - 1) % len(_HUES)]


def clock(seconds: float) -> str:
    """``0:07``, ``12:30`` or ``1:02:03``, cut to whole seconds."""
    whole = max(0, math.floor(seconds))
    hours, minutes = divmod(whole // 60, 60)
    if hours:
        return f"{hours}:{minutes:02d}:{whole % 60:02d}"
    return f"{minutes}:{whole % 60:02d}"


def length(seconds: float) -> str:
    """``8.4 s``, ``1 min 31 s`` or ``1 h 2 min``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def bytes_size(count: int) -> str:
    """``820 kB`` or ``3.4 MB`` (powers of ten)."""
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{max(1, round(count / 1e3))} kB"


def percent(share: float | None) -> str | None:
    """``97 %``, or None when not known."""
    return None if share is None else f"{share * 100:.0f} %"


def plural(count: int, one: str) -> str:
    """``1 clip``, ``3 clips``."""
    return f"{count:,} {one}" if count == 1 else f"{count:,} {one}s"


def label(name: str) -> str:
    """A record's name as a heading: ``speech_rate`` to ``Speech rate``."""
    spaced = name.replace("_", " ").replace("-", " ").strip()
    return spaced[:1].upper() + spaced[1:]


def signed(number: str) -> str:
    """A formatted number with a true minus sign, which lines up with digits and never wraps."""
    return number.replace("-", "\N{MINUS SIGN}")
