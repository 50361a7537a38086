from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from talkreel.core.edits import Canvas, CaptionCue, Captions, CaptionStyle, CaptionWord
from talkreel.core.errors import RenderError
from talkreel.core.spans import Span, TimeMap
from talkreel.media.ffmpeg import run_ffmpeg
from talkreel.media.fonts import find_font, gather_fonts, measure_font
from talkreel.rendering.ass import ass_script, caption_fonts
from talkreel.rendering.ass_text import LINE_HEIGHT, ass_colour, ass_time, escape, wrap

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "captions.ass"
CANVAS = Canvas(540, 960, Fraction(25))
PLAIN = CaptionStyle(
    "plain", "Roboto Black", "Roboto-Black.ttf", 0.05, active_colour="#FF0000", outline=0.0
)
Make = Callable[..., Captions]


def draw(script: str, folder: Path, seconds: list[float]) -> NDArray[np.uint8]:
    """[N, H, W, 3]: what libass draws on black at each second."""
    folder.mkdir(exist_ok=True)
    gather_fonts(folder / "fonts", ("Roboto-Black.ttf", *caption_fonts(None)))
    (folder / "c.ass").write_text(script, encoding="utf-8")
    frames = "+".join(f"eq(n,{round(s * 25)})" for s in seconds)
    size = f"{CANVAS.width}x{CANVAS.height}"
    graph = f"color=black:s={size}:r=25:d=4,format=gbrp,ass=c.ass:fontsdir=fonts,select='{frames}'"
    run_ffmpeg(
        [
            *("-f", "lavfi", "-i", graph, "-fps_mode", "passthrough", "-f", "rawvideo"),
            *("-pix_fmt", "rgb24", "drawn.rgb"),
        ],
        timeout_seconds=60,
        cwd=folder,
    )
    drawn = np.fromfile(folder / "drawn.rgb", dtype=np.uint8)
    return drawn.reshape(len(seconds), CANVAS.height, CANVAS.width, 3)


def script(captions: Captions | None, *, title: str = "") -> str:
    return ass_script(captions, CANVAS, TimeMap((Span(0.0, 4.0),)), 100, title=title)


def test_script_is_as_it_was(captions: Make) -> None:
    style = CaptionStyle(
        "golden",
        "Roboto Black",
        "Roboto-Black.ttf",
        0.036,
        plate_colour="#101014",
        uppercase=True,
        shadow=0.001,
    )
    made = captions([(0.5, "we choose/to go {now}"), (1.5, "straße \\N →")], style)
    text = ass_script(made, CANVAS, TimeMap((Span(0.0, 1.2), Span(1.5, 4.0))), 92)
    assert text == GOLDEN.read_text(encoding="utf-8")


def test_neighbours_of_the_lit_word_stay_the_same_to_the_pixel(
    captions: Make, tmp_path: Path
) -> None:
    made = captions([(0.0, "Wave to AVAToy/fjord Type")], PLAIN)
    states = draw(script(made), tmp_path, [0.0, 0.24, 0.44, 0.64, 0.84])
    shapes = states.max(axis=3)  # white and pure red are equally strong in their own channel
    for shape in shapes[1:]:
        # Neighbouring words differ by one step of blue on purpose.
        assert np.max(np.abs(shape.astype(int) - shapes[0].astype(int))) <= 1
    white = states[:, :, :, 2] > 128
    assert all(0 < lit.sum() < shape.sum() for lit, shape in zip(white, shapes > 128, strict=True))


def test_a_word_lights_up_with_the_frame_it_is_said_in_and_not_before(
    captions: Make, tmp_path: Path
) -> None:
    word = CaptionWord("now", Span(1.03, 1.5))
    cue = CaptionCue(Span(0.5, 1.5), ((CaptionWord("wait", Span(0.5, 0.9)), word),), 0.5)
    before, at = draw(script(Captions(PLAIN, (cue,))), tmp_path, [1.0, 1.04])
    right = CANVAS.width // 2
    lit = [(image[:, right:, 0] > 128) & (image[:, right:, 1] < 60) for image in (before, at)]
    assert lit[0].sum() == 0
    assert lit[1].sum() > 50


