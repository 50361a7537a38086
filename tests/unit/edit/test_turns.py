from itertools import pairwise

import numpy as np
import pytest

from talkreel.core.spans import Span, TimeMap
from talkreel.edit.subjects import find_subjects
from talkreel.edit.turns import MIN_HOLD_SECONDS, find_turns

SCENE = Span(0.0, 30.0)
KEPT = TimeMap((SCENE,))


@pytest.fixture
def two_people(face_of):
    """Two faces; ``talks(t)`` is 1 where the left one speaks."""

    def build(talks, noise=0.1, **labels):
        rng = np.random.default_rng(3)

        def blur(values):
            return np.clip(values + rng.normal(0, noise, len(values)), 0, 1)

        left = face_of(
            1, 0.25, speaking=lambda t: blur(0.1 + 0.8 * talks(t)), speaker=labels.get("left")
        )
        right = face_of(
            2, 0.75, speaking=lambda t: blur(0.9 - 0.8 * talks(t)), speaker=labels.get("right")
        )
        return find_subjects(SCENE, [left, right])

    return build


def test_each_speaker_gets_the_camera(two_people):
    turns = find_turns(SCENE, two_people(lambda t: (t < 12) * 1.0), [], KEPT)
    assert [turn.who for turn in turns] == [0, 1]
    assert turns[0].span.end == pytest.approx(12, abs=0.4)
    assert turns[0].lead > 0.5


def test_an_interjection_does_not_move_the_camera(two_people):
    subjects = two_people(lambda t: 1.0 - ((t > 10) & (t < 10.55)))
    assert [turn.who for turn in find_turns(SCENE, subjects, [], KEPT)] == [0]


def test_ping_pong_shows_both(two_people):
    subjects = two_people(lambda t: (np.floor(t / 1.5) % 2 == 0) * 1.0)
    assert [turn.who for turn in find_turns(SCENE, subjects, [], KEPT)] == [None]


def test_two_at_once_are_both_shown(face_of):
    faces = [face_of(1, 0.25, speaking=0.9), face_of(2, 0.75, speaking=0.9)]
    turns = find_turns(SCENE, find_subjects(SCENE, faces), [], KEPT)
    assert [turn.who for turn in turns] == [None]


@pytest.mark.parametrize("known", [float("nan"), 0.3, 0.5])
def test_a_coin_is_not_flipped(face_of, known):
    faces = [face_of(1, 0.25, speaking=known), face_of(2, 0.75, speaking=known)]
    turns = find_turns(SCENE, find_subjects(SCENE, faces), [], KEPT)
    assert [turn.who for turn in turns] == [None]


def test_voices_decide_where_mouths_are_not_known(face_of, words_of):
    faces = [face_of(1, 0.25, speaker="A"), face_of(2, 0.75, speaker="B")]
    words = [*words_of("one two three " * 10, 0, speaker="A")]
    words += words_of("four five six " * 10, words[-1].span.end + 0.3, speaker="B")
    turns = find_turns(SCENE, find_subjects(SCENE, faces), words, KEPT)
    assert [turn.who for turn in turns][:2] == [0, 1]


def test_the_cut_comes_just_before_the_new_speakers_first_word(two_people, words_of):
    words = [*words_of("one two three " * 10, 0.5, speaker="A")]
    begin = words[-1].span.end + 0.4
    words += words_of("four five six " * 10, begin, speaker="B")
    subjects = two_people(lambda t: (t < begin - 0.2) * 1.0, left="A", right="B")
    turns = find_turns(SCENE, subjects, words, KEPT)
    assert [turn.who for turn in turns] == [0, 1]
    assert 0.0 <= begin - turns[1].span.start <= 0.2


def test_nobody_is_shown_before_being_seen(face_of):
    late = face_of(2, 0.75, span=(10.0, 30.0), speaking=0.9)
    early = face_of(1, 0.25, speaking=0.1)
    turns = find_turns(SCENE, find_subjects(SCENE, [early, late]), [], KEPT)
    shown = {turn.who for turn in turns if turn.span.end <= 9.0}
    assert 1 not in shown


@pytest.mark.parametrize("seed", range(5))
def test_turns_tile_the_scene_and_are_held(two_people, seed):
    rng = np.random.default_rng(seed)
    marks = np.sort(rng.uniform(0, 30, 14))
    subjects = two_people(lambda t: np.searchsorted(marks, t) % 2 * 1.0, noise=0.25)
    turns = find_turns(SCENE, subjects, [], KEPT)
    assert turns[0].span.start == SCENE.start
    assert turns[-1].span.end == SCENE.end
    assert all(a.span.end == b.span.start for a, b in pairwise(turns))
    assert all(turn.span.duration >= MIN_HOLD_SECONDS - 1e-6 for turn in turns)


def test_hold_is_measured_in_clip_time(two_people):
    subjects = two_people(lambda t: ((t < 10) | (t > 12)) * 1.0)
    cut_away = TimeMap((Span(0, 10.2), Span(11.6, 30)))
    assert [t.who for t in find_turns(SCENE, subjects, [], cut_away)] == [0]
