from itertools import pairwise

import numpy as np
import pytest

from talkreel.core.edits import Canvas, LayoutKind
from talkreel.core.spans import Span
from talkreel.core.tracks import Shot
from talkreel.edit.build import build_edit
from talkreel.edit.options import EditOptions
from talkreel.edit.punch import LARGEST_PUNCH, SMALLEST_PUNCH, Scene, punch_in

KEPT = (Span(0, 5), Span(6, 10), Span(11, 15), Span(16, 20))


def walking(times):
    """A picture in which somebody moves on by a few pixels a second."""
    frames = []
    for time in times:
        x = np.arange(320) + time
        row = 110 + 100 * np.sin(x / 9)
        frames.append(np.repeat(np.tile(row, (180, 1))[..., None], 3, 2).astype(np.uint8))
    return frames


def standing(times):
    return walking([0.0] * len(times))


@pytest.fixture
def person(scenario, words_of, face_of):
    scene = scenario(words_of("One two three four five. " * 10, 0.2), [face_of(1, 0.5)])
    return scene


def punched(scene, look=walking, limit=3.0, cuts=(), face=None, kept=KEPT):
    analysis = scene.analysis
    edit = build_edit(scene.candidate(Span(0, 20)), analysis, EditOptions(upscale_limit=limit))
    layouts = tuple(edit.layouts)
    shots = [Shot(Span(a, b)) for a, b in pairwise([0.0, *cuts, 60.0])]
    faces = analysis.faces if face is None else (face,)
    setting = Scene(kept, shots, faces, analysis.media.video, Canvas(1080, 1920, 30), limit, look)
    return layouts, punch_in(layouts, setting)


def eyes_on_canvas(face, box):
    left, top, right, bottom = face.box_at(8.0)
    y = top + 0.4 * (bottom - top)
    return ((left + right) / 2 - box[0]) / (box[2] - box[0]), (y - box[1]) / (box[3] - box[1])


def test_every_second_run_is_closer_and_the_eyes_stay(person):
    (plain,), result = punched(person)
    assert (result.hops, result.hidden) == (3, 3)
    heights = [x.paths[0].keys[0].box[3] - x.paths[0].keys[0].box[1] for x in result.layouts]
    scales = [heights[0] / height for height in heights]
    assert scales[0] == scales[2] == 1.0
    assert SMALLEST_PUNCH <= scales[1] <= LARGEST_PUNCH + 1e-6
    assert scales[3] == pytest.approx(scales[1])
    face = person.faces[0]
    before = eyes_on_canvas(face, plain.paths[0].box_at(8.0))
    assert eyes_on_canvas(face, result.layouts[1].paths[0].box_at(8.0)) == pytest.approx(
        before, abs=0.01
    )
    assert result.layouts[0].span.start == plain.span.start
    assert result.layouts[-1].span.end == plain.span.end
    for a, b in pairwise(result.layouts):
        assert a.span.end == b.span.start
    assert 5 < result.layouts[0].span.end < 6


def test_a_still_picture_does_not_hop(person):
    layouts, result = punched(person, look=standing)
    assert result.layouts == layouts
    assert result.hops == 0


def test_a_join_on_a_cut_needs_no_hiding(person):
    _, result = punched(person, cuts=(5.5,), kept=(Span(0, 5), Span(6, 20)))
    assert result.hops == 0


def test_nothing_is_enlarged_over_the_limit(person):
    limit = 1920 / 1080 * 1.02
    layouts, result = punched(person, limit=limit)
    assert (result.hops, result.hidden) == (3, 0)
    assert result.layouts == layouts


def test_no_head_is_cut_off(person, scenario, words_of, face_of):
    tall = face_of(1, 0.5, height=0.7, top=0.22)
    scene = scenario(words_of("One two three four five. " * 10, 0.2), [tall])
    (plain,), result = punched(scene)
    for layout in result.layouts:
        box = layout.paths[0].box_at(layout.span.middle)
        hair = tall.box_at(layout.span.middle)[1] - 0.3 * 0.7
        assert box[1] <= hair + 1e-6 or box == plain.paths[0].box_at(layout.span.middle)


def test_what_is_shown_whole_stays_whole(scenario, words_of):
    scene = scenario(words_of("One two three four five. " * 10, 0.2))
    layouts, result = punched(scene)
    assert layouts[0].kind is LayoutKind.FIT
    assert result.layouts == layouts
