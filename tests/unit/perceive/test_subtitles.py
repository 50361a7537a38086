from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talkreel.core.spans import Span
from talkreel.perceive.subtitles import attach_marks, read_cues, spread, words_of

SRT = """1
00:00:01,000 --> 00:00:03,000
NAR: Hello <i>there</i>, {\\an8}friend.

2
00:00:03,500 --> 00:00:05,000
[door slams]
- Who is it?
- Me.

3
00:00:05,000 --> 00:00:06,000
(sighs)
"""


def _words(text: str) -> list[tuple[str, str | None]]:
    return [(word.text, word.speaker) for word in words_of(read_cues(text))]


def test_tags_sounds_and_speakers_are_not_words() -> None:
    assert _words(SRT) == [
        ("Hello", "NAR"),
        ("there,", "NAR"),
        ("friend.", "NAR"),
        ("Who", None),
        ("is", None),
        ("it?", None),
        ("Me.", None),
    ]


def test_cue_times_are_spread_over_its_words_and_flagged() -> None:
    words = words_of(read_cues(SRT))
    assert words[0].span.start == 1.0
    assert words[2].span.end == 3.0
    assert all(word.interpolated for word in words)


@pytest.mark.parametrize("newline", ["\r\n", "\r", "\n"])
def test_any_newline_will_do(newline: str) -> None:
    assert len(read_cues(SRT.replace("\n", newline))) == 3


def test_cues_without_blank_lines_or_numbers_are_separated() -> None:
    text = "00:01.000 --> 00:02.000\nOne\n2\n00:02.000 --> 00:03.000\nTwo"
    assert _words(text) == [("One", None), ("Two", None)]


def test_voice_tags_name_speakers_for_their_cue_only() -> None:
    text = (
        "WEBVTT\n\nNOTE a note\nover lines\n\nSTYLE\n::cue {}\n\nid-1\n"
        "00:00.000 --> 00:01.000 align:start position:0%\n<v.loud Bob Smith>Hi &amp; bye</v>\n\n"
        "00:01.000 --> 00:02.000\n<c.yellow>Well</c>\n"
    )
    assert _words(text) == [
        ("Hi", "Bob Smith"),
        ("&", "Bob Smith"),
        ("bye", "Bob Smith"),
        ("Well", None),
    ]


def test_a_label_holds_until_the_next_one() -> None:
    text = (
        "00:00.000 --> 00:01.000\nANN LEE: One\n\n00:01.000 --> 00:02.000\ntwo\n\n"
        "00:02.000 --> 00:03.000\nBOB: three\n\n00:03.000 --> 00:04.000\n>> four\n"
    )
    assert _words(text) == [
        ("One", "ANN LEE"),
        ("two", "ANN LEE"),
        ("three", "BOB"),
        ("four", None),
    ]


def test_a_name_in_mixed_case_needs_to_come_twice() -> None:
    once = "00:00.000 --> 00:01.000\nRemember: be kind\n"
    assert _words(once)[0] == ("Remember:", None)
    twice = once.replace("Remember", "Bob") + "\n00:01.000 --> 00:02.000\nBob: always\n"
    assert _words(twice) == [("be", "Bob"), ("kind", "Bob"), ("always", "Bob")]


def test_word_stamps_are_exact() -> None:
    text = "WEBVTT\n\n00:10.000 --> 00:13.000\nOne<00:10.500> two<00:11.250> three\n"
    words = words_of(read_cues(text))
    assert [(w.text, w.span.start, w.interpolated) for w in words] == [
        ("One", 10.0, False),
        ("two", 10.5, False),
        ("three", 11.25, False),
    ]
    assert words[2].span.end == 13.0


def test_rolling_captions_say_each_line_once() -> None:
    text = (
        "WEBVTT\n\n00:00.000 --> 00:02.000\n \nhello<00:00.500><c> world</c>\n\n"
        "00:02.000 --> 00:02.010\nhello world\n \n\n"
        "00:02.010 --> 00:04.000\nhello world\nand<00:03.000><c> more</c>\n"
    )
    assert [word for word, _ in _words(text)] == ["hello", "world", "and", "more"]


def test_overlapping_cues_give_words_in_order_without_overlap() -> None:
    text = (
        "00:00.000 --> 00:05.000\nlong one here\n\n00:01.000 --> 00:02.000\nshort\n\n"
        "00:01.000 --> 00:03.000\nsame start\n"
    )
    words = words_of(read_cues(text))
    assert all(a.span.end <= b.span.start for a, b in pairwise(words))


def test_free_standing_marks_join_the_word_before() -> None:
    assert attach_marks(["—", "so", "—", "5", "%", "!"]) == ["so—", "5", "%!"]


def test_a_cue_that_ends_before_it_starts_is_left_out() -> None:
    assert read_cues("00:05.000 --> 00:01.000\nno\n") == []


def test_spreading_fills_the_span() -> None:
    spans = spread(["a", "long"], Span(0, 7))
    assert spans == [Span(0, 2), Span(2, 7)]


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_read_without_surprise(text: str) -> None:
    words_of(read_cues(text))


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 90_000), st.integers(0, 9000), st.text("ab<>v:&{}[] .-\n", max_size=30)
        ),
        max_size=12,
    )
)
def test_any_cues_give_ordered_words(items: list[tuple[int, int, str]]) -> None:
    def clock(ms: int) -> str:
        return f"{ms // 60000:02}:{ms // 1000 % 60:02}.{ms % 1000:03}"

    text = "\n\n".join(f"{clock(a)} --> {clock(a + b)}\n{body}" for a, b, body in items)
    words = words_of(read_cues(text))
    assert all(a.span.end <= b.span.start for a, b in pairwise(words))
    assert all(word.text.strip() == word.text for word in words)
