from __future__ import annotations

import pytest

from talkreel.core.errors import InputError
from talkreel.edit.styles import STYLES, find_style, read_styles
from talkreel.media.fonts import find_font, measure_font

GOOD = '[mine]\nfont = "Roboto Bold"\nfont_file = "Roboto-Bold.ttf"\nsize = 0.03\n'


def test_shipped_styles_are_many_and_differ_in_look() -> None:
    assert len(STYLES) >= 8
    looks = {
        (s.font_file, s.plate_colour, s.active_plate, s.spoken_colour, s.reveal, s.uppercase)
        for s in STYLES.values()
    }
    assert len(looks) >= 8


@pytest.mark.parametrize("name", STYLES)
def test_the_font_named_is_the_font_in_the_file(name: str) -> None:
    style = find_style(name)
    assert measure_font(find_font(style.font_file)).family == style.font


def test_a_style_is_read_with_defaults() -> None:
    style = read_styles(GOOD + 'active_colour = "#00FF00"\n', "x")["mine"]
    assert (style.name, style.active_colour, style.colour) == ("mine", "#00FF00", "#FFFFFF")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('colour = "red"', r"colour is a colour #RRGGBB in quotes, got 'red'"),
        ("sise = 2", r"\[mine\]: unknown key 'sise'; a style has font, font_file, size"),
        ("words_per_cue = 0", r"words_per_cue is a whole number from 1 to 12, got 0"),
        ("words_per_cue = 2.5", r"words_per_cue is a whole number"),
        ("outline = 0.5", r"outline is a number from 0.0 to 0.02, got 0.5"),
        ('uppercase = "yes"', r"uppercase is true or false, got 'yes'"),
        ("font_digest = 'x'", r"unknown key 'font_digest'"),
        ("= 3", r"x is not TOML"),
    ],
)
def test_a_wrong_line_is_one_clear_error(line: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_styles(f"{GOOD}{line}\n", "x")


def test_a_style_needs_its_font() -> None:
    with pytest.raises(InputError, match=r"\[mine\] lacks font, font_file"):
        read_styles("[mine]\nsize = 0.03\n", "x")
    with pytest.raises(InputError, match="is no table"):
        read_styles('mine = "bold"\n', "x")
