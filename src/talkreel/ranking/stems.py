"""Words brought to a common form, to tell whether the same thing is said."""

from __future__ import annotations

import re

_UNITS = {
    word: value
    for value, word in enumerate(
        (
            *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
            *("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen"),
            *("seventeen", "eighteen", "nineteen"),
        )
    )
}
_TENS = {
    word: 10 * value
    for value, word in enumerate(
        ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"), start=2
    )
}
_LARGE = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}
_NUMBERS = {**_UNITS, **_TENS, **_LARGE}
_FIGURES = re.compile(r"^[$€£]?(\d[\d,]*(?:\.\d+)?)(?:%|st|nd|rd|th|s)?$")
# Irregular forms that a change of tense or number may bring.
_IRREGULAR = {
    form: base
    for base, forms in {
        "begin": "began begun", "break": "broke broken", "bring": "brought", "build": "built",
        "buy": "bought", "catch": "caught", "child": "children", "choose": "chose chosen",
        "cost": "costs", "draw": "drew drawn", "drive": "drove driven", "fall": "fell fallen",
        "feel": "felt", "fight": "fought", "find": "found", "foot": "feet", "forget": "forgot",
        "give": "gave given", "grow": "grew grown", "hear": "heard", "hold": "held",
        "keep": "kept", "leave": "left", "lose": "lost", "man": "men", "mean": "meant",
        "meet": "met", "mouse": "mice", "pay": "paid", "rise": "rose risen", "run": "ran",
        "sell": "sold", "send": "sent", "sing": "sang sung", "sleep": "slept",
        "speak": "spoke spoken", "spend": "spent", "stand": "stood", "teach": "taught",
        "tooth": "teeth", "understand": "understood", "wear": "wore worn", "win": "won",
        "woman": "women", "write": "wrote written",
    }.items()
    for form in forms.split()
}  # fmt: skip


def number_of(word: str) -> float | None:
    """The value of a bare word that is a number, in figures or as one word; else None."""
    if word in _NUMBERS:
        return float(_NUMBERS[word])
    match = _FIGURES.match(word)
    return float(match.group(1).replace(",", "")) if match else None


def stem(word: str) -> str:
    """A bare English word without the ending of tense or number; rough, never shorter than 3."""
    word = _IRREGULAR.get(word, word)
    for ending, put in (("ies", "y"), ("ied", "y"), ("ing", ""), ("ed", ""), ("es", ""), ("s", "")):
        if word.endswith(ending) and len(word) - len(ending) + len(put) >= 3:
            if ending == "s" and word.endswith(("ss", "us", "is")):
                break
            word = word[: -len(ending)] + put
            if ending in ("ing", "ed") and word[-1] == word[-2] and word[-1] not in "lsz":
                word = word[:-1]
            break
    return word[:-1] if word.endswith("e") and len(word) > 3 else word
