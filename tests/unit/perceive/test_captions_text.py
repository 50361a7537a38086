from __future__ import annotations

from talkreel.core.spans import Span
from talkreel.core.transcript import Transcript, Word
from talkreel.perceive.captions_text import MAX_CHARACTERS, MAX_SECONDS, cues_of, to_srt, to_vtt
from talkreel.perceive.subtitles import read_cues, words_of


def _transcript(text: str, step: float = 0.4, speaker: str | None = None) -> Transcript:
    words = tuple(
        Word(word, Span(i * step, i * step + 0.9 * step), speaker=speaker)
        for i, word in enumerate(text.split())
    )
    return Transcript("en", words)


def test_cues_end_with_sentences_and_stay_short() -> None:
    cues = list(cues_of(_transcript("One two. " + "word " * 60)))
    assert [word.text for word in cues[0]] == ["One", "two."]
    for cue in cues:
        assert len(" ".join(word.text for word in cue)) <= MAX_CHARACTERS
        assert cue[-1].span.end - cue[0].span.start <= MAX_SECONDS


def test_srt_is_numbered_and_timed() -> None:
    text = to_srt(_transcript("Hello there. Bye."))
    assert text.startswith("1\n00:00:00,000 --> 00:00:00,760\nHello there.\n\n2\n00:00:00,800")


def test_vtt_keeps_every_word_time_when_read_again() -> None:
    made = _transcript("A <b> & c. " + "more words here and there " * 5, speaker="Ann")
    text = to_vtt(made)
    assert text.startswith("WEBVTT\n")
    words = words_of(read_cues(text))
    assert [w.text for w in words] == [w.text for w in made.words]
    assert all(w.speaker == "Ann" for w in words)
    for got, want in zip(words, made.words, strict=True):
        assert abs(got.span.start - want.span.start) < 0.002
        assert not got.interpolated


def test_hours_are_written_and_no_words_give_no_cues() -> None:
    late = Transcript("en", (Word("late", Span(3661.5, 3662.0)),))
    assert "01:01:01,500 --> 01:01:02,000" in to_srt(late)
    assert to_srt(Transcript("en", ())) == ""
    assert to_vtt(Transcript("en", ())) == "WEBVTT\n"
