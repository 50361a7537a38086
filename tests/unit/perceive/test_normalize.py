from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talkreel.perceive.normalize import spoken_words


@pytest.mark.parametrize(
    ("shown", "spoken"),
    [
        ("Hello,", "hello"),
        ("don’t", "don't"),
        ("café", "cafe"),
        ("$3.5", "three point five dollars"),
        ("$3.5M", "three point five million dollars"),
        ("$1.50", "one dollar fifty"),
        ("£2bn", "two billion pounds"),
        ("99¢", "ninety nine cents"),
        ("50%", "fifty percent"),
        ("1984", "nineteen eighty four"),
        ("2024,", "twenty twenty four"),
        ("2005", "two thousand five"),
        ("1990s", "nineteen nineties"),
        ("10,000", "ten thousand"),
        ("1,234.56", "one thousand two hundred thirty four point five six"),
        ("22nd", "twenty second"),
        ("1/2", "one half"),
        ("3/8", "three eighths"),
        ("33⅓", "thirty three one third"),
        ("3:30", "three thirty"),
        ("3:05", "three oh five"),
        ("007", "zero zero seven"),
        ("COVID-19", "covid nineteen"),
        ("30-year-old", "thirty year old"),
        ("-5", "minus five"),
        ("#1", "number one"),
        ("AT&T", "at and t"),
        ("100km", "one hundred kilometers"),
        ("U.S.", "u s"),
        ("Mr.", "mister"),
        ("—", ""),
        ("你好", ""),
    ],
)
def test_shown_words_are_spelled_out(shown: str, spoken: str) -> None:
    assert " ".join(spoken_words(shown)) == spoken


@settings(deadline=None)
@given(st.text(min_size=1, max_size=30))
def test_any_text_gives_plain_words(shown: str) -> None:
    for word in spoken_words(shown):
        assert word
        assert all("a" <= c <= "z" or c == "'" for c in word)


@settings(deadline=None)
@given(st.integers(0, 10**18))
def test_any_number_can_be_said(value: int) -> None:
    assert spoken_words(str(value))
