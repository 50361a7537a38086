"""Which words are profanity, how they are shown, and where the sound is masked."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files

from talkreel.core.sound import Mute
from talkreel.core.spans import Span, merge
from talkreel.core.transcript import Word

# Word times are good to some hundredths of a second: the mask begins and ends a little outside,
# but never takes more than half of the pause to a neighbour.
_MARGIN_SECONDS = 0.06


def is_profane(text: str) -> bool:
    """Whether a word with its punctuation is on the list."""
    begins, whole, names = _lists()
    plain = "".join(c for c in text.lower() if c.isalpha() or c == "'").strip("'")
    if plain.removesuffix("'s") in names and text.strip("\"'“‘([")[:1].isupper():
        return False
    parts = {plain, plain.removesuffix("'s"), *_parts(text)}
    return any(part in whole or part.startswith(begins) for part in parts if part)


def mask(text: str) -> str:
    """``text`` with all letters but the first as asterisks; punctuation stays."""
    seen = False
    shown = ""
    for c in text:
        shown += "*" if seen and (c.isalnum() or c == "'") else c
        seen = seen or c.isalnum()
    return shown


def masked_text(text: str) -> str:
    """``text`` with every profane word masked."""
    return " ".join(mask(word) if is_profane(word) else word for word in text.split(" "))


def mutes_for(words: Sequence[Word], kept: Sequence[Span]) -> tuple[Mute, ...]:
    """Where the voice is masked so that no profane one of ``words`` is heard.

    Args:
        words: of the transcript, in order.
        kept: what is played.
    """
    spans = []
    for i, word in enumerate(words):
        if not is_profane(word.text):
            continue
        before = word.span.start - words[i - 1].span.end if i else _MARGIN_SECONDS * 2
        after = words[i + 1].span.start - word.span.end if i + 1 < len(words) else 1.0
        early = min(_MARGIN_SECONDS, max(0.0, before / 2))
        late = min(_MARGIN_SECONDS, max(0.0, after / 2))
        wide = word.span.pad(early, late)
        spans += [cut for cut in (wide.intersect(span) for span in kept) if cut is not None]
    return tuple(Mute(span) for span in merge(spans))


def _parts(text: str) -> list[str]:
    """The parts of a hyphenated word."""
    return ["".join(c for c in part if c.isalpha()) for part in text.lower().split("-")]


@lru_cache(maxsize=1)
def _lists() -> tuple[tuple[str, ...], frozenset[str], frozenset[str]]:
    source = files("talkreel.edit").joinpath("profanity.toml")
    data = tomllib.loads(source.read_text(encoding="utf-8"))
    return tuple(data["begins"]), frozenset(data["whole"]), frozenset(data["names"])
