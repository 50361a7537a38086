from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from talkreel.core.signals import Signal
from talkreel.core.spans import Span
from talkreel.core.tracks import Shot
from talkreel.core.transcript import Word
from talkreel.edit.boundaries import snap_span
from talkreel.edit.tighten import LONG_PAUSE_SECONDS, SHORTEST_RUN_SECONDS, tighten_span

RATE = Fraction(30)
MEDIA = Span(0.0, 60.0)


def snap(span, words, shots=(), bounds=MEDIA, rate=RATE, pre=0.25, post=0.6):
    return snap_span(span, words, shots, bounds, pre_roll=pre, post_roll=post, frame_rate=rate)


def is_whole(span, rate=RATE):
    frames = span.duration * float(rate)
    return abs(frames - round(frames)) < 1e-6


def test_room_is_left_where_nobody_speaks():
    words = [Word("Hello", Span(10, 10.5)), Word("there.", Span(10.6, 11.02))]
    kept = snap(Span(10, 11.02), words)
    assert kept.start == pytest.approx(9.75)
    assert 11.62 - 1 / 30 < kept.end <= 11.62 + 1e-9
    assert is_whole(kept)


def test_room_takes_half_of_a_short_pause():
    words = [
        Word("before.", Span(9, 9.9)),
        Word("Mine.", Span(10, 11)),
        Word("After", Span(11.2, 12)),
    ]
    kept = snap(Span(10, 11), words)
    assert kept.start == pytest.approx(9.95)
    assert 11.0 <= kept.end <= 11.1 + 1e-9


def test_words_that_touch_are_not_cut_into():
    words = [
        Word("before.", Span(9, 10)),
        Word("Mine.", Span(10, 11.013)),
        Word("After", Span(11.013, 12)),
    ]
    kept = snap(Span(10, 11.013), words)
    assert kept.start >= 10 - 1e-9
    assert kept.end <= 11.013 + 1e-9
    assert kept.end > 11.013 - 1 / 30
    assert is_whole(kept)


def test_a_word_that_runs_over_the_candidate_is_kept_whole():
    words = [Word("Over", Span(9.8, 10.4)), Word("here.", Span(10.5, 11.2))]
    kept = snap(Span(10, 11), words)
    assert kept.start <= 9.8
    assert kept.end >= 11.2


def test_clip_stays_inside_the_media():
    words = [Word("All.", Span(0.1, 4.95))]
    kept = snap(Span(0.1, 4.95), words, bounds=Span(0, 5.0))
    assert kept.start == 0.0
    assert kept.end <= 5.0
    assert is_whole(kept)


@pytest.mark.parametrize("cut", [9.80, 9.9, 9.99])
def test_no_flash_of_the_shot_before(cut):
    shots = [Shot(Span(0, cut)), Shot(Span(cut, 60))]
    kept = snap(Span(10, 11), [Word("x.", Span(10, 11))], shots)
    assert cut < kept.start < cut + 0.01


@pytest.mark.parametrize("cut", [11.05, 11.3, 11.55])
def test_no_flash_of_the_shot_after(cut):
    shots = [Shot(Span(0, cut)), Shot(Span(cut, 60))]
    kept = snap(Span(10, 11), [Word("x.", Span(10, 11))], shots)
    assert kept.end < cut
    assert kept.end > cut - 1 / 30 - 0.01


def test_cuts_inside_the_speech_change_nothing():
    words = [Word("x.", Span(10, 11))]
    shots = [Shot(Span(0, 10.5)), Shot(Span(10.5, 60))]
    assert snap(Span(10, 11), words, shots) == snap(Span(10, 11), words)


def test_a_span_outside_the_media_is_refused():
    with pytest.raises(ValueError, match="outside the media"):
        snap(Span(70, 80), [])


def tighten(kept, words, shots=(), **signals):
    return tighten_span(kept, words, shots, frame_rate=RATE, **signals)


def pauses_left(kept, words):
    """Clip seconds between the words, across joins."""
    left = []
    for a, b in pairwise(words):
        played = sum(span.overlap(Span(a.span.end, b.span.start)) for span in kept)
        left.append(played)
    return left


@pytest.fixture
def slow_talk(words_of):
    return words_of("One two three four, five six seven eight, nine ten more.", 10, pause=1.5)


def test_long_pauses_become_natural_ones(slow_talk):
    whole = Span(9.8, 9.8 + 8.0)
    kept = tighten(whole, slow_talk)
    assert len(kept) == 3
    assert all(is_whole(span) for span in kept)
    assert max(pauses_left(kept, slow_talk)) <= 0.35
    long = [
        p
        for p, (a, b) in zip(pauses_left(kept, slow_talk), pairwise(slow_talk), strict=True)
        if b.span.start - a.span.end > LONG_PAUSE_SECONDS
    ]
    assert all(0.22 <= p <= 0.35 for p in long)


def test_no_word_is_touched_and_no_run_is_short(slow_talk):
    kept = tighten(Span(9.8, 17.8), slow_talk)
    for word in slow_talk:
        assert any(s.start <= word.span.start and word.span.end <= s.end for s in kept)
    assert min(span.duration for span in kept) >= SHORTEST_RUN_SECONDS


def test_ends_stay_where_they_were(slow_talk):
    kept = tighten(Span(9.8, 17.8), slow_talk)
    assert kept[0].start == 9.8
    assert kept[-1].end == pytest.approx(17.8)


def test_short_pauses_stay(words_of):
    words = words_of("One two, three four.", 10, pause=0.69)
    whole = Span(9.8, 9.8 + 3.0)
    assert tighten(whole, words) == (whole,)


def test_a_lone_word_between_pauses_keeps_one_of_them(words_of):
    words = [
        *words_of("One two three four five.", 10),
        *words_of("Yes.", 13),
        *words_of("Six seven eight nine ten.", 14.6),
    ]
    kept = tighten(Span(9.8, 16.8), words)
    assert len(kept) == 2
    assert min(span.duration for span in kept) >= SHORTEST_RUN_SECONDS


def test_laughter_stays(slow_talk):
    laughing = Signal("reaction", np.full(120, 0.9), "probability", step=0.5)
    whole = Span(9.8, 17.8)
    assert tighten(whole, slow_talk, reaction=laughing) == (whole,)


def test_a_voice_without_words_stays(slow_talk):
    voiced = Signal("voice", np.ones(2000), "probability", step=0.032)
    whole = Span(9.8, 17.8)
    assert tighten(whole, slow_talk, voice=voiced) == (whole,)


def test_interpolated_words_count_as_words():
    words = [
        Word("a", Span(10, 11.5)),
        Word("42", Span(11.9, 12.3), interpolated=True),
        Word("b", Span(12.6, 14)),
    ]
    whole = Span(9.8, 14.4)
    assert tighten(whole, words) == (whole,)


def test_a_join_beside_a_cut_is_moved_to_the_cut():
    words = [Word("a", Span(10, 12)), Word("b", Span(14, 16))]
    shots = [Shot(Span(0, 12.1)), Shot(Span(12.1, 60))]
    kept = tighten(Span(9.8, 16.2), words, shots)
    assert kept[0].end < 12.1
    shots = [Shot(Span(0, 13.92)), Shot(Span(13.92, 60))]
    kept = tighten(Span(9.8, 16.2), words, shots)
    assert kept[1].start > 13.92
