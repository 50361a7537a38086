import numpy as np
import pytest

from talkreel.core.picture import Grade, PictureChain
from talkreel.core.spans import Span
from talkreel.edit.picture import denoising, match_shots, sharpening


@pytest.fixture
def place():
    rng = np.random.default_rng(3)
    rough = rng.uniform(40, 180, (6, 8, 3))
    return np.kron(rough, np.ones((9, 9, 1)))


def shown(picture):
    return np.clip(np.round(picture), 0, 255).astype(np.uint8)


def test_only_clear_noise_and_softness_are_mended():
    assert [denoising(noise) for noise in (0.0, 2.0, 6.04, 40.0)] == [0, 0, 6.0, 0]
    assert sharpening(0.35, 0.5) == 0
    assert 0.5 <= sharpening(0.5, 0.5) <= 1.2
    assert sharpening(0.5, 6.0) == 0  # it would raise the noise


def test_a_shot_of_the_same_place_is_matched_to_the_longest(place):
    other = place[::-1, ::-1]
    spans = [Span(0, 2), Span(2, 8), Span(8, 10), Span(10, 12)]
    looks = [shown(place * [1.2, 1.0, 0.8]), shown(place), shown(other), shown(place * 1.01)]
    (grade,) = match_shots(spans, looks)
    assert grade.span == spans[0]
    assert grade.gains == pytest.approx((1 / 1.2, 1.0, 1 / 0.8), abs=0.02)


def test_a_light_that_goes_out_is_meant(place):
    looks = [shown(place), shown(place * 0.4)]
    assert match_shots([Span(0, 5), Span(5, 8)], looks) == ()


def test_black_and_white_pictures_say_nothing():
    looks = [np.full((20, 30, 3), value, np.uint8) for value in (0, 255)]
    assert match_shots([Span(0, 5), Span(5, 8)], looks) == ()


@pytest.mark.parametrize("values", [{"denoise": -1.0}, {"denoise": 99.0}, {"sharpen": 3.0}])
def test_a_chain_refuses_what_no_picture_needs(values):
    with pytest.raises(ValueError, match="denoise is 0 to 30 and sharpen 0 to 2"):
        PictureChain(**values)
    with pytest.raises(ValueError, match="gains of a grade"):
        Grade(Span(0, 1), (0.0, 1.0, 1.0))
