"""Making the text whole where words were cut out of it: capitals and punctuation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from talkreel.core.spans import Span
from talkreel.core.transcript import Word
from talkreel.edit.fillers import find_idle

_CLOSING = ".?!…"
# What was taken off the ends of a clip lies at most this far from it.
_EDGE_SECONDS = 5.0


def played_words(words: Sequence[Word], kept: Sequence[Span]) -> list[Word]:
    """The words whose middle is played, written as if the idle ones had never been said.

    What then begins a sentence gets a capital; what then ends one gets its mark; and the comma
    that set a filler off goes with it.

    Args:
        words: of the transcript, in order of time.
        kept: what is played, source clock.
    """
    hull = Span(kept[0].start, kept[-1].end).pad(_EDGE_SECONDS, _EDGE_SECONDS)
    near = [i for i, word in enumerate(words) if hull.contains(word.span.middle)]
    idle = {
        near[k] for one in find_idle([words[i] for i in near]) for k in range(one.first, one.last)
    }
    played: list[Word] = []
    gone: list[Word] = []  # idle words right before this one
    before: Word | None = None  # the word before those
    heard = False  # whether that one is played
    for i, word in enumerate(words):
        here = any(span.contains(word.span.middle) for span in kept)
        if not here and i in idle:
            gone.append(word)
            continue
        if gone and heard:
            played[-1] = _ended(played[-1], gone[-1])
        if here:
            opens = bool(gone) and (before is None or before.ends_sentence)
            played.append(_capital(word) if opens else word)
        gone, before, heard = [], word, here
    if gone and heard:
        played[-1] = _ended(played[-1], gone[-1])
    return played


def _capital(word: Word) -> Word:
    for i, letter in enumerate(word.text):
        if letter.isalpha():
            return replace(word, text=word.text[:i] + letter.upper() + word.text[i + 1 :])
    return word


def _ended(word: Word, gone: Word) -> Word:
    """``word`` before a cut, where ``gone`` was the last word cut out."""
    mark = gone.text[-1]
    if mark in _CLOSING and word.text[-1] not in _CLOSING:
        return replace(word, text=word.text.rstrip(",;:") + mark)
    if mark == "," and len(word.text) > 1:
        return replace(word, text=word.text.rstrip(","))
    return word
