from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talkreel.perceive.pronounce import by_rules, guess

KNOWN = {
    "talk": "T AO K",
    "reel": "R IY L",
    "bake": "B EY K",
    "stop": "S T AA P",
    "church": "CH ER CH",
    "want": "W AA N T",
}
PHONES = set(
    [
        "AA",
        "AE",
        "AH",
        "AO",
        "AW",
        "AY",
        "B",
        "CH",
        "D",
        "DH",
        "EH",
        "ER",
        "EY",
        "F",
        "G",
        "HH",
        "IH",
        "IY",
        "JH",
        "K",
        "L",
        "M",
        "N",
        "NG",
        "OW",
        "OY",
        "P",
        "R",
        "S",
        "SH",
        "T",
        "TH",
        "UH",
        "UW",
        "V",
        "W",
        "Y",
        "Z",
        "ZH",
    ]
)


@pytest.mark.parametrize(
    ("word", "phones"),
    [
        ("talkreel", "T AO K R IY L"),
        ("talk's", "T AO K S"),
        ("churches", "CH ER CH IH Z"),
        ("baking", "B EY K IH NG"),
        ("baked", "B EY K T"),
        ("wanted", "W AA N T IH D"),
        ("stopping", "S T AA P IH NG"),
        ("reel'll", "R IY L AH L"),
        ("nth", "EH N T IY EY CH"),
    ],
)
def test_parts_that_are_known_are_used(word: str, phones: str) -> None:
    known = dict(KNOWN) | {"church": "CH ER CH"}
    if word == "churches":
        known["churche"] = "CH ER CH"
    assert guess(word, known.get) == phones


@pytest.mark.parametrize(
    ("word", "phones"),
    [
        ("mode", "M OW D"),
        ("knight", "N AY T"),
        ("phone", "F OW N"),
        ("nation", "N AE SH AH N"),
        ("zog", "Z AA G"),
    ],
)
def test_rules_read_letters(word: str, phones: str) -> None:
    assert by_rules(word) == phones


def test_nothing_to_pronounce_gives_none() -> None:
    assert guess("''", KNOWN.get) is None


@settings(deadline=None)
@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz'", min_size=1, max_size=20))
def test_every_guess_is_made_of_known_phones(word: str) -> None:
    phones = guess(word, KNOWN.get)
    assert phones is None or (phones and set(phones.split()) <= PHONES)
