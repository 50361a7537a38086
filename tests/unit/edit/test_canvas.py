from fractions import Fraction

import pytest

from talkreel.core.edits import Canvas
from talkreel.edit.canvas import choose_canvas, choose_rate
from talkreel.edit.options import EditOptions


@pytest.mark.parametrize(
    ("source", "aspect", "size"),
    [
        ((1920, 1080), "9:16", (1080, 1920)),
        ((3840, 2160), "9:16", (1080, 1920)),
        ((1280, 720), "9:16", (810, 1440)),
        ((352, 288), "9:16", (324, 576)),
        ((540, 960), "9:16", (1080, 1920)),
        ((1920, 1080), "1:1", (1080, 1080)),
        ((1920, 1080), "4:5", (1080, 1350)),
        ((1280, 720), "16:9", (1920, 1080)),
        ((1280, 720), "source", (1280, 720)),
        ((4096, 2160), "source", (1920, 1012)),
        ((64, 48), "9:16", (180, 320)),
        ((101, 99), "source", (320, 314)),
    ],
)
def test_canvas_has_the_aspect_and_stays_within_the_limits(
    media_of, video_of, source, aspect, size
):
    canvas = choose_canvas(media_of(video_of(*source)), EditOptions(aspect=aspect))
    assert (canvas.width, canvas.height) == size


@pytest.mark.parametrize("limit", [1.0, 1.5, 2.0, 3.0])
def test_a_crop_is_never_enlarged_beyond_the_limit(media_of, video_of, limit):
    options = EditOptions(upscale_limit=limit)
    canvas = choose_canvas(media_of(video_of(854, 480)), options)
    assert canvas.height / 480 <= limit


def test_a_lower_height_gives_a_smaller_canvas(media_of):
    assert choose_canvas(media_of(), EditOptions(height=1280)) == Canvas(720, 1280, Fraction(30))


def test_sound_without_picture_gets_a_full_canvas(media_of):
    canvas = choose_canvas(media_of(picture=False), EditOptions(aspect="source"))
    assert (canvas.width, canvas.height) == (1080, 1920)


@pytest.mark.parametrize(
    ("rate", "variable", "expected"),
    [
        (Fraction(30000, 1001), False, Fraction(30000, 1001)),
        (Fraction(2997, 100), False, Fraction(30000, 1001)),
        (Fraction(23976, 1000), False, Fraction(24000, 1001)),
        (Fraction(24), False, Fraction(24)),
        (Fraction(2999, 100), False, Fraction(30)),
        (Fraction(120), False, Fraction(60)),
        (Fraction(100), False, Fraction(50)),
        (Fraction(240), False, Fraction(60)),
        (Fraction(5), False, Fraction(25)),
        (Fraction(10), False, Fraction(30)),
        (Fraction(12), False, Fraction(24)),
        (Fraction(15), False, Fraction(30)),
        (Fraction(7), False, Fraction(30)),
        (Fraction(1, 10), False, Fraction(24)),
        (Fraction(27), True, Fraction(30000, 1001)),
        (Fraction(57, 2), False, Fraction(57, 2)),
    ],
)
def test_frame_rate_rule(video_of, rate, variable, expected):
    assert choose_rate(video_of(rate=rate, variable=variable)) == expected


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("aspect", "3:2", "aspect is one of"),
        ("captions", "nosuch", "captions is one of"),
        ("height", 100, "at least 320"),
        ("pre_roll", -1.0, "seconds >= 0"),
        ("upscale_limit", 0.5, "at least 1"),
    ],
)
def test_options_refuse_what_cannot_be(field, value, message):
    with pytest.raises(ValueError, match=message):
        EditOptions(**{field: value})
