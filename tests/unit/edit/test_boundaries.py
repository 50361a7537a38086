from fractions import Fraction

import pytest

from talkreel.core.spans import Span
from talkreel.core.tracks import Shot
from talkreel.core.transcript import Word
from talkreel.edit.boundaries import snap_span

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
