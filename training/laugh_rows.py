"""What a line of a sitcom shows beside its words: who says it, how it is put, what came before.

Nothing here looks at a time: actors wait for laughs to end, so gaps between lines tell of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from talkreel.core.arrays import FloatArray

TURNS = (
    "same_as_before", "same_as_after", "log_lines_in_turn", "log_lines_before_turn",
    "log_lines_since_speaker", "speakers_near", "share_of_speaker",
)  # fmt: skip
FORMS = (
    "log_words", "log_letters", "letters_per_word", "question", "exclamation", "comma", "dots",
    "dash", "shouted", "starts_small", "ends", "digits", "repeated_words", "echo",
)  # fmt: skip
_NEAR = 8  # lines in which the speakers are counted
_LONGEST = 50  # lines since someone last spoke


def turn_rows(speakers: Sequence[str]) -> FloatArray:
    """[N, len(TURNS)] of the lines of one episode, from the names of those who say them."""
    count = len(speakers)
    rows = np.zeros((count, len(TURNS)))
    spoken = Counter(speakers)
    last: dict[str, int] = {}
    turn, before = 0, 0
    for i, name in enumerate(speakers):
        same = i > 0 and speakers[i - 1] == name
        before = before if same else turn
        turn = turn + 1 if same else 1
        since = min(i - last[name], _LONGEST) if name in last else _LONGEST
        rows[i] = (
            same,
            i + 1 < count and speakers[i + 1] == name,
            np.log(turn),
            np.log1p(before),
            np.log(since),
            len(set(speakers[max(0, i - _NEAR + 1) : i + 1])),
            spoken[name] / count,
        )
        last[name] = i
    return rows


def form_rows(texts: Sequence[str]) -> FloatArray:
    """[N, len(FORMS)] of the lines of one episode."""
    rows = np.zeros((len(texts), len(FORMS)))
    before: set[str] = set()
    for i, text in enumerate(texts):
        words = [word.strip(".,?!-\"'…").lower() for word in text.split()]
        words = [word for word in words if word]
        count = max(1, len(words))
        rows[i] = (
            np.log1p(len(words)),
            np.log1p(len(text)),
            sum(map(len, words)) / count,
            "?" in text,
            "!" in text,
            text.count(","),
            "..." in text or "…" in text,
            "-" in text or "—" in text,
            sum(word.isupper() and len(word) > 1 for word in text.split()) / count,
            text[:1].islower(),
            text.rstrip("\"' ")[-1:] in (".", "?", "!"),
            any(c.isdigit() for c in text),
            1 - len(set(words)) / count,
            len(set(words) & before) / count,
        )
        before = set(words)
    return rows


def shifted(rows: FloatArray, steps: int) -> FloatArray:
    """[N, F] the row ``steps`` later (earlier where negative); zeros beyond the ends."""
    found = np.zeros_like(rows)
    if abs(steps) >= len(rows):
        return found
    if steps > 0:
        found[:-steps] = rows[steps:]
    elif steps < 0:
        found[-steps:] = rows[:steps]
    else:
        found[:] = rows
    return found
