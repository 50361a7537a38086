"""Pronunciations of English words that no dictionary knows, as ARPAbet phones.

First by parts that the dictionary does know (``talkreel`` = talk + reel, ``vlogging`` = vlog +
ing), then letter by letter. Alignment needs no exact pronunciation: a guess with the right
number of syllables and mostly right consonants finds the word.
"""

from __future__ import annotations

from collections.abc import Callable

Lookup = Callable[[str], str | None]

# Endings, what the stem may have lost, and their phones after a voiced / voiceless / sibilant
# sound (the same three for endings that do not change).
_SIBILANTS = frozenset(["S", "Z", "SH", "ZH", "CH", "JH"])
_VOICELESS = frozenset(["P", "T", "K", "F", "TH", "S", "SH", "CH", "HH"])
_SUFFIXES: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("ings", ("", "e"), "IH NG Z"),
    ("ing", ("", "e"), "IH NG"),
    ("ness", ("",), "N AH S"),
    ("less", ("",), "L AH S"),
    ("able", ("", "e"), "AH B AH L"),
    ("ers", ("", "e"), "ER Z"),
    ("er", ("", "e"), "ER"),
    ("est", ("", "e"), "AH S T"),
    ("ly", ("", "le"), "L IY"),
    ("ish", ("", "e"), "IH SH"),
    ("ism", ("", "e"), "IH Z AH M"),
    ("ist", ("", "e"), "IH S T"),
)
_LETTERS = {
    "a": "EY",
    "b": "B IY",
    "c": "S IY",
    "d": "D IY",
    "e": "IY",
    "f": "EH F",
    "g": "JH IY",
    "h": "EY CH",
    "i": "AY",
    "j": "JH EY",
    "k": "K EY",
    "l": "EH L",
    "m": "EH M",
    "n": "EH N",
    "o": "OW",
    "p": "P IY",
    "q": "K Y UW",
    "r": "AA R",
    "s": "EH S",
    "t": "T IY",
    "u": "Y UW",
    "v": "V IY",
    "w": "D AH B AH L Y UW",
    "x": "EH K S",
    "y": "W AY",
    "z": "Z IY",
}
# Spellings, longest first; "^" anchors a beginning and "$" an ending.
_RULES: tuple[tuple[str, str], ...] = (
    ("tious$", "SH AH S"),
    ("cious$", "SH AH S"),
    ("ough", "AO"),
    ("augh", "AO"),
    ("eigh", "EY"),
    ("tion", "SH AH N"),
    ("sion", "ZH AH N"),
    ("cian", "SH AH N"),
    ("ture", "CH ER"),
    ("sure", "ZH ER"),
    ("ious", "IY AH S"),
    ("^kn", "N"),
    ("^gn", "N"),
    ("^wr", "R"),
    ("^ps", "S"),
    ("^pn", "N"),
    ("^mc", "M AH K"),
    ("^x", "Z"),
    ("tch", "CH"),
    ("dge", "JH"),
    ("igh", "AY"),
    ("que$", "K"),
    ("gue$", "G"),
    ("ble$", "B AH L"),
    ("tle$", "T AH L"),
    ("dle$", "D AH L"),
    ("ple$", "P AH L"),
    ("gle$", "G AH L"),
    ("sch", "SH"),
    ("chr", "K R"),
    ("eau", "OW"),
    ("ous$", "AH S"),
    ("ing$", "IH NG"),
    ("nge", "N JH"),
    ("qu", "K W"),
    ("ch", "CH"),
    ("sh", "SH"),
    ("th", "TH"),
    ("ph", "F"),
    ("gh", "G"),
    ("wh", "W"),
    ("ck", "K"),
    ("ng$", "NG"),
    ("nk", "NG K"),
    ("rh", "R"),
    ("mb$", "M"),
    ("ar", "AA R"),
    ("er", "ER"),
    ("ir", "ER"),
    ("ur", "ER"),
    ("or", "AO R"),
    ("ai", "EY"),
    ("ay", "EY"),
    ("au", "AO"),
    ("aw", "AO"),
    ("ea", "IY"),
    ("ee", "IY"),
    ("ei", "IY"),
    ("ey$", "IY"),
    ("eu", "UW"),
    ("ew", "UW"),
    ("ie$", "IY"),
    ("ie", "IY"),
    ("oa", "OW"),
    ("oe$", "OW"),
    ("oi", "OY"),
    ("oy", "OY"),
    ("oo", "UW"),
    ("ou", "AW"),
    ("ow", "OW"),
    ("ui", "UW"),
    ("ue$", "UW"),
    ("ce", "S AH"),
    ("ci", "S IH"),
    ("cy", "S IY"),
    ("ge", "JH AH"),
    ("gi", "JH IH"),
    ("^y", "Y"),
    ("y$", "IY"),
    ("a$", "AH"),
    ("o$", "OW"),
    ("i$", "IY"),
    ("u$", "UW"),
    ("ed$", "D"),
    ("es$", "Z"),
    ("a", "AE"),
    ("b", "B"),
    ("c", "K"),
    ("d", "D"),
    ("e", "EH"),
    ("f", "F"),
    ("g", "G"),
    ("h", "HH"),
    ("i", "IH"),
    ("j", "JH"),
    ("k", "K"),
    ("l", "L"),
    ("m", "M"),
    ("n", "N"),
    ("o", "AA"),
    ("p", "P"),
    ("q", "K"),
    ("r", "R"),
    ("s", "S"),
    ("t", "T"),
    ("u", "AH"),
    ("v", "V"),
    ("w", "W"),
    ("x", "K S"),
    ("y", "IH"),
    ("z", "Z"),
)
_LONG = {"a": "EY", "e": "IY", "i": "AY", "o": "OW", "u": "UW", "y": "AY"}
_VOWELS = frozenset("aeiou")
_MIN_PART = 3


