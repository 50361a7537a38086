from __future__ import annotations

from pathlib import Path

import pytest

from talkreel.core.errors import RenderError
from talkreel.media.fonts import find_font, gather_fonts, measure_font


@pytest.mark.parametrize("name", ["Roboto-Black.ttf", "DejaVuSans-Bold.ttf"])
def test_fonts_of_installed_packages_are_found_and_measured(name: str) -> None:
    font = measure_font(find_font(name))
    assert font.bold
    assert 0.65 < font.cap_height < 0.75
    assert 1.0 < font.ascent + font.descent < 1.5
    assert font.ass_size(100) == pytest.approx(100 * (font.ascent + font.descent))
    assert ord("A") in font.characters


def test_width_counts_kerning_and_grows_with_the_text() -> None:
    font = measure_font(find_font("Roboto-Black.ttf"))
    assert font.width("AV") < font.width("A") + font.width("V")
    assert font.width("word word") > font.width("word")


def test_a_font_by_path_is_taken_as_it_is(tmp_path: Path) -> None:
    mine = tmp_path / "Brand.ttf"
    mine.write_bytes(find_font("Roboto-Medium.ttf").read_bytes())
    assert find_font(str(mine)) == mine
    assert not measure_font(mine).bold


@pytest.mark.parametrize("name", ["None.ttf", "../../etc/passwd", ""])
def test_unknown_fonts_are_refused(name: str) -> None:
    with pytest.raises(RenderError, match="choose another caption style"):
        find_font(name)


def test_a_file_that_is_no_font_is_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.ttf"
    wrong.write_text("not a font")
    with pytest.raises(RenderError, match=r"wrong\.ttf"):
        measure_font(wrong)


def test_only_what_is_needed_is_gathered(tmp_path: Path) -> None:
    gather_fonts(tmp_path / "fonts", ("Roboto-Black.ttf", "Roboto-Black.ttf"))
    assert [path.name for path in (tmp_path / "fonts").iterdir()] == ["Roboto-Black.ttf"]
