"""Titles from a clip's own words: its most telling phrase, cut at phrase borders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from talkreel.core.spans import Span
from talkreel.core.transcript import Word
from talkreel.ranking import hook_words, lexicon
from talkreel.ranking.hooks import hook_cues, hook_strength
from talkreel.ranking.talk import Unit
from talkreel.ranking.weights import HOOKS
from talkreel.ranking.wording import (
    bare_all,
    clock,
    content,
    ends_with_mark,
    is_name,
    is_number,
)

LIMIT = 60  # characters; longer titles are cut off in feeds
_SHORT = 14  # characters below which a phrase says too little
GOOD = 0.75  # worth of a plain sentence of its own; below it the first sentence is cut to fit
_MOST_WORDS = 40  # of a sentence that are searched
_STRONG_BORDERS = (":", ";", "—", "–", "--", "?", "!", "…")
_TRIM = " .,;:…-–—'‘()[]{}«»"
_QUOTES = '"“”'


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words of one sentence that could be a title, and how they were cut out of it."""

    words: tuple[Word, ...]
    plain: tuple[str, ...]
    at_start: bool  # begins where the sentence begins, throat-clearing aside
    after_intro: bool  # begins after an introductory clause or a colon
    at_end: bool  # stops at a clause border


def make_title(units: Sequence[Unit], span: Span) -> str:
    """The best phrase of ``units`` as a title of at most ``LIMIT`` characters.

    Depends on the words of the clip only. Clips without words are named by their time.
    """
    best, title = 0.0, ""
    for place, unit in enumerate(units):
        for _, shown, worth in phrases_of(unit, place):
            if worth > best + 1e-9:
                best, title = worth, shown
    if best >= GOOD:
        return title
    shortened = (_shorten(unit.words) for unit in units if unit.words)
    return next((text for text in shortened if text), title or f"Moment at {clock(span.start)}")


def phrases_of(unit: Unit, place: int) -> Iterator[tuple[Phrase, str, float]]:
    """Phrases of a unit that are short enough: cut out, as shown, and how well they are formed.

    Args:
        unit: a sentence.
        place: its number in the clip; early ones tell more of what the clip is about.
    """
    for phrase in _phrases(unit.words[:_MOST_WORDS]):
        shown = dress(phrase.words)
        if 3 <= len(shown) <= LIMIT:
            yield phrase, shown, _worth(phrase, place)


def worth_of(words: Sequence[Word], plain: tuple[str, ...], place: int) -> float:
    """How well a whole sentence, or a shortened one, is formed as a title."""
    return _worth(Phrase(tuple(words), plain, True, False, True), place)


def _phrases(words: Sequence[Word]) -> Iterator[Phrase]:
    """Runs of words from clause borders to clause borders or to before a linking word."""
    if not words:
        return
    plain = bare_all(word.text for word in words)
    lead = _fillers(plain)
    borders = [i + 1 for i, word in enumerate(words) if _is_border(word)]
    borders = sorted({*borders, len(words)})
    links = [i for i in range(lead + 4, len(words)) if plain[i] in lexicon.LINKING]
    for start in sorted({lead, *(b for b in borders if lead < b < len(words) - 2)}):
        skip = start + _fillers(plain[start:])
        intro = start > lead and _is_intro(plain[lead:start], words[start - 1].text)
        for end in sorted({*borders, *links}):
            if end - skip < 2:
                continue
            run = tuple(words[skip:end])
            if sum(len(word.text) + 1 for word in run) > LIMIT + 8:
                break
            yield Phrase(run, plain[skip:end], start == lead, intro, end in borders)


def _is_border(word: Word) -> bool:
    """Whether a clause ends here; the point of an abbreviation ends none."""
    return word.ends_sentence or word.text.endswith((",", *_STRONG_BORDERS))


def _fillers(plain: Sequence[str]) -> int:
    """Leading words that carry nothing; never so many that fewer than two are left."""
    skip = 0
    while skip < len(plain) - 2:
        if not plain[skip] or plain[skip] in lexicon.FILLERS | lexicon.CONTINUING - {"not"}:
            skip += 1
        elif " ".join(plain[skip : skip + 2]) in lexicon.FILLER_PHRASES:
            skip += 2
        else:
            break
    return min(skip, max(0, len(plain) - 2))


