"""Words of a translation, with the times of the sentence they stand for."""

from __future__ import annotations

from collections.abc import Sequence

from talkreel.core.spans import Span
from talkreel.core.transcript import Word


def sentences_of(words: Sequence[Word]) -> list[tuple[Word, ...]]:
    """``words`` in whole sentences; a long sentence is one all the same."""
    found: list[tuple[Word, ...]] = []
    run: list[Word] = []
    for word in words:
        run.append(word)
        if word.ends_sentence:
            found.append(tuple(run))
            run = []
    return [*found, tuple(run)] if run else found


def spread_over(text: str, sentence: Sequence[Word]) -> list[Word]:
    """The words of ``text``, each with its share, by length, of the time of ``sentence``.

    The speaker is the one who says most of it; times are marked as interpolated.
    """
    parts = text.split()
    span = Span(sentence[0].span.start, max(word.span.end for word in sentence))
    speakers = [word.speaker for word in sentence if word.speaker]
    speaker = max(sorted(set(speakers)), key=speakers.count) if speakers else None
    whole = sum(len(part) + 1 for part in parts)
    words, done = [], 0
    for part in parts:
        start = span.start + span.duration * done / whole
        done += len(part) + 1
        end = span.start + span.duration * done / whole
        words.append(Word(part, Span(start, end), 1.0, speaker, interpolated=True))
    return words
