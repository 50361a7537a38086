from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from talkreel.edit.contrast import (
    ENOUGH,
    always_readable,
    low_contrast,
    luminance,
    plated,
    ratio,
    rgb_of,
    text_contrast,
)
from talkreel.edit.styles import STYLES, find_style

WHITE, BLACK = np.full((20, 3), 255.0), np.zeros((20, 3))


def every(style):
    named = (style.colour, style.active_colour, style.spoken_colour, style.emphasis_colour)
    return [colour for colour in named if colour is not None]


def test_ratio_is_that_of_wcag():
    white, black = luminance(rgb_of("#FFFFFF")), luminance(rgb_of("#000000"))
    assert float(ratio(white, black)) == pytest.approx(21.0)
    # The gray that WCAG's own examples give as just enough on white.
    assert float(ratio(white, luminance(rgb_of("#767676")))) == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("name", STYLES)
def test_every_style_is_readable_or_gets_a_plate_that_makes_it_so(name):
    style = find_style(name)
    colours = every(style)
    for background in (WHITE, BLACK, np.full((20, 3), 128.0)):
        if low_contrast(style, colours, background) < ENOUGH:
            better = plated(style, colours, background)
            assert low_contrast(better, colours, background) >= ENOUGH
            assert better.plate_colour is not None


def test_only_styles_with_a_thin_outline_depend_on_what_is_behind():
    depending = [name for name, s in STYLES.items() if not always_readable(s, every(s))]
    assert depending == ["minimal"]


def test_the_plate_is_as_faint_as_will_do_and_dark_text_gets_a_light_one():
    plain = replace(find_style("minimal"), outline=0.0)
    gray = np.full((20, 3), 150.0)
    faint, dense = plated(plain, ["#FFFFFF"], gray), plated(plain, ["#FFFFFF"], WHITE)
    assert faint.plate_opacity < dense.plate_opacity
    assert plated(plain, ["#202020"], BLACK).plate_colour == "#FFFFFF"


def test_a_speck_of_light_does_not_call_for_a_plate_and_a_window_does():
    plain = replace(find_style("minimal"), outline=0.0)
    speck = np.concatenate([np.repeat(BLACK, 5, axis=0), WHITE[:2]])
    window = np.concatenate([BLACK, WHITE[:4]])
    assert low_contrast(plain, ["#FFFFFF"], speck) > ENOUGH
    assert low_contrast(plain, ["#FFFFFF"], window) < ENOUGH


def test_a_filled_outline_hides_the_background():
    bold = find_style("bold")
    assert text_contrast(bold, ["#FFFFFF"], WHITE) == pytest.approx(21.0)