def test_size_is_the_em_and_capitals_sit_in_the_middle_of_their_line(
    captions: Make, tmp_path: Path
) -> None:
    (image,) = draw(script(captions([(0.0, "HIH")], PLAIN, top=0.5)), tmp_path, [0.5])
    rows = np.flatnonzero(image.max(axis=(1, 2)) > 128)
    em = PLAIN.size * CANVAS.height
    font = measure_font(find_font("Roboto-Black.ttf"))
    assert rows[-1] - rows[0] + 1 == pytest.approx(font.cap_height * em, abs=1.5)
    middle = (rows[0] + rows[-1] + 1) / 2
    assert middle == pytest.approx(0.5 * CANVAS.height + LINE_HEIGHT * em / 2, abs=1.5)
    columns = np.flatnonzero(image.max(axis=(0, 2)) > 128)
    assert (columns[0] + columns[-1] + 1) / 2 == pytest.approx(CANVAS.width / 2, abs=2)


def test_the_plate_holds_the_text(captions: Make, tmp_path: Path) -> None:
    style = CaptionStyle(
        "plate",
        "Roboto Black",
        "Roboto-Black.ttf",
        0.04,
        colour="#00FF00",
        active_colour="#00FF00",
        outline=0.0,
        plate_colour="#0000FF",
        plate_opacity=1.0,
    )
    made = captions([(0.0, "Quick brown fox/jumps")], style, top=0.4)
    (image,) = draw(script(made), tmp_path, [0.5])
    plate, text = image[:, :, 2] > 128, image[:, :, 1] > 128
    for axis in (0, 1):
        covered, written = (np.flatnonzero(mask.any(axis=axis)) for mask in (plate, text))
        assert covered[0] < written[0]
        assert covered[-1] > written[-1]
        assert written[0] - covered[0] == pytest.approx(covered[-1] - written[-1], abs=16)


def test_nothing_is_drawn_outside_a_cue(captions: Make, tmp_path: Path) -> None:
    images = draw(script(captions([(1.0, "one two")], PLAIN)), tmp_path, [0.96, 1.0, 1.96, 2.0])
    assert [int(image.max()) > 0 for image in images] == [False, True, True, False]


def test_commands_in_the_text_are_only_text(captions: Make, tmp_path: Path) -> None:
    made = captions([(0.0, "{\\fs200}a \\Nb c}d")], PLAIN)
    (image,) = draw(script(made), tmp_path, [0.5])
    rows = np.flatnonzero(image.max(axis=(1, 2)) > 128)
    assert rows[-1] - rows[0] < 1.3 * PLAIN.size * CANVAS.height


def test_characters_the_font_lacks_come_from_another(captions: Make, tmp_path: Path) -> None:
    made = captions([(0.0, "a→b")], PLAIN)
    assert "{\\fnDejaVu Sans}a→b{\\fnRoboto Black}" in script(made)
    (image,) = draw(script(made), tmp_path, [0.5])
    assert image.max() > 128


def test_a_long_title_is_wrapped_inside_the_canvas(tmp_path: Path) -> None:
    text = script(None, title="Why the moon matters more than most of us would have thought")
    (image,) = draw(text, tmp_path, [0.5])
    columns = np.flatnonzero(image.max(axis=(0, 2)) > 128)
    assert columns[0] > 0.05 * CANVAS.width
    assert columns[-1] < 0.95 * CANVAS.width
    assert text.count("Dialogue") >= 2


def test_words_cut_away_are_not_lit(captions: Make) -> None:
    made = captions([(0.0, "one two three four")], PLAIN)
    times = TimeMap((Span(0.0, 0.25), Span(0.75, 2.0)))
    lit = re.findall(r"&H0[01]00FF&}(\w+)", ass_script(made, CANVAS, times, 37))
    assert lit == ["one", "four"]


