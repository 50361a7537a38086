"""Titles from a clip's own words: its most telling phrase, cut at phrase borders."""

from __future__ import annotations

from collections.abc import Sequence

from talkreel.core.spans import Span
from talkreel.core.transcript import Word
from talkreel.ranking import lexicon
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
_SHORT = 12  # characters below which a phrase says too little
_BORDERS = (",", ";", ":", "—", "–", "-", ".", "?", "!", "…")
_TRIM = " .,;:…-–—\"'“”‘()[]{}«»"


def make_title(units: Sequence[Unit], span: Span) -> str:
    """The best phrase of ``units`` as a title of at most ``LIMIT`` characters.

    Depends on the words of the clip only. Clips without words are named by their time.
    """
    best: tuple[float, str] | None = None
    for place, unit in enumerate(units):
        for phrase in _phrases(unit.words):
            shown = _dress(phrase)
            if not 3 <= len(shown) <= LIMIT:
                continue
            worth = _worth(phrase, place, whole=len(phrase) == len(unit.words))
            if best is None or worth > best[0] + 1e-9:
                best = (worth, shown)
    if best is not None and best[0] > 0:
        return best[1]
    shortened = next((cut for unit in units if (cut := _shorten(unit.words))), "")
    return shortened or (best[1] if best else f"Moment at {clock(span.start)}")


def _phrases(words: Sequence[Word]) -> list[tuple[Word, ...]]:
    """Runs of whole clauses that fit, without throat-clearing at the front."""
    marks = [i + 1 for i, word in enumerate(words) if word.text.endswith(_BORDERS)]
    cuts = sorted({0, *marks, len(words)})
    found = []
    for a, begin in enumerate(cuts[:-1]):
        for end in cuts[a + 1 :]:
            phrase = _strip_front(words[begin:end])
            if sum(len(word.text) + 1 for word in phrase) > LIMIT + 12:
                break
            if phrase:
                found.append(tuple(phrase))
    return found


def _strip_front(words: Sequence[Word]) -> Sequence[Word]:
    plain = bare_all(word.text for word in words)
    skip = 0
    while skip < len(words) - 2:
        if not plain[skip] or plain[skip] in lexicon.FILLERS | lexicon.CONTINUING - {"not"}:
            skip += 1
        elif " ".join(plain[skip : skip + 2]) in lexicon.FILLER_PHRASES:
            skip += 2
        else:
            break
    return words[skip:]


def _worth(phrase: Sequence[Word], place: int, *, whole: bool) -> float:
    plain = bare_all(word.text for word in phrase)
    unit = Unit(Span(0.0, 1.0), tuple(phrase))
    telling = len(set(content(plain)))
    named = sum(
        is_name(w.text, i == 0) or is_number(w.text, plain[i], lexicon.NUMBERS)
        for i, w in enumerate(phrase)
    )
    length = sum(len(word.text) + 1 for word in phrase)
    worth = hook_strength(hook_cues(unit, HOOKS)) + 0.15 * min(telling, 5) + 0.1 * min(named, 2)
    worth += 0.35 if whole else 0.0
    worth += 0.3 / (1 + place)
    worth += 0.2 if 24 <= length <= LIMIT else 0.0
    worth -= 0.6 if length < _SHORT or telling == 0 else 0.0
    worth -= 0.6 if plain[0] in lexicon.DANGLING else 0.35 if plain[0] in lexicon.POINTING else 0.0
    asks = ends_with_mark(phrase[-1].text) == "?"
    worth -= 1.2 if plain[-1] in lexicon.UNFINISHED and not asks else 0.0
    # A clause that hangs on a relative word is no headline.
    worth -= 0.3 if not whole and plain[0] in lexicon.HANGING else 0.0
    return worth


def _shorten(words: Sequence[Word]) -> str:
    """The longest start of a sentence that fits and does not stop on an unfinished phrase."""
    kept = list(_strip_front(words))
    while kept and len(_dress(kept)) > LIMIT:
        kept.pop()
    while len(kept) > 2 and bare_all([kept[-1].text])[0] in lexicon.UNFINISHED:
        kept.pop()
    shown = _dress(kept)
    return shown if len(shown) <= LIMIT else ""


def _dress(words: Sequence[Word]) -> str:
    text = " ".join(word.text for word in words)
    mark = ends_with_mark(text)
    text = text.strip(_TRIM + "?!")
    if mark in ("?", "!") and text:
        text += mark
    return text[:1].upper() + text[1:]
