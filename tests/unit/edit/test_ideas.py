"""Changes to a clip leave out whole sentences and pauses, on the clip's own frames."""

from __future__ import annotations

from fractions import Fraction

import pytest

from talkreel.core.spans import Span
from talkreel.core.transcript import Transcript, Word
from talkreel.edit.ideas import common, cut_pauses, enough, ideas, without

RATE = Fraction(30)


def transcript() -> Transcript:
    """Five sentences of 3 s, the third followed by a pause of 2 s."""
    words, clock = [], 10.0
    for number in range(5):
        for i in range(6):
            text = f"w{number}{i}" + ("." if i == 5 else "")
            words.append(Word(text, Span(clock, clock + 0.45)))
            clock += 0.5
        clock += 2.0 if number == 2 else 0.2
    return Transcript("en", tuple(words))


TALK = transcript()
KEPT = (Span(9.9, 9.9 + 18.0),)


def test_every_idea_lies_on_frames_and_cuts_no_word() -> None:
    found = ideas(KEPT, TALK.sentences, TALK.words, RATE)
    kinds = {idea.kind for idea in found}
    assert kinds == {"start later", "shorten", "drop a line", "cut pauses"}
    for idea in found:
        assert enough(idea.kept, KEPT)
        for span in idea.kept:
            for edge in (span.start, span.end):
                frames = (edge - KEPT[0].start) * 30
                assert frames == pytest.approx(round(frames), abs=1e-4)
            for word in TALK.words:
                shared = word.span.overlap(span)
                assert shared == 0 or shared == pytest.approx(word.span.duration)
        assert idea.words or idea.kind == "cut pauses"


def test_pauses_lose_their_middle_only() -> None:
    left = cut_pauses(KEPT, TALK.words, RATE)
    assert len(left) == 2
    gone = left[1].start - left[0].end
    pause = TALK.words[18].span.start - TALK.words[17].span.end
    assert pause - 0.4 < gone < pause
    assert cut_pauses(left, TALK.words, RATE) == left


def test_cutting_and_combining() -> None:
    assert without(KEPT, 0.0, 9.0, RATE) == KEPT
    head, tail = without(KEPT, 12.0, 14.0, RATE)
    assert head.end <= 12.0 + 1e-6
    assert tail.start >= 14.0 - 1e-6
    assert without(KEPT, 9.0, 40.0, RATE) == ()
    later = without(KEPT, 9.9, 13.0, RATE)
    assert common((head, tail), later) == (tail,)
    assert not enough((Span(10.0, 14.0),), KEPT)
