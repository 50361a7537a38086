from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from talkreel.core.errors import InputError, RenderError
from talkreel.edit.styles import find_style
from talkreel.media.fonts import check_font, find_font
from talkreel.pipeline.brand import read_brand

KIT = """
[colours]
text = "#F0F0F0"
highlight = "#FF5C8A"
accent = "#DC1E5A"
[captions]
base = "clean"
font_file = "Mine.ttf"
words_per_cue = 4
[logo]
file = "logo.png"
corner = "bottom left"
[[speaker]]
label = "A"
name = "Ada"
"""


@pytest.fixture
def kit(tmp_path: Path) -> Path:
    (tmp_path / "brand.toml").write_text(KIT)
    (tmp_path / "Mine.ttf").write_bytes(find_font("DejaVuSerif-Bold.ttf").read_bytes())
    Image.new("RGBA", (40, 20), (255, 0, 0, 255)).save(tmp_path / "logo.png")
    return tmp_path


def test_a_kit_changes_a_style_and_names_its_font(kit: Path) -> None:
    brand = read_brand(kit)
    style = brand.style()
    assert style.font == "DejaVu Serif Bold"
    assert style.font_file == str(kit / "Mine.ttf")
    assert (style.colour, style.active_colour, style.words_per_cue) == ("#F0F0F0", "#FF5C8A", 4)
    assert style.plate_colour == find_style("clean").plate_colour
    # Another base keeps the brand's colours and font.
    assert brand.style("pop").uppercase
    assert brand.style("pop").active_colour == "#FF5C8A"
    assert brand.cards.accent == "#DC1E5A"
    assert brand.logo is not None
    assert brand.logo.corner == "bottom left"
    assert brand.speakers[0].name == "Ada"


def test_a_changed_font_is_refused(kit: Path) -> None:
    style = read_brand(kit).style()
    check_font(style.font_file, style.font_digest)
    (kit / "Mine.ttf").write_bytes(find_font("DejaVuSans-Bold.ttf").read_bytes())
    with pytest.raises(RenderError, match="was changed since the edit was made"):
        check_font(style.font_file, style.font_digest)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[colours]", "[colors]", r"unknown table \[colors\]; a kit has colours"),
        ("text =", "txt =", r"\[colours\] has no key 'txt'; it has text"),
        ('"#F0F0F0"', '"white"', r"\[colours\] text is a colour #RRGGBB"),
        ('"clean"', '"nosuch"', r"\[captions\] base is one of bold"),
        ('"Mine.ttf"', '"Other.ttf"', r"font_file: no font file 'Other.ttf'"),
        ("words_per_cue = 4", "words = 4", r"unknown key 'words'"),
        ('"bottom left"', '"middle"', r"corner is one of top left"),
        ('"logo.png"', '"no.png"', r"\[logo\] file: .*no.png is not there"),
        ('label = "A"', "", r"\[\[speaker\]\] needs label and name"),
        ("[colours]", "[colours", r"is not TOML"),
    ],
)
def test_a_wrong_kit_is_one_clear_error(kit: Path, old: str, new: str, message: str) -> None:
    (kit / "brand.toml").write_text(KIT.replace(old, new))
    with pytest.raises(InputError, match=message):
        read_brand(kit)


def test_a_folder_without_a_kit_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a brand kit needs .*brand\.toml"):
        read_brand(tmp_path)