def _is_intro(clause: Sequence[str], closing: str) -> bool:
    """Whether what was left out before only sets the scene ("Over 200 years ago, ...")."""
    opens_loosely = bool(clause) and clause[0] in lexicon.HANGING | lexicon.SETTING
    return closing.endswith(_STRONG_BORDERS) or opens_loosely or clause[-1:] == ("ago",)


def _worth(phrase: Phrase, place: int) -> float:
    plain = phrase.plain
    length = sum(len(word.text) + 1 for word in phrase.words)
    telling = len(set(content(plain)))
    concrete = sum(
        is_name(word.text, i == 0) or is_number(word.text, plain[i], hook_words.NUMBERS)
        for i, word in enumerate(phrase.words)
    )
    hook = hook_strength(hook_cues(Unit(Span(0.0, 1.0), phrase.words), HOOKS))
    worth = 0.8 * hook + 0.15 * min(telling, 5) + 0.1 * min(concrete, 2)
    worth += 0.4 / (1 + place)
    worth += 0.2 if 24 <= length <= LIMIT else 0.0
    return worth + _shape(phrase) - (0.6 if length < _SHORT or telling == 0 else 0.0)


def _shape(phrase: Phrase) -> float:
    """How much the phrase reads like something whole."""
    first, last = phrase.plain[0], phrase.plain[-1]
    asks = ends_with_mark(phrase.words[-1].text) == "?"
    worth = 0.5 if phrase.at_start and phrase.at_end else 0.0
    if not phrase.at_start:
        worth -= 0.0 if phrase.after_intro else 0.7
    worth -= 0.0 if phrase.at_end else 0.25
    worth -= 0.6 if first in lexicon.DANGLING else 0.35 if first in lexicon.POINTING else 0.0
    worth -= 0.8 if first in lexicon.HANGING and not asks else 0.0
    worth -= 1.5 if last in lexicon.UNFINISHED and not asks else 0.0
    if not asks and not any(is_verb(word) for word in phrase.plain[1:]):
        worth -= 0.9
    worth -= 0.7 if not phrase.at_end and _opens_clause(phrase.plain) else 0.0
    return worth - (0.5 if is_verb(first) and not phrase.at_start else 0.0)


def _opens_clause(plain: Sequence[str]) -> bool:
    """Whether a subordinate clause has begun whose verb was cut away."""
    begins = [i for i, word in enumerate(plain) if i and word in lexicon.SUBORDINATE]
    return bool(begins) and not any(is_verb(word) for word in plain[begins[-1] + 1 :])


def is_verb(word: str) -> bool:
    """A rough guess at finite verbs: the common ones, and regular past forms."""
    return word in lexicon.VERBS or (len(word) > 4 and word.endswith(("ed", "n't")))


def _shorten(words: Sequence[Word]) -> str:
    """The longest start of a sentence that fits and does not stop on an unfinished phrase."""
    plain = bare_all(word.text for word in words)
    kept = list(words[_fillers(plain) :])
    while kept and len(dress(kept)) > LIMIT:
        kept.pop()
    while len(kept) > 2 and bare_all([kept[-1].text])[0] in lexicon.UNFINISHED:
        kept.pop()
    return dress(kept)


def dress(words: Sequence[Word]) -> str:
    """Words as a headline: first letter large, no closing full stop, no lone quote marks."""
    text = " ".join(word.text for word in words)
    mark = ends_with_mark(text)
    if sum(text.count(quote) for quote in _QUOTES) % 2 or text.count("“") != text.count("”"):
        text = text.translate({ord(quote): None for quote in _QUOTES})
    text = text.strip(_TRIM + "?!")
    if text.endswith(tuple(_QUOTES)):
        text = text[:-1].rstrip(".,;:") + text[-1]
    elif mark in ("?", "!") and text:
        text += mark
    return text[:1].upper() + text[1:]
