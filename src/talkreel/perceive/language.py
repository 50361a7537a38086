"""Whether the speech is in the recogniser's own language."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from talkreel.perceive.hear import SpeechChunk, english_share

# Less speech than this tells too little; a talk in another language gives far more.
MIN_SECONDS = 4.0
# False alarms cost a talk its captions: most of what can be judged must speak against English.
MAX_ENGLISH_SHARE = 0.4
# With this much heard and hardly any English in it, hearing on is not worth the time.
ENOUGH_SECONDS = 180.0
_HOPELESS_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class LanguageVerdict:
    """What the chunks say about the language.

    Attributes:
        english: False only where the evidence is strong.
        hopeless: enough was heard that the rest need not be.
        warning: one line for the user; empty for English.
    """

    english: bool
    hopeless: bool = False
    warning: str = ""


def judge_language(chunks: Sequence[SpeechChunk]) -> LanguageVerdict:
    """English unless most of the speech that can be judged does not sound like its words."""
    share, seconds = english_share(chunks)
    heard = sum(chunk.span.duration for chunk in chunks if chunk.tokens)
    if share is None or seconds < MIN_SECONDS or seconds < heard / 3 or share > MAX_ENGLISH_SHARE:
        return LanguageVerdict(True)
    return LanguageVerdict(
        False,
        hopeless=seconds >= ENOUGH_SECONDS and share <= _HOPELESS_SHARE,
        warning=(
            "the speech does not sound like English, the only language of the bundled recogniser "
            "(or is too unclear for it): clips are chosen by sound and picture alone; give a "
            "transcript file or Whisper weights for captions"
        ),
    )


# The commonest English words: together well over a third of any running English text, under
# a tenth of text in other languages written with the same letters.
_FUNCTION_WORDS = frozenset(
    [
        "the",
        "of",
        "and",
        "to",
        "in",
        "that",
        "is",
        "was",
        "it",
        "for",
        "you",
        "on",
        "with",
        "as",
        "he",
        "be",
        "at",
        "by",
        "this",
        "had",
        "not",
        "are",
        "but",
        "from",
        "or",
        "have",
        "an",
        "they",
        "which",
        "one",
        "were",
        "all",
        "her",
        "she",
        "there",
        "would",
        "their",
        "we",
        "him",
        "been",
        "has",
        "when",
        "who",
        "will",
        "if",
        "out",
        "so",
        "what",
        "up",
        "about",
        "into",
        "than",
        "them",
        "can",
        "could",
        "i'm",
        "it's",
        "don't",
        "my",
        "your",
        "just",
        "know",
        "going",
        "like",
        "me",
        "his",
        "do",
        "how",
        "because",
        "then",
        "these",
        "some",
        "very",
    ]
)
_MIN_ENGLISH_SHARE = 0.2


def is_english_text(words: Iterable[str]) -> bool:
    """Whether text reads like English, by its share of function words."""
    plain = [word.strip(".,;:!?\"'()[]").lower().replace("’", "'") for word in words]
    known = sum(word in _FUNCTION_WORDS for word in plain)
    return bool(plain) and known >= _MIN_ENGLISH_SHARE * len(plain)
