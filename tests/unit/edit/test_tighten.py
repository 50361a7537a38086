from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from talkreel.core.signals import Signal
from talkreel.core.spans import Span
from talkreel.core.tracks import Shot
from talkreel.core.transcript import Word
from talkreel.edit.captions import caption_words
from talkreel.edit.fillers import find_idle
from talkreel.edit.holes import LONG_PAUSE_SECONDS, Sound
from talkreel.edit.quiet import Quiet
from talkreel.edit.tighten import SHORTEST_RUN_SECONDS, tighten_span, unwritten_sounds

RATE = Fraction(30)


def is_whole(span, rate=RATE):
    frames = span.duration * float(rate)
    return abs(frames - round(frames)) < 1e-6


def tighten(kept, words, shots=(), **sound):
    return tighten_span(kept, words, shots, Sound(**sound), frame_rate=RATE).kept


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


def spoken(text, start=10.0):
    """Words of 0.3 s; ``/`` is a pause of 0.2 s, ``//`` one of 0.5 s."""
    words = []
    for token in text.split():
        if token.startswith("/"):
            start += {"/": 0.2, "//": 0.5}[token]
        else:
            words.append(Word(token, Span(start, start + 0.3)))
            start += 0.3
    return words


def level_of(words, *, floor=-70.0, noise=()):
    """Speech at -20 dBFS where the words are, ``floor`` elsewhere; ``noise`` is loud too."""
    values = np.full(8000, floor, dtype=np.float32)
    for span in (*(w.span for w in words), *noise):
        values[round(span.start / 0.005) : round(span.end / 0.005)] = -20.0
    return Signal("level", values, "dBFS", step=0.005)


def dropped(words, **sound):
    kept = Span(words[0].span.start - 0.3, words[0].span.start - 0.3 + 9.0)
    quiet = Quiet.of(level_of(words, **sound), kept)
    result = tighten_span(kept, words, (), Sound(quiet=quiet), frame_rate=RATE, fillers=True)
    return result, [w.text for w in caption_words(words, result.kept)]


def idle_texts(text):
    words = spoken(text)
    return [" ".join(w.text for w in words[one.first : one.last]) for one in find_idle(words)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("So um we went.", ["um"]),
        ("Uh, / hmm / yes.", ["Uh,", "hmm"]),
        ("He went to the ER / today.", []),
        ("It was, / you know, / good.", ["you know,"]),
        ("It was good, / you know.", ["you know."]),
        ("Do // you know // what it is?", []),
        ("If / you know / him, ask.", []),
        ("It is, / you know what I say.", []),
        ("// You know.", []),
        ("That is not what // I mean // at all.", []),
        ("It is late, / I mean, / early.", ["I mean,"]),
        ("I like / it, it feels // like // home.", []),
        ("There were, / like, / twenty people.", ["like,"]),
        ("They play // sort of // jazz.", []),
        ("It is, / sort of, / done.", ["sort of,"]),
        ("I I think.", ["I"]),
        ("The, / the house.", ["The,"]),
        ("I, / um, / I think.", ["I, um,"]),
        ("We went / we went to / the sea.", ["We went"]),
        ("And we wen- / we went to the sea.", ["we wen-"]),
        ("It is a th- / thing.", ["th-"]),
        ("I / I / I think.", ["I", "I"]),
        ("It was very very good, no no no.", []),
        ("He said that that house had had a roof.", []),
        ("It grew more and more and more.", []),
        ("I had a dream. / I had a dream.", []),
        ("Then I said: log in in time.", []),
    ],
)
def test_only_what_is_surely_idle_is_found(text, found):
    assert idle_texts(text) == found


def test_interpolated_fillers_and_two_speakers_stay():
    words = [Word("um", Span(1, 2), interpolated=True)]
    assert not find_idle(words)
    assert not find_idle([Word("I", Span(1, 2), speaker="A"), Word("I", Span(2, 3), speaker="B")])


TALK = "We built it there / um / and then we sold / we / we bought all of it / later on."


def test_idle_words_go_and_the_captions_read_on():
    words = spoken(TALK)
    result, shown = dropped(words)
    assert " ".join(shown) == "We built it there and then we sold we bought all of it later on."
    assert all(is_whole(span) for span in result.kept)
    assert min(span.duration for span in result.kept) >= SHORTEST_RUN_SECONDS
    assert result.seconds == pytest.approx(0.6 + 2 * 0.2, abs=0.2)
    for word in words:
        whole = any(s.start <= word.span.start and word.span.end <= s.end for s in result.kept)
        assert whole or not any(s.overlap(word.span) for s in result.kept)


def test_without_silence_at_both_cuts_nothing_goes():
    words = spoken(TALK)
    um = words[4].span
    result, shown = dropped(words, noise=[Span(um.end, um.end + 0.2)])
    assert "um" in shown
    assert result.texts(result.held) == ["um"]
    humming, _ = dropped(words, floor=-27.0)
    assert len(humming.kept) == 1


def test_no_filler_goes_while_the_sound_is_not_known():
    words = spoken(TALK)
    kept = Span(9.7, 18.7)
    assert tighten_span(kept, words, (), Sound(), frame_rate=RATE, fillers=True).kept == (kept,)


def test_a_clip_that_opens_with_a_filler_begins_after_it():
    words = spoken("Um, / so we built it and then we sold all of it, / you know.")
    result, shown = dropped(words)
    assert " ".join(shown) == "So we built it and then we sold all of it."
    assert len(result.kept) == 1
    assert result.kept[0].start > words[0].span.end
    assert result.kept[0].end < words[-2].span.start


def test_a_cut_lies_where_the_sound_rests_not_where_the_words_end():
    words = [Word("a", Span(10, 12)), Word("b", Span(14, 16))]
    echo = Span(12, 12.9)
    quiet = Quiet.of(level_of(words, noise=[echo]), Span(9, 17))
    kept = tighten(Span(9.8, 16.2), words, quiet=quiet)
    assert len(kept) == 2
    assert 12.9 < kept[0].end < 13.2


def test_sounds_without_a_word_are_counted():
    words = [Word("a", Span(10, 11)), Word("b", Span(12, 13))]
    values = np.zeros(1000)
    values[round(11.3 / 0.032) : round(11.6 / 0.032)] = 1.0
    voice = Signal("voice", values, "probability", step=0.032)
    assert unwritten_sounds(Span(9, 14), words, voice) == 1
    assert unwritten_sounds(Span(9, 14), words, None) == 0
