"""A transcript as subtitle text: SubRip and WebVTT, one cue for a few seconds of speech."""

from __future__ import annotations

from collections.abc import Iterator

from talkreel.core.spans import Span
from talkreel.core.transcript import Sentence, Transcript, Word

# Two lines of ordinary subtitles, on screen for at most about as long as they take to read.
MAX_CHARACTERS = 84
MAX_SECONDS = 6.0


def to_srt(transcript: Transcript) -> str:
    """SubRip; empty for no words."""
    cues = []
    for number, words in enumerate(cues_of(transcript), start=1):
        times = " --> ".join(_clock(at, ",") for at in _bounds(words))
        cues.append(f"{number}\n{times}\n{_text(words)}\n")
    return "\n".join(cues)


def to_vtt(transcript: Transcript) -> str:
    """WebVTT with a time stamp before every word and a voice tag where a speaker is known."""
    cues = ["WEBVTT\n"]
    for words in cues_of(transcript):
        start, end = _bounds(words)
        voice = f"<v {words[0].speaker}>" if words[0].speaker else ""
        timed = [_escape(words[0].text)]
        timed += [f"<{_clock(word.span.start, '.')}>{_escape(word.text)}" for word in words[1:]]
        times = f"{_clock(start, '.')} --> {_clock(end, '.')}"
        cues.append(f"{times}\n{voice}{' '.join(timed)}\n")
    return "\n".join(cues)


def cues_of(transcript: Transcript) -> Iterator[tuple[Word, ...]]:
    """Words of each cue: never across sentences, broken where there is no room or time left."""
    for sentence in transcript.sentences:
        yield from _split(sentence)


def _split(sentence: Sentence) -> Iterator[tuple[Word, ...]]:
    cue: list[Word] = []
    for word in sentence.words:
        too_long = cue and (
            len(_text((*cue, word))) > MAX_CHARACTERS
            or word.span.end - cue[0].span.start > MAX_SECONDS
            or word.speaker != cue[0].speaker
        )
        if too_long:
            yield tuple(cue)
            cue = []
        cue.append(word)
    if cue:
        yield tuple(cue)


def _bounds(words: tuple[Word, ...]) -> tuple[float, float]:
    span = Span(words[0].span.start, words[-1].span.end)
    return span.start, span.end


def _text(words: tuple[Word, ...]) -> str:
    return " ".join(word.text for word in words)


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(seconds: float, point: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{milliseconds // 1000:02}{point}{milliseconds % 1000:03}"
