"""How far a transcript is from what was said, however either is written."""

from __future__ import annotations

from collections.abc import Sequence

from talkreel.perceive.normalize import spoken_words


def spoken(text: str) -> list[str]:
    """The words as said: no case, no punctuation, numbers and ``Mr.`` spelled out."""
    parts = (part for word in text.split() for part in spoken_words(word))
    return [bare for part in parts if (bare := part.strip("'"))]


def word_error_rate(reference: str, hypothesis: str) -> float:
    """Insertions, deletions and substitutions per word of the reference.

    Raises:
        ValueError: the reference has no words.
    """
    wanted = spoken(reference)
    if not wanted:
        raise ValueError("a reference without words has no word error rate")
    return edit_distance(wanted, spoken(hypothesis)) / len(wanted)


def edit_distance(first: Sequence[str], second: Sequence[str]) -> int:
    """Fewest insertions, deletions and substitutions from one to the other (Levenshtein)."""
    row = list(range(len(second) + 1))
    for i, one in enumerate(first, start=1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(second, start=1):
            change = diagonal + (one != other)
            diagonal = row[j]
            row[j] = min(change, row[j] + 1, row[j - 1] + 1)
    return row[-1]
