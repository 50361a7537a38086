"""Sentences made shorter by leaving words out; what stays is said in the talk, in its order.

Only what a claim does not hang on is left out: throat-clearing, repeated words, asides, clauses
that merely add. Conditions (``if``, ``unless``), negations, contrasts inside the sentence and
hedges stay, for without them it would say something else.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

from talkreel.core.transcript import Word
from talkreel.ranking import lexicon
from talkreel.ranking.wording import bare_all, is_name

Words = tuple[Word, ...]

_SOUNDS = lexicon.words_of("um uh uhm er erm ah hmm mm mhm")
# Said twice on purpose.
_TWICE = lexicon.words_of("very really so had that no never many more far long")
_OPENERS = lexicon.words_of("well okay ok right yeah now alright anyway so and but actually look")
_OPENING_PHRASES = ("you know", "i mean", "you see", "of course", "first of all", "by the way")
_ASIDES = (
    *("you know", "i mean", "of course", "by the way", "as you know", "in fact", "frankly"),
    *("as i said", "like i said", "if you will", "so to speak", "for example", "for instance"),
    *("however", "actually", "basically", "honestly", "obviously", "well", "right", "okay"),
)
_RELATIVE = lexicon.words_of("which who whose where")
# A sentence keeps its truth without a clause at its end that starts so.
_ADDING = lexicon.words_of("which because since whereas so")
_SCENE = lexicon.words_of(
    "in on at over after before during today tonight yesterday now then last recently finally"
)
_SUBJECTS = lexicon.words_of(
    """i you we he she they it the a an this that these those there my our your his her their
    it's i'm we're you're they're that's there's he's she's i've we've"""
)
_LONGEST_ASIDE = 14  # words
_LEAST = 3  # words of a sentence that is left


def without_disfluencies(words: Sequence[Word]) -> Words:
    """Without hesitation sounds, and repeated words said once."""
    kept = [word for word in words if bare_all([word.text])[0] not in _SOUNDS]
    for size in (3, 2, 1):
        kept = _said_once(kept, size)
    return tuple(kept)


def _said_once(words: list[Word], size: int) -> list[Word]:
    kept: list[Word] = []
    for word in words:
        kept.append(word)
        plain = bare_all(w.text for w in kept[-2 * size :])
        if len(plain) < 2 * size or plain[:size] != plain[size:] or not all(plain):
            continue
        ends = kept[-size - 1].text[-1:]
        if ends in ".?!" or (size == 1 and plain[0] in _TWICE):
            continue
        del kept[-2 * size : -size]
    return kept


def compress(words: Sequence[Word], limit: int) -> Words | None:
    """The longest version of a sentence of at most ``limit`` characters, or None.

    Args:
        words: of one sentence.
        limit: characters, blanks between words included.
    """
    return next((version for version in versions(words) if _length(version) <= limit), None)


def versions(words: Sequence[Word]) -> Iterator[Words]:
    """A sentence, then shorter and shorter versions of it; each has a verb."""
    now = without_opening(without_disfluencies(words))
    if now:
        yield now
    for step in (_without_aside, _without_scene, _without_ending):
        while (shorter := step(now)) is not None:
            now = shorter
            yield now


def without_opening(words: Words) -> Words:
    """Without the words that only clear the throat."""
    plain = bare_all(word.text for word in words)
    skip = 0
    while skip < len(plain) - _LEAST:
        if plain[skip] in _OPENERS or not plain[skip]:
            skip += 1
        elif " ".join(plain[skip : skip + 2]) in _OPENING_PHRASES:
            skip += 2
        elif " ".join(plain[skip : skip + 3]) in _OPENING_PHRASES:
            skip += 3
        else:
            break
    return words[skip:]


def _without_aside(words: Words) -> Words | None:
    """Without the first aside between two commas."""
    plain = bare_all(word.text for word in words)
    commas = [i for i, word in enumerate(words) if word.text.endswith((",", "—", "–"))]
    for first, last in itertools.pairwise(commas):
        inside = plain[first + 1 : last + 1]
        name = is_name(words[first].text, first == 0)
        if _is_aside(inside) or (name and _is_apposition(plain, first, last)):
            # The comma before the aside goes with it.
            before = _unmarked(words[first])
            rest = (*words[:first], before, *words[last + 1 :])
            if _whole(rest):
                return rest
    return None


def _is_aside(inside: Sequence[str]) -> bool:
    if " ".join(inside) in _ASIDES:
        return True
    return (
        bool(inside)
        and inside[0] in _RELATIVE
        and 2 < len(inside) <= _LONGEST_ASIDE
        and any(word in lexicon.VERBS for word in inside)
    )


def _is_apposition(plain: Sequence[str], first: int, last: int) -> bool:
    """Whether a name is explained ("Ada, the first programmer, wrote ...")."""
    inside = plain[first + 1 : last + 1]
    follows = plain[last + 1] if last + 1 < len(plain) else ""
    return inside[0] in ("a", "an", "the") and len(inside) <= 8 and follows in lexicon.VERBS


def _without_scene(words: Words) -> Words | None:
    """Without a clause at the start that only says when or where."""
    plain = bare_all(word.text for word in words)
    comma = next((i for i, word in enumerate(words) if word.text.endswith(",")), None)
    if comma is None or plain[0] not in _SCENE or comma + 1 >= len(words):
        return None
    rest = words[comma + 1 :]
    return rest if plain[comma + 1] in _SUBJECTS and _whole(rest) else None


def _without_ending(words: Words) -> Words | None:
    """Without a clause at the end that adds to one already whole."""
    plain = bare_all(word.text for word in words)
    for start in range(len(words) - 2, _LEAST - 1, -1):
        after_comma = words[start - 1].text.endswith((",", ";", "—", "–"))
        adds = plain[start] in _ADDING and (after_comma or plain[start] == "because")
        joins = plain[start] == "and" and after_comma and plain[start + 1] in _SUBJECTS
        rest = (*words[: start - 1], _unmarked(words[start - 1]))
        if (adds or joins) and _whole(rest):
            return rest
    return None


def _unmarked(word: Word) -> Word:
    text = word.text.rstrip(",;—–") or word.text
    return Word(text, word.span, word.confidence, word.speaker, word.interpolated)


def _whole(words: Sequence[Word]) -> bool:
    """Whether words can stand as a sentence: a verb, and no end that hangs."""
    plain = bare_all(word.text for word in words)
    if len(plain) < _LEAST or plain[-1] in lexicon.UNFINISHED:
        return False
    return has_verb(plain) and plain[0] not in _RELATIVE


def has_verb(plain: Sequence[str], is_verb: Callable[[str], bool] | None = None) -> bool:
    """Whether a common finite verb, or a regular past form, is among bare words."""
    known = is_verb or (lambda w: w in lexicon.VERBS or (len(w) > 4 and w.endswith(("ed", "n't"))))
    return any(known(word) for word in plain)


def _length(words: Sequence[Word]) -> int:
    return sum(len(word.text) + 1 for word in words) - 1
