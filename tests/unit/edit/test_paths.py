from itertools import pairwise

import numpy as np
import pytest

from talkreel.core.edits import Motion
from talkreel.core.spans import Span
from talkreel.edit.geometry import View, centre_inside, visible_share
from talkreel.edit.paths import SPEED_LIMIT, camera_keys, crop_height, follow_face, taut_string

HD = View(1920, 1080, 1080, 1920, 2.0)
UHD = View(3840, 2160, 1080, 1920, 2.0)
SPAN = Span(0.0, 20.0)


def eyes_in_crop(face, box, share=0.4):
    top, bottom = float(face.boxes[0][1]), float(face.boxes[0][3])
    return (top + share * (bottom - top) - box[1]) / (box[3] - box[1])


def test_a_still_person_gets_a_still_camera(face_of):
    sway = face_of(1, lambda t: 0.4 + 0.02 * np.sin(2 * t))
    follow = follow_face(HD, sway, SPAN)
    assert follow.path.motion is Motion.HOLD
    assert len(follow.path.keys) == 1
    left, _, right, _ = follow.path.keys[0].box
    assert (left + right) / 2 == pytest.approx(0.4, abs=0.01)
    assert follow.held == 1.0


def test_a_crop_has_the_canvas_aspect(face_of):
    left, top, right, bottom = follow_face(HD, face_of(1, 0.3), SPAN).path.keys[0].box
    assert (right - left) * 1920 / ((bottom - top) * 1080) == pytest.approx(9 / 16)


def test_a_person_at_the_edge_is_not_left_outside(face_of):
    follow = follow_face(HD, face_of(1, 0.02), SPAN)
    assert follow.path.keys[0].box[0] == 0.0
    assert follow.held == 1.0


def test_a_walking_person_is_followed_calmly(face_of):
    walk = face_of(1, lambda t: 0.2 + 0.6 * np.clip((t - 4) / 12, 0, 1))
    follow = follow_face(HD, walk, SPAN)
    assert follow.path.motion is Motion.LINEAR
    assert follow.held > 0.95
    assert len(follow.path.keys) <= 2 * SPAN.duration
    width = HD.size(1.0)[0]
    for a, b in pairwise(follow.path.keys):
        assert abs(b.box[0] - a.box[0]) / (b.time - a.time) <= SPEED_LIMIT * width + 1e-6


def test_pacing_up_and_down_reverses_only_with_the_person(face_of):
    pace = face_of(1, lambda t: 0.5 + 0.25 * np.sin(2 * np.pi * t / 20))
    path = follow_face(HD, pace, Span(0, 40)).path
    steps = [b.box[0] - a.box[0] for a, b in pairwise(path.keys)]
    signs = [np.sign(s) for s in steps if abs(s) > 1e-4]
    assert sum(a != b for a, b in pairwise(signs)) <= 4


def test_a_sprint_is_not_whipped_after(face_of):
    sprint = face_of(1, lambda t: np.where(np.floor(t) % 2 == 0, 0.1, 0.9))
    follow = follow_face(HD, sprint, SPAN)
    assert follow.held < 0.85


def test_small_faces_are_enlarged_as_far_as_allowed():
    assert crop_height(HD, 0.25) == 1.0
    assert crop_height(HD, 0.05) == pytest.approx(1920 / 2 / 1080)
    assert crop_height(UHD, 0.05) == pytest.approx(1920 / 2 / 2160)
    assert crop_height(UHD, 0.11) == pytest.approx(0.11 / 0.17)


def test_a_close_crop_puts_the_eyes_in_the_upper_third(face_of):
    face = face_of(1, 0.5, height=0.08, top=0.45)
    box = follow_face(UHD, face, SPAN).path.keys[0].box
    assert eyes_in_crop(face, box) == pytest.approx(0.39, abs=0.01)


def test_a_close_crop_grows_for_a_face_that_bobs(face_of):
    face = face_of(1, 0.5, height=0.08, top=0.45)
    boxes = face.boxes.copy()
    boxes[:, [1, 3]] += 0.2 * np.sin(face.times)[:, None]
    bobbing = type(face)(1, face.times, boxes, face.scores, face.speaking)
    still = follow_face(UHD, face, SPAN).path.keys[0].box
    grown = follow_face(UHD, bobbing, SPAN).path.keys[0].box
    assert grown[3] - grown[1] > still[3] - still[1]
    for time in np.arange(0, 19, 0.5):
        assert centre_inside(tuple(bobbing.box_at(time)), grown)


def test_the_taut_string_is_the_shortest_way_through():
    low = np.array([0.0, 0.0, 2.0, 0.0, 0.0])
    high = low + 1.0
    corners = taut_string(low, high)
    path = np.interp(range(5), [i for i, _ in corners], [v for _, v in corners])
    assert np.all(path >= low - 1e-9)
    assert np.all(path <= high + 1e-9)
    assert np.abs(np.diff(path)).sum() == pytest.approx(2.0)


def test_camera_keys_hold_where_everything_fits_the_dead_zone():
    times = np.arange(0, 10, 0.2)
    assert len(camera_keys(times, 0.5 + 0.01 * np.sin(times), 0.05, 0.3)) == 1


def test_visible_share():
    assert visible_share((0.2, 0.2, 0.4, 0.4), (0.3, 0.0, 1.0, 1.0)) == pytest.approx(0.5)
    assert visible_share((0.2, 0.2, 0.2, 0.4), (0.0, 0.0, 1.0, 1.0)) == 0.0
