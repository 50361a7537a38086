"""How a shown word is spoken: digits, money, dates and signs spelled out in English words."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_CURRENCIES = {
    "$": ("dollar", "dollars"),
    "€": ("euro", "euros"),
    "£": ("pound", "pounds"),
    "¥": ("yen", "yen"),
    "₹": ("rupee", "rupees"),
    "¢": ("cent", "cents"),
}
_SCALES = {
    "k": "thousand",
    "m": "million",
    "mn": "million",
    "b": "billion",
    "bn": "billion",
    "t": "trillion",
    "tn": "trillion",
}
_SIGNS = {
    "%": "percent",
    "&": "and",
    "+": "plus",
    "=": "equals",
    "@": "at",
    "°": "degrees",
    "×": "times",
    "#": "number",
}
_ABBREVIATIONS = {
    "mr": "mister",
    "mrs": "missus",
    "dr": "doctor",
    "st": "saint",
    "prof": "professor",
    "vs": "versus",
    "etc": "et cetera",
    "jr": "junior",
    "sr": "senior",
    "gen": "general",
    "sen": "senator",
    "rep": "representative",
    "e.g": "for example",
    "i.e": "that is",
    "ok": "okay",
}
# Units are words only behind a number.
_UNITS = {
    "km": "kilometers",
    "kg": "kilograms",
    "cm": "centimeters",
    "mm": "millimeters",
    "mph": "miles per hour",
    "kmh": "kilometers per hour",
    "ft": "feet",
    "lb": "pounds",
    "lbs": "pounds",
    "gb": "gigabytes",
    "mb": "megabytes",
    "kb": "kilobytes",
    "tb": "terabytes",
    "hz": "hertz",
    "khz": "kilohertz",
    "mhz": "megahertz",
    "ghz": "gigahertz",
    "ms": "milliseconds",
    "am": "a m",
    "pm": "p m",
    "c": "celsius",
    "f": "fahrenheit",
    "x": "times",
    "s": "",
}
_PART = re.compile(
    r"(?P<money>[$€£¥₹¢])?"
    r"(?P<number>\d+(?:,\d{3})+(?:\.\d+)?|\d+:\d{2}|\d+/\d+(?![\d/])|\d*\.\d+|\d+)"
    r"(?:(?P<ordinal>st|nd|rd|th)\b|(?P<decade>'?s)\b|(?P<tail>[a-z]+)\b)?(?P<cents>¢|€|£|%)?"
    r"|(?P<letters>[a-z]+(?:['.][a-z]+)*)"
    r"|(?P<sign>[%&+=@°×#])"
)
_FRACTIONS = {(1, 2): "one half", (1, 4): "one quarter", (3, 4): "three quarters"}
_LONGEST_WORDY_DIGITS = 15  # longer digit strings are read out one by one
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@lru_cache(maxsize=4096)
def spoken_words(shown: str) -> tuple[str, ...]:
    """The words a speaker says for one shown word, lower case, letters and apostrophes only.

    ``$3.5M`` gives ``three point five million dollars``, ``1984`` ``nineteen eighty four``,
    ``don’t`` itself; a word with nothing to pronounce gives nothing.
    """
    text = _plain(shown)
    bare = text.strip(".,;:!?\"()[]{}-'")
    if bare in _ABBREVIATIONS:
        return tuple(_ABBREVIATIONS[bare].split())
    if _is_spelled(shown):
        return tuple(c for c in bare if c.isalpha())
    words: list[str] = []
    for match in _PART.finditer(text):
        words.extend(_spoken_part(match, text))
    return tuple(words)


def _plain(shown: str) -> str:
    """Lower case, accents off, typographic apostrophes and dashes made plain."""
    text = shown.replace("’", "'").replace("‘", "'").replace("–", "-").replace("—", "-")
    text = "".join(f" {c}" if "fraction" in unicodedata.decomposition(c) else c for c in text)
    folded = unicodedata.normalize("NFKD", text).replace("\u2044", "/")
    return "".join(c for c in folded if not unicodedata.combining(c)).lower()


def _is_spelled(shown: str) -> bool:
    """``U.S.`` and ``A.I``: single capitals with stops between."""
    return re.fullmatch(r"[\"'(]*(?:[A-Z]\.){2,}[,;:!?\"')]*|(?:[A-Z]\.)+[A-Z]", shown) is not None


def _spoken_part(match: re.Match[str], text: str) -> list[str]:
    if match["letters"]:
        return [part for part in match["letters"].split(".") if part]
    if match["sign"]:
        return [_SIGNS[match["sign"]]]
    before = text[match.start() - 1 : match.start()]
    alone = match.start() == 0 or not text[match.start() - 1].isalnum()
    words = ["minus"] if before == "-" and match.start() == 1 else []
    return words + _number(match, whole=alone)


def _number(match: re.Match[str], *, whole: bool) -> list[str]:
    figure = match["number"]
    tail = match["tail"] or ""
    if match["ordinal"]:
        return _words(int(figure.replace(",", "")), to="ordinal") if figure.isdigit() else []
    if match["decade"]:
        return _plural(_plain_number(figure, year=True))
    money = match["money"]
    if money is None and match["cents"] in _CURRENCIES:
        money = match["cents"]
    scale = [_SCALES[tail]] if tail in _SCALES and (money or len(tail) > 1) else []
    if money:
        return _money(figure, money, scale) + ([] if scale or not tail else [tail])
    words = _plain_number(figure, year=whole and not tail) + scale
    if tail and not scale:
        words += _UNITS.get(tail, tail).split()
    return words + (["percent"] if match["cents"] == "%" else [])


def _money(figure: str, sign: str, scale: list[str]) -> list[str]:
    one, many = _CURRENCIES[sign]
    whole, _, cents = figure.partition(".")
    if cents and len(cents) == 2 and not scale and whole:
        words = [*_plain_number(whole), one if whole == "1" else many]
        return words + (_plain_number(cents.lstrip("0") or "0") if int(cents) else [])
    return [*_plain_number(figure), *scale, one if figure == "1" and not scale else many]


def _plain_number(figure: str, *, year: bool = False) -> list[str]:
    figure = figure.replace(",", "") if "," in figure else figure
    if ":" in figure:
        hours, minutes = figure.split(":")
        rest = [] if minutes == "00" else _words(int(minutes))
        return _words(int(hours)) + (["oh", *rest] if minutes[0] == "0" and rest else rest)
    if "/" in figure:
        return _fraction(figure)
    whole, point, decimals = figure.partition(".")
    if point:
        read = [_DIGITS[int(digit)] for digit in decimals]
        return [*(_plain_number(whole) if whole else []), "point", *read]
    if len(figure) > _LONGEST_WORDY_DIGITS or (figure[0] == "0" and len(figure) > 1):
        return [_DIGITS[int(digit)] for digit in figure]
    if year and len(figure) == 4 and (1100 <= int(figure) < 2000 or 2010 <= int(figure) < 2100):
        return _words(int(figure), to="year")
    return _words(int(figure))


def _fraction(figure: str) -> list[str]:
    top, bottom = (int(part) for part in figure.split("/"))
    if (top, bottom) in _FRACTIONS:
        return _FRACTIONS[top, bottom].split()
    if top < bottom <= 20 and bottom > 2:
        names = _words(bottom, to="ordinal")
        return _words(top) + (names if top == 1 else _plural(names))
    return _words(top) + _words(bottom)


def _words(value: int, to: str = "cardinal") -> list[str]:
    from num2words import num2words

    text = str(num2words(value, to=to)).lower()
    # "one hundred and five" is as often said without the "and": the aligner copes better with
    # a word too few than with one too many.
    return [word for word in re.findall(r"[a-z]+", text) if word != "and"]


def _plural(words: list[str]) -> list[str]:
    last = words[-1]
    return [*words[:-1], last[:-1] + "ies" if last.endswith("y") else last + "s"]
