"""Transcripts with (Applause) and (Laughter) in them, turned into sentences with labels.

The marks leave no trace in the text: dashes that only stood around a mark go with it, since
otherwise they would tell a model where the mark was.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from talkreel.core.spans import Span
from talkreel.core.transcript import Transcript, Word

_MARK = re.compile(
    r"\s*[—–-]*\s*[\(\[](?=[^\)\]]{0,40}(?:laugh|applau|cheer))[^\)\]]{0,40}[\)\]]\s*[—–-]*",
    re.IGNORECASE,
)
_OTHER = re.compile(r"[\(\[][^\)\]]{0,60}[\)\]]")
_APPLAUSE = re.compile(r"applau|cheer", re.IGNORECASE)
_LAUGHTER = re.compile(r"laugh", re.IGNORECASE)
# Private-use characters stand for the marks while the text is cut into words.
_CLAP, _LAUGH = "\ue000", "\ue001"
_STOPS = ".?!,;:"
_COMMA_SECONDS, _FULL_STOP_SECONDS, _WORD_SECONDS = 0.15, 0.45, 0.03


@dataclass(frozen=True, slots=True)
class MarkedSentence:
    """A sentence and what followed it or fell into it."""

    text: str
    applause: bool
    laughter: bool


def marked_sentences(text: str) -> list[MarkedSentence]:
    """The sentences of ``text``, cut as ``Transcript.sentences`` cuts them.

    A mark in the middle of a sentence is a reaction to that sentence; marks before the first
    word are dropped, other remarks in brackets too.
    """
    words: list[Word] = []
    applause: set[int] = set()
    laughter: set[int] = set()
    clock = 0.0
    for token in _OTHER.sub(" ", _MARK.sub(_stand_in, text)).split():
        if token in (_CLAP, _LAUGH):
            (applause if token == _CLAP else laughter).add(len(words) - 1)
            continue
        if words and not any(c.isalnum() for c in token) and token[0] in _STOPS:
            # "track [laughter]. And": the full stop belongs to the word before the mark.
            word = words[-1]
            words[-1] = Word(word.text.rstrip(",") + token, word.span)
            continue
        length = 0.12 + 0.045 * len(token)
        words.append(Word(token, Span(clock, clock + length)))
        clock += length + _pause(words[-1])
    sentences = Transcript("en", tuple(words)).sentences
    return [
        MarkedSentence(
            sentence.text,
            any(sentence.first <= i < sentence.last for i in applause),
            any(sentence.first <= i < sentence.last for i in laughter),
        )
        for sentence in sentences
    ]


def mark_kinds(text: str) -> tuple[bool, bool]:
    """Whether ``text`` is a mark of applause, and of laughter."""
    if not _MARK.fullmatch(text.strip()):
        return False, False
    return bool(_APPLAUSE.search(text)), bool(_LAUGHTER.search(text))


def is_remark(text: str) -> bool:
    """Whether ``text`` is nothing but a remark in brackets."""
    return not _OTHER.sub("", text).strip()


def _stand_in(found: re.Match[str]) -> str:
    text = found.group()
    marks = [_CLAP] * bool(_APPLAUSE.search(text)) + [_LAUGH] * bool(_LAUGHTER.search(text))
    before = found.string[: found.start()].rstrip()
    # "track—[laughter]—and I said": what is left is a pause inside a sentence.
    comma = "" if not before or before[-1] in ".?!,;:\"'”’" else ","
    return f"{comma} {' '.join(marks)} "


def _pause(word: Word) -> float:
    if word.ends_sentence:
        return _FULL_STOP_SECONDS
    return _COMMA_SECONDS if word.text.endswith((",", ";", ":", "—")) else _WORD_SECONDS