def test_times_never_begin_before_their_frame() -> None:
    for rate in (Fraction(30000, 1001), Fraction(25), Fraction(60)):
        for frame in (0, 1, 7, 100, 54001):
            hours, minutes, seconds = ass_time(frame, rate).split(":")
            shown = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
            assert (frame - 1) / rate < shown <= frame / rate + Fraction(1, 10**9)


def test_wrap_keeps_every_word() -> None:
    font = measure_font(find_font("Roboto-Bold.ttf"))
    text = "a bb ccc Donaudampfschifffahrtsgesellschaft dd"
    lines = wrap(text, font, 6.0)
    assert " ".join(lines) == text
    assert all(font.width(line) <= 6.0 or " " not in line for line in lines)


def test_escape() -> None:
    assert escape("a{b}\nc\\N") == "a\\{b\\} c\\\u2060N"


@pytest.mark.parametrize("colour", ["red", "#12345", "#GG0000", ""])
def test_wrong_colours_are_refused(colour: str) -> None:
    with pytest.raises(ValueError, match="#RRGGBB"):
        ass_colour(colour)


def test_a_missing_font_is_named(captions: Make) -> None:
    style = CaptionStyle("x", "Nowhere", "Nowhere.ttf", 0.04)
    with pytest.raises(RenderError, match=r"Nowhere\.ttf"):
        script(captions([(0.0, "a")], style))


def test_right_to_left_words_light_up_from_the_right(captions: Make, tmp_path: Path) -> None:
    style = CaptionStyle(
        "rtl",
        "DejaVu Sans",
        "DejaVuSans-Bold.ttf",
        0.05,
        active_colour="#FF0000",
        outline=0.0,
        active_plate="#0000FF",
    )
    made = captions([(0.0, "שלום לכולם היום")], style)
    states = draw(script(made), tmp_path, [0.12, 0.44, 0.8]).astype(int)
    lit = [(image[:, :, 0] > 128) & (image[:, :, 1] < 60) for image in states]
    boxed = [(image[:, :, 2] > 128) & (image[:, :, 1] < 60) for image in states]
    middles = [float(np.mean(np.flatnonzero(mask.any(axis=0)))) for mask in lit]
    assert middles[0] > middles[1] > middles[2]
    for mask, box in zip(lit, boxed, strict=True):
        letters, plate = (np.flatnonzero(m.any(axis=0)) for m in (mask, box))
        assert plate[0] < letters[0]
        assert letters[-1] < plate[-1]


def test_the_box_of_the_lit_word_holds_it_and_no_other(captions: Make, tmp_path: Path) -> None:
    style = CaptionStyle(
        "box",
        "Roboto Black",
        "Roboto-Black.ttf",
        0.05,
        colour="#00FF00",
        active_colour="#FF0000",
        outline=0.0,
        active_plate="#0000FF",
    )
    made = captions([(0.0, "Quick brown/fox jumps")], style)
    for second in (0.12, 0.36, 0.6, 0.88):
        (image,) = draw(script(made), tmp_path / str(second), [second])
        red, green, blue = (image[:, :, i] > 128 for i in range(3))
        rows, columns = (np.flatnonzero(blue.any(axis=axis)) for axis in (1, 0))
        inside = np.zeros(blue.shape, dtype=bool)
        inside[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
        assert (red & ~green & ~inside).sum() == 0
        assert (green & ~red & inside).sum() == 0


def test_revealed_words_keep_their_place(captions: Make, tmp_path: Path) -> None:
    style = CaptionStyle("type", "Roboto Black", "Roboto-Black.ttf", 0.05, reveal=True)
    plain = draw(script(captions([(0.0, "one two")], PLAIN)), tmp_path / "a", [0.8])
    first, both = draw(script(captions([(0.0, "one two")], style)), tmp_path / "b", [0.2, 0.8])
    right = CANVAS.width // 2 + 10
    assert first[:, right:].max() == 0
    assert both[:, right:].max() > 128
    shared = (plain[0].max(axis=2) > 200) & (first.max(axis=2) < 200)
    assert shared[:, : CANVAS.width // 2 - 10].sum() == 0
