"""What makes an opening catch a stranger: devices found in one unit, with their words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from talkreel.core.spans import Span
from talkreel.ranking import hook_words, lexicon
from talkreel.ranking.emotion_words import FEELING
from talkreel.ranking.talk import Unit
from talkreel.ranking.weights import HookWeights
from talkreel.ranking.wording import (
    clip_text,
    ends_with_mark,
    find_phrase,
    is_name,
    is_number,
    skip_fillers,
)


@dataclass(frozen=True, slots=True)
class Cue:
    """One device: its strength 0..1 (negative takes away), what it is, and where."""

    strength: float
    what: str
    words: str
    span: Span


def _phrases(*groups: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(phrase.split()) for group in groups for phrase in group)


_CURIOSITY = _phrases(hook_words.CURIOSITY_PHRASES)
_STORY = _phrases(hook_words.STORY_PHRASES)
_CLAIM = _phrases(hook_words.CLAIM_PHRASES)
_CONTRAST = _phrases(hook_words.CONTRAST_PHRASES)
_ADDRESS = _phrases(hook_words.ADDRESS_PHRASES)
_FLAT = _phrases(hook_words.FLAT_PHRASES)
SHORT_WORDS = 9  # a first sentence up to this long is said in about three seconds


def hook_cues(unit: Unit, weights: HookWeights) -> tuple[Cue, ...]:
    """Every opening device in ``unit``, strongest first."""
    if not unit.words:
        return ()
    cues = [
        *_shape_cues(unit, weights),
        *_phrase_cues(unit, weights),
        *_word_cues(unit, weights),
    ]
    return tuple(sorted(cues, key=lambda cue: (-abs(cue.strength), cue.span.start, cue.what)))


def hook_strength(cues: Sequence[Cue]) -> float:
    """0..1: devices add up with falling returns; house-keeping takes away."""
    missing = 1.0
    loss = 0.0
    for cue in cues:
        if cue.strength >= 0:
            missing *= 1 - cue.strength
        else:
            loss = max(loss, -cue.strength)
    return max(0.0, (1 - missing) * (1 - loss))


def _part(unit: Unit, first: int, last: int) -> tuple[str, Span]:
    words = unit.words[first:last]
    start = max(unit.span.start, min(word.span.start for word in words))
    end = min(unit.span.end, max(word.span.end for word in words))
    return " ".join(word.text for word in words), Span(start, max(start, end))


def _shape_cues(unit: Unit, weights: HookWeights) -> list[Cue]:
    cues: list[Cue] = []
    words = unit.bare
    lead = skip_fillers(words)
    asked = ends_with_mark(unit.words[-1].text) == "?"
    if asked:
        cues.append(Cue(weights.question, "asks a question", clip_text(unit.text), unit.span))
    if len(words) - lead <= SHORT_WORDS and len(words) >= 3 and unit.closes and unit.opens:
        cues.append(Cue(weights.short, "is short and direct", clip_text(unit.text), unit.span))
    return cues


def _phrase_cues(unit: Unit, weights: HookWeights) -> list[Cue]:
    groups = (
        (_CURIOSITY, weights.curiosity, "opens a curiosity gap"),
        (_STORY, weights.story, "starts a story"),
        (_CLAIM, weights.claim, "makes a bold claim"),
        (_CONTRAST, weights.contrast, "sets up a contrast"),
        (_ADDRESS, weights.address, "speaks to the viewer"),
        (_FLAT, -weights.flat, "is house-keeping"),
    )
    cues = []
    for phrases, strength, what in groups:
        found = _first_found(unit.bare, phrases)
        if found is not None:
            words, span = _part(unit, *found)
            cues.append(Cue(strength, what, words, span))
    return cues


def _first_found(words: Sequence[str], phrases: Sequence[Sequence[str]]) -> tuple[int, int] | None:
    """Where the longest phrase that occurs lies; a leading ``but`` or ``yet`` is no contrast."""
    have = set(words)
    for phrase in sorted(phrases, key=len, reverse=True):
        if phrase[0] not in have:
            continue
        place = find_phrase(words, phrase)
        if place is not None and not (place == 0 and phrase[0] in lexicon.CONTINUING):
            return place, place + len(phrase)
    return None


def _word_cues(unit: Unit, weights: HookWeights) -> list[Cue]:
    cues: list[Cue] = []
    seen: set[str] = set()

    def add(kind: str, strength: float, what: str, place: int) -> None:
        if kind not in seen:
            seen.add(kind)
            words, span = _part(unit, place, place + 1)
            cues.append(Cue(strength, what, words, span))

    for place, (word, plain) in enumerate(zip(unit.words, unit.bare, strict=True)):
        if plain in hook_words.ADDRESS:
            add("address", weights.address, "speaks to the viewer", place)
        elif is_number(word.text, plain, hook_words.NUMBERS):
            add("number", weights.number, "names a number", place)
        elif plain in hook_words.SUPERLATIVES:
            add("superlative", weights.superlative, "uses a superlative", place)
        elif is_name(word.text, place == 0 or unit.words[place - 1].ends_sentence):
            add("name", weights.name, "names someone or something", place)
        if plain in FEELING and FEELING[plain][1] >= 0.5:
            add("emotion", weights.emotion * FEELING[plain][1], "uses a charged word", place)
    return cues