def guess(word: str, lookup: Lookup) -> str | None:
    """Phones of a lower case word, or None when it has no letter to pronounce.

    Args:
        word: letters a-z and apostrophes.
        lookup: the dictionary: phones of a word, or None.
    """
    letters = "".join(c for c in word if "a" <= c <= "z")
    if not letters:
        return None
    stem, apostrophe, ending = word.rpartition("'")
    if apostrophe and ending in ("s", "d", "ll", "ve", "re") and stem:
        return _with_ending(lookup(stem) or guess(stem, lookup), ending)
    known = lookup(letters) or _by_suffix(letters, lookup) or _compound(letters, lookup)
    if known:
        return known
    if not _VOWELS & set(letters) and "y" not in letters:
        return " ".join(_LETTERS[c] for c in letters)
    return by_rules(letters)


def by_rules(letters: str) -> str:
    """Letter-to-sound rules alone."""
    phones: list[str] = []
    at = 0
    while at < len(letters):
        size, sound = _rule_at(letters, at)
        if sound and not (phones and sound == phones[-1] and sound not in _LONG.values()):
            phones.extend(sound.split())
        at += size
    return " ".join(phones)


def _rule_at(letters: str, at: int) -> tuple[int, str]:
    if _is_silent_e(letters, at):
        return 1, ""
    if _is_long_vowel(letters, at):
        return 1, _LONG[letters[at]]
    for spelling, sound in _RULES:
        body = spelling.strip("^$")
        if not letters.startswith(body, at):
            continue
        if spelling[0] == "^" and at != 0:
            continue
        if spelling[-1] == "$" and (at + len(body) != len(letters) or at == 0):
            continue
        return len(body), sound
    return 1, ""


def _is_silent_e(letters: str, at: int) -> bool:
    """The last e after a consonant, when another vowel came before."""
    return (
        letters[at] == "e"
        and at == len(letters) - 1
        and at > 1
        and letters[at - 1] not in _VOWELS
        and bool(_VOWELS & set(letters[: at - 1]))
    )


def _is_long_vowel(letters: str, at: int) -> bool:
    """A vowel before one consonant and the last e, as in ``mode``."""
    return (
        letters[at] in _LONG
        and at + 3 == len(letters)
        and letters[at + 2] == "e"
        and letters[at + 1] not in _VOWELS | set("wxyr")
        and (at == 0 or letters[at - 1] not in _VOWELS)
    )


def _by_suffix(letters: str, lookup: Lookup) -> str | None:
    for ending in ("s", "ed"):
        stem = letters.removesuffix(ending)
        if stem != letters and len(stem) >= _MIN_PART:
            for base in (stem, stem + "e") if ending == "ed" else (stem,):
                if known := lookup(base):
                    return _with_ending(known, ending)
    for suffix, restored, phones in _SUFFIXES:
        stem = letters.removesuffix(suffix)
        if stem == letters or len(stem) < _MIN_PART:
            continue
        undoubled = [stem[:-1]] if stem[-1] == stem[-2] else []
        for base in [stem + lost for lost in restored] + undoubled:
            if known := lookup(base):
                return f"{known} {phones}"
    return None


def _with_ending(stem: str | None, ending: str) -> str | None:
    if stem is None:
        return None
    last = stem.split()[-1]
    match ending:
        case "s":
            voiceless = "S" if last in _VOICELESS else "Z"
            return f"{stem} IH Z" if last in _SIBILANTS else f"{stem} {voiceless}"
        case "ed":
            voiceless = "T" if last in _VOICELESS else "D"
            return f"{stem} IH D" if last in ("T", "D") else f"{stem} {voiceless}"
        case "d":
            return f"{stem} D"
        case "ll":
            return f"{stem} AH L"
        case "ve":
            return f"{stem} V"
        case _:
            return f"{stem} R"


def _compound(letters: str, lookup: Lookup) -> str | None:
    """Two known words run together, the longer first part first."""
    for cut in range(len(letters) - _MIN_PART, _MIN_PART - 1, -1):
        first, second = lookup(letters[:cut]), lookup(letters[cut:])
        if first and second:
            return f"{first} {second}"
    return None
