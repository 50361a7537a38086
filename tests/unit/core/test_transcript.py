from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkreel.core.spans import Span
from talkreel.core.transcript import MAX_SENTENCE_WORDS, Transcript, Word


def transcript(text: str, gap: float = 0.1) -> Transcript:
    words = tuple(
        Word(token, Span(i * (0.4 + gap), i * (0.4 + gap) + 0.4))
        for i, token in enumerate(text.split())
    )
    return Transcript("en", words)


def texts(spoken: Transcript) -> list[str]:
    return [sentence.text for sentence in spoken.sentences]


def test_sentences_end_at_punctuation() -> None:
    spoken = transcript('Is it so? Yes. He said "no." Then he left')
    assert texts(spoken) == ["Is it so?", "Yes.", 'He said "no."', "Then he left"]


def test_abbreviations_and_initials_do_not_end_sentences() -> None:
    spoken = transcript("Dr. Smith met J. Doe at 5 p.m. today.")
    assert len(spoken.sentences) == 1


def test_a_long_pause_ends_a_sentence() -> None:
    words = (Word("one", Span(0, 0.5)), Word("two", Span(2.1, 2.5)), Word("three", Span(2.6, 3)))
    assert texts(Transcript("en", words)) == ["one", "two three"]


def test_run_on_text_is_split_at_its_longest_pauses() -> None:
    words = [Word(f"w{i}", Span(i * 0.5, i * 0.5 + 0.4)) for i in range(100)]
    words[49] = Word("w49", Span(49 * 0.5, 49 * 0.5 + 0.2))
    sentences = Transcript("en", tuple(words)).sentences
    assert max(len(s.words) for s in sentences) <= MAX_SENTENCE_WORDS
    assert sentences[0].words[-1].text == "w49"


@given(st.lists(st.sampled_from(["a", "b.", "c?", "Dr.", "d,"]), max_size=150))
def test_sentences_partition_the_words(tokens: list[str]) -> None:
    spoken = transcript(" ".join(tokens))
    assert tuple(w for s in spoken.sentences for w in s.words) == spoken.words


def test_the_speaker_of_a_sentence_is_its_majority() -> None:
    words = [Word("a", Span(0, 1), speaker="A"), Word("b", Span(1, 2), speaker="B")]
    words.append(Word("c.", Span(2, 3), speaker="B"))
    assert Transcript("en", tuple(words)).sentences[0].speaker == "B"


@pytest.mark.parametrize("text", ["", "two words", "tab\t"])
def test_a_word_refuses_white_space(text: str) -> None:
    with pytest.raises(ValueError, match="without white space"):
        Word(text, Span(0, 1))


def test_words_must_be_in_order() -> None:
    with pytest.raises(ValueError, match="out of order"):
        Transcript("en", (Word("b", Span(1, 2)), Word("a", Span(0, 1))))


def test_confidence_is_a_share() -> None:
    with pytest.raises(ValueError, match="confidence"):
        Word("a", Span(0, 1), confidence=1.5)
