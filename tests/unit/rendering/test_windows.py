from __future__ import annotations

import re

import numpy as np
import pytest
from numpy.typing import NDArray

from talkreel.core.edits import CropKey, CropPath, Motion
from talkreel.rendering.colour import Conversion
from talkreel.rendering.windows import (
    Picture,
    boxes_at,
    cut_filters,
    fit_aspect,
    linearly,
    stepwise,
    windows_of,
)

HD = Picture(1920, 1080, 1.0)
WIDTH = 0.31640625


def box(left: float) -> tuple[float, float, float, float]:
    return (left, 0.0, left + WIDTH, 1.0)


def evaluate(expression: str, n: int) -> float:
    """The value of one of our expressions, in Python."""
    functions = {
        "gte": lambda a, b: float(a >= b),
        "lt": lambda a, b: float(a < b),
        "clip": lambda x, low, high: min(max(x, low), high),
        "floor": np.floor,
    }
    return float(eval(expression, {"n": n, **functions}))


def test_hold_jumps_and_linear_glides() -> None:
    keys = (CropKey(1.0, box(0.1)), CropKey(3.0, box(0.5)))
    times = np.array([0.0, 1.0, 2.0, 2.999, 3.0, 9.0])
    held = boxes_at(CropPath(keys), times)[:, 0]
    np.testing.assert_allclose(held, [0.1, 0.1, 0.1, 0.1, 0.5, 0.5])
    gliding = boxes_at(CropPath(keys, Motion.LINEAR), times)[:, 0]
    np.testing.assert_allclose(gliding, [0.1, 0.1, 0.3, 0.4998, 0.5, 0.5])
    for time, left in zip(times, gliding, strict=True):
        assert CropPath(keys, Motion.LINEAR).box_at(float(time))[0] == pytest.approx(left)


def test_jumps_share_one_window_on_even_pixels() -> None:
    boxes = np.array([box(0.1)] * 10 + [box(0.4)] * 10 + [box(0.1)] * 10)
    ((first, last, window),) = windows_of(boxes, HD, [], 30.0)
    assert (first, last, window.moving) == (0, 30, False)
    assert (window.width, window.height) == (608, 1080)
    assert np.all(window.left % 2 == 0)
    assert set(window.left) == {192.0, 768.0}


def test_a_glide_meets_the_places_where_it_rests() -> None:
    lefts = np.concatenate([np.full(60, 0.1), np.linspace(0.1, 0.25, 60), np.full(60, 0.25)])
    pieces = windows_of(np.array([box(x) for x in lefts]), HD, [], 30.0)
    assert [window.moving for _, _, window in pieces] == [False, True, False]
    assert pieces[0][0] == 0
    assert pieces[-1][1] == 180
    rest, glide, after = (window for _, _, window in pieces)
    assert abs(glide.left[0] - rest.left[-1]) < 0.01
    assert abs(glide.left[-1] - after.left[0]) < 0.01
    assert np.all(np.diff(glide.left) >= 0)


def test_a_step_at_a_join_is_no_motion() -> None:
    lefts = np.concatenate([np.linspace(0.1, 0.1, 30), np.full(30, 0.4), np.full(30, 0.45)])
    pieces = windows_of(np.array([box(x) for x in lefts]), HD, [30, 60], 30.0)
    assert not any(window.moving for _, _, window in pieces)


def test_long_ways_are_cut_so_that_scaling_stays_cheap() -> None:
    boxes = np.array([box(x) for x in np.linspace(0.0, 0.68, 200)])
    pieces = windows_of(boxes, HD, [], 30.0)
    assert len(pieces) > 2
    for _, _, window in pieces:
        assert np.ptp(window.left) <= 0.6 * window.width


def test_boxes_of_the_wrong_shape_are_trimmed_about_their_middle() -> None:
    boxes = np.array([[0.2, 0.0, 0.6, 1.0]])
    ((left, top, right, bottom),) = fit_aspect(boxes, HD, 9 / 16)
    assert (left + right) / 2 == pytest.approx(0.4)
    assert (right - left) * 1920 / ((bottom - top) * 1080) == pytest.approx(9 / 16)


def test_anamorphic_pixels_count_in_the_shape() -> None:
    pal = Picture(720, 576, 64 / 45)
    boxes = np.array([[0.0, 0.0, 1.0, 1.0]])
    assert fit_aspect(boxes, pal, 16 / 9) is boxes


def test_an_odd_picture_keeps_windows_inside() -> None:
    odd = Picture(853, 479, 1.0)
    ((_, _, window),) = windows_of(np.array([[0.5, 0.0, 1.0, 1.0]] * 3), odd, [], 30.0)
    assert window.left[0] + window.width <= 853
    assert window.height == 478


def test_stepwise_and_linearly_say_what_they_were_given() -> None:
    jumps = np.array([4.0] * 5 + [10.0] * 3 + [2.0] * 4)
    assert [evaluate(stepwise(jumps), n) for n in range(12)] == jumps.tolist()
    way: NDArray[np.float64] = np.concatenate(
        [np.linspace(0, 80, 40), np.full(20, 80.0), 80 - 60 * np.sin(np.linspace(0, 1.5, 50))]
    )
    drawn = np.array([evaluate(linearly(way, 90), n) for n in range(len(way))])
    assert np.max(np.abs(drawn - way)) <= 0.61
    assert evaluate(linearly(way, 50), 45) == 50


def test_a_single_frame_can_move_nowhere() -> None:
    assert evaluate(linearly(np.array([7.0]), 90), 0) == 7


def test_moving_windows_are_cut_in_444_after_one_scale() -> None:
    boxes = np.array([box(x) for x in np.linspace(0.1, 0.2, 30)])
    ((_, _, window),) = windows_of(boxes, HD, [], 30.0)
    plain = Conversion("scale={size}", "scale={size}")
    filters = cut_filters(window, HD, 1080, 1920, plain)
    assert re.search(r"^crop=\d+:1080:\d+:0,scale=\d+:1920,format=yuv444p,crop=1080:1920", filters)
    assert filters.endswith("format=yuv420p,setsar=1")
