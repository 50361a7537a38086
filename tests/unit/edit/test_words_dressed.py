"""Emphasis, speaker colours and masks of caption words."""

from __future__ import annotations

from itertools import pairwise

import pytest

from talkreel.core.edits import CaptionWord
from talkreel.core.spans import Span
from talkreel.core.transcript import Word
from talkreel.edit.censor import is_profane, mask, masked_text, mutes_for
from talkreel.edit.contrast import ENOUGH, luminance, ratio, rgb_of
from talkreel.edit.emphasis import ONE_OF, WordEvidence, emphasise
from talkreel.edit.speaker_colours import speaker_colours
from talkreel.edit.styles import STYLES, find_style


def spoken(text, speaker=None):
    return [Word(t, Span(i, i + 0.8), speaker=speaker) for i, t in enumerate(text.split())]


def shown(text):
    return [CaptionWord(t, Span(i, i + 0.8)) for i, t in enumerate(text.split())]


def test_emphasis_goes_to_the_most_evidence_and_never_to_two_close_together():
    words = shown("a b c d e f g h i j k l m n o p q r")
    evidence = [WordEvidence(True, cited=i % 5 == 0, key=i / 20) for i in range(len(words))]
    chosen = [i for i, word in enumerate(emphasise(words, evidence)) if word.emphasis]
    assert chosen == [5, 10, 15]
    assert len(chosen) <= len(words) // ONE_OF
    close = [WordEvidence(True, cited=1.0, key=1.0)] * len(words)
    picked = [i for i, word in enumerate(emphasise(words, close)) if word.emphasis]
    assert all(b - a > 3 for a, b in pairwise(picked))


def test_function_words_and_weak_evidence_are_not_emphasised():
    words = shown("the of and to in a the of and to in a")
    assert not any(w.emphasis for w in emphasise(words, [WordEvidence(False, 1, 1, 1)] * 12))
    assert not any(w.emphasis for w in emphasise(words, [WordEvidence(True, loud=1.0)] * 12))


def test_speakers_keep_their_colour_from_clip_to_clip_and_differ():
    talk = [*spoken("a b c d e", "S1"), *spoken("f g", "S2"), *spoken("h", "S3")]
    style = find_style("bold")
    colours = speaker_colours(talk, style)
    assert list(colours) == ["S1", "S2", "S3"]
    assert len({*colours.values(), style.active_colour}) == 4
    assert speaker_colours(talk[::-1], style) == colours
    assert speaker_colours(talk, style, {"S1": "#112233"})["S1"] == "#112233"


@pytest.mark.parametrize("name", STYLES)
def test_speaker_colours_can_be_read_on_the_ground_of_each_style(name):
    style = find_style(name)
    many = [word for i in range(6) for word in spoken("a", f"S{i}")]
    ground = style.plate_colour or style.outline_colour
    for colour in speaker_colours(many, style).values():
        contrast = float(ratio(luminance(rgb_of(colour)), luminance(rgb_of(ground))))
        assert contrast >= ENOUGH, colour


@pytest.mark.parametrize(
    "text", ["Fucking,", "shit!", "“Bullshit”", "bull-shit", "ASSHOLES", "dick"]
)
def test_profanity_is_found(text):
    assert is_profane(text)


@pytest.mark.parametrize(
    "text", ["shiitake", "assess", "class", "Dick", "Scunthorpe", "cocktail", "Dickens", "title"]
)
def test_harmless_words_stay(text):
    assert not is_profane(text)


def test_a_masked_word_keeps_its_first_letter_and_its_punctuation():
    assert mask("“Fucking!”") == "“F******!”"
    assert masked_text("What the fuck happened?") == "What the f*** happened?"


def test_the_mute_covers_the_word_and_no_more_than_half_of_a_pause():
    words = [
        Word("oh", Span(0.0, 0.5)),
        Word("shit,", Span(0.54, 0.9)),
        Word("no", Span(1.5, 1.8)),
    ]
    (mute,) = mutes_for(words, (Span(0.0, 5.0),))
    assert mute.span.start == pytest.approx(0.52)
    assert mute.span.end == pytest.approx(0.96)
    assert mutes_for(words, (Span(1.2, 5.0),)) == ()
    assert mutes_for(spoken("all is well"), (Span(0.0, 5.0),)) == ()
