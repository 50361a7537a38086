"""Breaking words into cues and lines at phrases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from talkreel.core.edits import CaptionWord, join_words
from talkreel.core.spans import Span
from talkreel.edit.scripts import UNITS_PER_WORD, reading_size, unbroken_katakana

# A line of about this many characters is read in one glance on a phone.
LINE_CHARACTERS = 18
_MOST_CHARACTERS = 21
_PAUSE_MARKS = (",", ";", ":", ".", "?", "!", "…", "—", "–", "、", "。", "，", "？", "！")
_CLOSERS = "\"')]}»”’"
# English words that open a phrase: a break before them reads naturally.
# fmt: off
_OPENERS = frozenset(
    (
        "and", "or", "but", "nor", "so", "yet", "because", "although", "though", "while", "when",
        "where", "which", "who", "that", "if", "unless", "since", "until", "as", "than", "to",
        "of", "in", "on", "at", "by", "for", "with", "from", "into", "about", "over", "under",
        "after", "before", "between", "through", "without", "against", "during", "is", "are",
        "was", "were", "has", "have", "had", "will", "would", "can", "could",
    )
)
# fmt: on
# Words that lean on the next one: a line must not end with them.
# fmt: off
_LEANING = frozenset(
    (
        "a", "an", "the", "my", "your", "his", "her", "its", "our", "their", "this", "these",
        "those", "no", "every", "each", "some", "any", "of", "to", "in", "on", "at", "by", "for",
        "with", "from", "into", "and", "or", "but", "as", "i", "we", "you", "he", "she", "they",
        "it", "very", "so", "not", "don't", "i'm", "it's", "is", "are", "was", "were", "be",
        "will", "would", "can", "could", "mr.", "mrs.", "ms.", "dr.",
    )
)
# fmt: on


# Only a word that no line holds is worth that much.
_WITHIN_WORD = 9.0


@dataclass(frozen=True, slots=True)
class LineLimits:
    """What fits: ``width`` in the unit of ``measure``, and most words on screen at once."""

    width: float
    words_per_cue: int
    measure: Callable[[str], float]


def break_cost(before: str, after: str) -> float:
    """How bad a break between two words is: 0 at punctuation, 3 after an article, 9 in a word."""
    bare = before.rstrip(_CLOSERS)
    if bare.endswith(_PAUSE_MARKS) and bare.lower() not in _LEANING:
        return 0.0
    if unbroken_katakana(before, after):
        return _WITHIN_WORD
    if before.lower() in _LEANING:
        return 3.0
    if after.lower().rstrip(",") in _OPENERS:
        return 0.5
    return 1.3


def into_cues(
    texts: Sequence[str],
    starts: Sequence[float],
    limits: LineLimits,
    glued: Sequence[bool] | None = None,
) -> list[list[tuple[int, int]]]:
    """Cues as lists of one or two lines ``(first, last)`` (half-open indices of ``texts``).

    The cheapest way through all words, by dynamic programming: breaks at phrases, balanced
    lines, no line of one short word, cues long enough to read. Every word must fit on a line
    of its own.

    Args:
        texts: a run of words without a long pause in it.
        starts: when each is spoken, seconds.
        limits: what fits.
        glued: which words follow the one before them without a blank; by default none.
    """
    lines = _Lines(texts, limits, glued)
    most = limits.words_per_cue * (UNITS_PER_WORD if any(glued or ()) else 1)
    best: list[tuple[float, int, list[tuple[int, int]]]] = [(0.0, 0, [])]
    for last in range(1, len(texts) + 1):
        options = []
        for first in range(max(0, last - most), last):
            inner, chosen = lines.best(first, last)
            cost = best[first][0] + inner + _cue_cost(texts, starts, first, last)
            options.append((cost, first, chosen))
        best.append(min(options, key=lambda option: option[0]))
    cues = []
    at = len(texts)
    while at > 0:
        _, first, chosen = best[at]
        cues.append(chosen)
        at = first
    return cues[::-1]


def _cue_cost(texts: Sequence[str], starts: Sequence[float], first: int, last: int) -> float:
    """What a cue of these words costs beside its lines: its end, and a glance too short."""
    cost = 1.6
    if last < len(texts):
        cost += 1.5 * break_cost(texts[last - 1], texts[last])
        cost += 2.0 * max(0.0, 0.7 - (starts[last] - starts[first]))
    if last - first == 1 and len(texts) > 1 and len(texts[first]) < 5:
        cost += 1.0
    return cost


class _Lines:
    """The cheapest lines for words of one run."""

    def __init__(
        self, texts: Sequence[str], limits: LineLimits, glued: Sequence[bool] | None
    ) -> None:
        self._texts = texts
        self._glued = glued
        self._limits = limits
        self._known: dict[tuple[int, int], float] = {}

    def best(self, first: int, last: int) -> tuple[float, list[tuple[int, int]]]:
        """Cost and lines of words ``first`` to ``last`` (half-open), in one line or two."""
        best = (self._line(first, last), [(first, last)])
        for middle in range(first + 1, last):
            pair = [(first, middle), (middle, last)]
            inside = sum(self._line(i, j) for i, j in pair)
            if inside == float("inf"):
                continue
            sizes = [reading_size(self._text(i, j)) for i, j in pair]
            uneven = abs(sizes[0] - sizes[1]) / max(sizes)
            alone = sum(j - i == 1 and size < 9 for (i, j), size in zip(pair, sizes, strict=True))
            cost = inside + break_cost(self._texts[middle - 1], self._texts[middle]) + 0.3
            cost += 1.5 * uneven + 0.5 * alone
            if cost < best[0]:
                best = (cost, pair)
        return best

    def _line(self, first: int, last: int) -> float:
        known = self._known.get((first, last))
        if known is None:
            known = self._known[first, last] = self._fresh_line(first, last)
        return known

    def _fresh_line(self, first: int, last: int) -> float:
        text = self._text(first, last)
        size = reading_size(text)
        several = last - first > 1
        if several and size > _MOST_CHARACTERS:
            return float("inf")
        if several and self._limits.measure(text) > self._limits.width:
            return float("inf")
        lonely = not several and len(text) < 5 and len(self._texts) > 1
        return 0.35 * max(0, size - LINE_CHARACTERS) + (1.2 if lonely else 0.0)

    def _text(self, first: int, last: int) -> str:
        if self._glued is None:
            return " ".join(self._texts[first:last])
        return join_words(
            CaptionWord(text, Span(0.0, 0.0), glued=glued)
            for text, glued in zip(self._texts[first:last], self._glued[first:last], strict=True)
        )
