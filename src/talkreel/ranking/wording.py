"""Plain text operations shared by factors and titles; no state, no statistics."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

from talkreel.ranking.lexicon import FILLERS, STOP

_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "`": "'"})


def bare(text: str) -> str:
    """A word as the lexicons spell it: lower case, plain apostrophes, no outer punctuation."""
    plain = unicodedata.normalize("NFKC", text).translate(_APOSTROPHES).lower()
    start, end = 0, len(plain)
    while start < end and not plain[start].isalnum():
        start += 1
    while end > start and not plain[end - 1].isalnum():
        end -= 1
    return plain[start:end]


def bare_all(words: Iterable[str]) -> tuple[str, ...]:
    """``bare`` of each, keeping empty strings so that positions stay aligned."""
    return tuple(bare(word) for word in words)


def find_phrase(words: Sequence[str], phrase: Sequence[str]) -> int | None:
    """Where ``phrase`` first starts in the bare ``words``; None when it does not occur."""
    size = len(phrase)
    for i in range(len(words) - size + 1):
        if words[i] == phrase[0] and tuple(words[i : i + size]) == tuple(phrase):
            return i
    return None


def starts_with(words: Sequence[str], phrases: Iterable[Sequence[str]]) -> Sequence[str] | None:
    """The first of ``phrases`` that opens ``words``; None when none does."""
    for phrase in phrases:
        if tuple(words[: len(phrase)]) == tuple(phrase):
            return phrase
    return None


def content(words: Iterable[str]) -> tuple[str, ...]:
    """The words that carry meaning: not in the stop list, longer than two letters or digits."""
    return tuple(word for word in words if word not in STOP and (len(word) > 2 or word.isdigit()))


def skip_fillers(words: Sequence[str]) -> int:
    """How many leading words only clear the throat; never all of them."""
    count = 0
    while count < len(words) - 1 and (not words[count] or words[count] in FILLERS):
        count += 1
    return count


def ends_with_mark(text: str) -> str:
    """The closing ``.``, ``?``, ``!`` or ``…`` of a text, quotes aside; empty when none."""
    stripped = text.rstrip("\"')]}»”’ ")
    last = stripped[-1:]
    return {"。": ".", "？": "?", "！": "!"}.get(last, last if last in ".?!…" else "")


def is_name(text: str, first_in_sentence: bool) -> bool:
    """Whether a word looks like a proper name: a capital inside a sentence, not ``I``."""
    stripped = text.strip("\"'“”‘’([{")
    if first_in_sentence or len(stripped) < 2 or not stripped[0].isupper():
        return False
    return bare(stripped) not in STOP and not bare(stripped).startswith("i'")


def is_number(text: str, plain: str, number_words: frozenset[str]) -> bool:
    """Whether a word counts something: digits or a number word."""
    return any(c.isdigit() for c in text) or plain in number_words


def clip_text(text: str, limit: int = 90) -> str:
    """``text`` cut at a word with an ellipsis, for evidence."""
    if len(text) <= limit:
        return text
    return text[:limit].rsplit(" ", 1)[0].rstrip(",;:-–—") + " …"


def clock(seconds: float) -> str:
    """``1:23`` or ``1:02:03``."""
    whole = max(0, int(seconds))
    hours, rest = divmod(whole, 3600)
    minutes, second = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{second:02d}" if hours else f"{minutes}:{second:02d}"
