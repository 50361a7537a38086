"""Faces are followed over gaps, blips are dropped, printed faces are not people."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from talkreel.perceive.detectors import Detections, iou
from talkreel.perceive.tracking import Tracker

STEP = 0.2


def _picture(seed: int, x: float, size: float = 0.2) -> NDArray[np.uint8]:
    """Noise that stays, with one textured square at ``x``."""
    image = np.random.default_rng(7).integers(90, 110, (180, 320)).astype(np.uint8)
    face = np.random.default_rng(seed).integers(0, 255, (12, 12)).repeat(6, 0).repeat(6, 1)
    side = round(size * 320)
    left = round(x * 320)
    image[60 : 60 + side, left : left + side] = face[:side, :side][:, : 320 - left]
    return image


def _box(x: float, size: float = 0.2) -> list[float]:
    return [x, 60 / 180, x + size, 60 / 180 + size * 320 / 180]


def _found(*boxes: list[float], score: float = 0.9) -> Detections:
    return Detections(np.array(boxes).reshape(-1, 4), np.full(len(boxes), score))


def test_a_gap_is_filled_by_looks_with_score_zero() -> None:
    tracker = Tracker()
    for i in range(15):
        x = 0.2 + 0.01 * i
        seen = _found() if 5 <= i < 10 else _found(_box(x))
        tracker.update(i * STEP, seen, _picture(1, x))
    (track,) = tracker.finish(first_id=4)
    assert track.id == 4
    assert len(track.times) == 15
    assert np.all((track.scores == 0) == [5 <= i < 10 for i in range(15)])
    assert np.all(np.isnan(track.speaking))
    assert abs(float(track.box_at(7 * STEP)[0]) - 0.27) < 0.02


def test_two_faces_keep_apart() -> None:
    tracker = Tracker()
    for i in range(10):
        tracker.update(i * STEP, _found(_box(0.1), _box(0.6)), _picture(1, 0.1))
    left, right = tracker.finish()
    assert (left.id, right.id) == (0, 1)
    assert left.boxes[:, 0].max() < 0.2 < right.boxes[:, 0].min()


def test_blips_are_dropped_unless_the_shot_is_short() -> None:
    tracker = Tracker()
    for i in range(20):
        seen = _found(_box(0.5)) if i in (3, 4) else _found()
        tracker.update(i * STEP, seen, _picture(i, 0.1))
    assert tracker.finish() == ()
    short = Tracker()
    for i in range(3):
        short.update(i * STEP, _found(_box(0.5)), _picture(1, 0.5))
    assert len(short.finish()) == 1


def test_a_small_printed_face_is_not_followed() -> None:
    printed, alive = Tracker(), Tracker()
    for i in range(20):
        still = _picture(1, 0.5, 0.04)
        printed.update(i * STEP, _found(_box(0.5, 0.04)), still)
        moving = _picture(1 + i % 3, 0.5, 0.04)
        alive.update(i * STEP, _found(_box(0.5, 0.04)), moving)
    assert printed.finish() == ()
    assert len(alive.finish()) == 1


def test_a_face_that_left_is_let_go() -> None:
    tracker = Tracker()
    for i in range(30):
        here = i < 10
        picture = _picture(1, 0.5) if here else _picture(99, 0.0, 0.02)
        tracker.update(i * STEP, _found(_box(0.5)) if here else _found(), picture)
    (track,) = tracker.finish()
    assert track.span.end == pytest.approx(9 * STEP)


def test_nothing_seen_is_no_track() -> None:
    assert Tracker().finish() == ()
    assert Detections.joined([]).boxes.shape == (0, 4)


def test_doubles_are_joined_best_first() -> None:
    joined = Detections.joined(
        [_found(_box(0.1), score=0.5), _found(_box(0.11), score=0.9), _found(_box(0.6), score=0.7)]
    )
    assert joined.scores.tolist() == [0.9, 0.7]
    assert iou(joined.boxes[0], joined.boxes[1]) == 0.0
