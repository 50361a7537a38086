from __future__ import annotations

import pytest

from talkreel.core.spans import Span
from talkreel.core.transcript import Word
from talkreel.ranking.hooks import hook_cues, hook_strength
from talkreel.ranking.talk import Unit
from talkreel.ranking.weights import HOOKS


def unit(text: str) -> Unit:
    words = tuple(Word(t, Span(i * 0.4, i * 0.4 + 0.3)) for i, t in enumerate(text.split()))
    return Unit(Span(0, words[-1].span.end), words)


def strength(text: str) -> float:
    return hook_strength(hook_cues(unit(text), HOOKS))


@pytest.mark.parametrize(
    ("text", "what", "words"),
    [
        ("Why do some people never get sick at all?", "asks a question", "Why do some"),
        ("It takes nine months to build your habit.", "speaks to the viewer", "your"),
        ("The plant lost 400 workers in a single day.", "names a number", "400"),
        ("This was the worst plan of the whole decade.", "uses a superlative", "worst"),
        ("Here's what they leave out of the manuals.", "opens a curiosity gap", "Here's what"),
        ("Years ago the river ran through the town.", "starts a story", "Years ago"),
        ("Nobody in this building understands the contract.", "makes a bold claim", "Nobody"),
        ("We measured speed instead of comfort in cars.", "sets up a contrast", "instead of"),
        ("In the evening Marie Curie went to her lab.", "names someone", "Marie"),
        ("A murder changed the way the valley voted.", "uses a charged word", "murder"),
    ],
)
def test_each_device_is_found_with_its_words(text: str, what: str, words: str) -> None:
    found = [cue for cue in hook_cues(unit(text), HOOKS) if cue.what.startswith(what)]
    assert found
    assert found[0].words.startswith(words)
    assert 0 <= found[0].span.start <= found[0].span.end <= unit(text).span.end


def test_curly_apostrophes_count_like_straight_ones() -> None:
    assert strength("Here’s why the plan was bound to fail in time.") == strength(
        "Here's why the plan was bound to fail in time."
    )


def test_house_keeping_takes_away() -> None:
    flat = strength("Thank you so much, it is great to be here with you.")
    assert flat < strength("You will not believe what is in here with you.")


def test_more_devices_are_stronger_and_stay_below_one() -> None:
    one = strength("Why do the leaves of the oak turn in autumn here?")
    many = strength("Why do 3 million of you always make the worst mistake, and die of it?")
    assert 0 < one < many <= 1


def test_plain_sentences_and_no_words_have_no_hook() -> None:
    plain = "The committee met in the hall and looked over the minutes of the meeting then."
    assert strength(plain) < 0.2
    assert hook_cues(Unit(Span(0, 3)), HOOKS) == ()
    assert hook_strength(()) == 0
