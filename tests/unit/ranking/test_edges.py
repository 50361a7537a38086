from __future__ import annotations

import pytest

from talkreel.core.spans import Span
from talkreel.core.transcript import Word
from talkreel.ranking.edges import BAD_EDGE, end_edge, start_edge
from talkreel.ranking.talk import Unit


def unit(text: str, at: float = 10.0, *, opens: bool = True, closes: bool = True) -> Unit:
    words = tuple(
        Word(t, Span(at + i * 0.4, at + i * 0.4 + 0.3)) for i, t in enumerate(text.split())
    )
    return Unit(Span(words[0].span.start, words[-1].span.end), words, 0, opens, closes)


BEFORE = unit("Something was said before.", 5.0)


@pytest.mark.parametrize(
    "text",
    [
        "And then it all fell apart.",
        "But why did he go there?",
        "Because nobody had asked for it.",
        "Which brings me to my point.",
        "He walked into the room.",
        "They never came back to us.",
        "So, this is how it works.",
        "This was the wrong choice.",
        "Well, he said it was over.",
        "For example, take the price of bread.",
        "However, the price fell.",
        "“And so he left.",
    ],
)
def test_openers_that_lean_on_what_came_before_are_bad(text: str) -> None:
    edge = start_edge(unit(text), BEFORE, 0.4, punctuated=True)
    assert edge.badness >= BAD_EDGE
    assert edge.why
    assert edge.words


@pytest.mark.parametrize(
    "text",
    [
        "We choose to go to the moon.",
        "What would you do with a million dollars?",
        "In 1962 the tests began.",
        "My father never spoke about the war.",
        "This is a story about failure.",
        "It turns out that bees can count.",
        "Here's why that matters to you.",
        "Okay, imagine a world without sleep.",
    ],
)
def test_openers_that_stand_alone_are_fine(text: str) -> None:
    assert start_edge(unit(text), BEFORE, 0.4, punctuated=True).badness < BAD_EDGE


def test_a_start_inside_a_sentence_or_a_quotation_is_bad() -> None:
    open_before = unit("We went there in order", 5.0)
    assert start_edge(unit("to invest in labs."), open_before, 0.05, True).badness >= BAD_EDGE
    assert start_edge(unit('Go home now."'), BEFORE, 0.4, True).badness >= BAD_EDGE
    assert start_edge(unit("Half of it.", opens=False), BEFORE, 0.4, True).badness >= BAD_EDGE


@pytest.mark.parametrize(
    ("text", "following"),
    [
        ("We went there and", "We came back."),
        ("He asked for the", "Dog was gone."),
        ("Why did we fail?", "We never tested it."),
        ("There are three reasons,", "The first is money."),
        ("Here are the results.", "Sales doubled."),
        ("Let me tell you a story.", "My uncle had a boat."),
        ("We bought the boat", "Nobody knew how to sail"),
    ],
)
def test_ends_that_leave_the_thought_open_are_bad(text: str, following: str) -> None:
    edge = end_edge(unit(text), unit(following, 20.0), 0.3, punctuated=True)
    assert edge.badness >= BAD_EDGE
    assert edge.why


def test_an_end_before_a_continuing_sentence_is_a_little_worse() -> None:
    calm = end_edge(unit("We won."), unit("Rain fell.", 20.0), 0.3, True)
    carried = end_edge(unit("We won."), unit("But nobody came.", 20.0), 0.3, True)
    assert calm.badness == 0
    assert 0 < carried.badness < BAD_EDGE


def test_a_closing_question_and_a_long_pause_are_fine() -> None:
    assert end_edge(unit("What will you do?"), None, 10.0, True).badness < BAD_EDGE
    assert end_edge(unit("and we sailed home"), unit("rain fell", 20.0), 1.6, False).badness == 0


def test_units_without_words_can_start_and_end_anywhere() -> None:
    quiet = Unit(Span(0, 4))
    assert start_edge(quiet, None, 0.0, False).badness == 0
    assert end_edge(quiet, None, 0.0, False).badness == 0
