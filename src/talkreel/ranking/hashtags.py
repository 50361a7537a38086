"""Hashtags from a clip's own words: its names and the things it talks about."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from talkreel.ranking import hook_words, lexicon
from talkreel.ranking.talk import Unit
from talkreel.ranking.titles import is_verb
from talkreel.ranking.wording import bare, is_name, is_number

MOST = 5
_LONGEST = 24  # characters
_DETERMINERS = lexicon.words_of(
    """a an the my our your their his her its this that these those every each of in on with into
    from about other new own"""
)
_ARTICLES = lexicon.words_of("a an the my our your their his her its")
# Words that end a phrase but name nothing ("in general", "of the young").
_ADJECTIVES = lexicon.words_of(
    """able alive alone awake aware basic best better big black blue brief bright broad busy central
    certain cheap clean clear close cold common complete correct crazy current dark dead dear deep
    different difficult direct early easy entire equal every exact extra false famous fast fine
    final flat free fresh full future general glad global gold good grand great green half happy
    hard heavy high honest huge human ideal important individual inner just kind large late left
    legal less light likely little local long loose loud lucky main major many middle minor minimum
    modern more natural near necessary nice normal obvious older open original outer particular past
    perfect physical plain poor possible present previous private proper public pure quick quiet
    random rare ready real recent regular rich right round safe serious several shallow sharp short
    silent similar simple single slow small smart social soft solid special stable strange strict
    strong sure sweet tall thick thin tight tiny total tough true typical unique upper usual various
    vast warm weak weird wet white wide wild wise wonderful wooden wrong young younger"""
)
# Nouns that say nothing about a clip.
_EMPTY = lexicon.words_of(
    """thing things people person man men woman women guy guys way ways time times day days year
    years week weeks month months moment moments part parts place places kind sort lot bit end
    point case number question questions answer fact idea example story life world hand hands
    name side group room line word words hour hours minute minutes second seconds today
    tomorrow yesterday night morning anybody nobody everybody somebody anyone none first last
    next half course reason matter sense rest couple whole top front back area something stuff
    little done size across mr mrs ms dr president sir madam ladies gentlemen monday tuesday
    wednesday thursday friday saturday sunday january february march april may june july
    august september october november december god"""
)


def hashtags(clip: Sequence[Unit], talk: Sequence[Unit], most: int = MOST) -> tuple[str, ...]:
    """At most ``most`` tags, the most telling first.

    Names count most; a common noun counts when it is said more than once in the clip, or once
    and hardly elsewhere in the talk. English only: nouns are told by the words around them.

    Args:
        clip: its sentences.
        talk: all sentences, to know which words are rare.
        most: tags.
    """
    used = Counter(_stem(word) for unit in talk for word in set(unit.bare))
    total = max(len(talk), 1)
    worth: dict[str, float] = {}
    shown: dict[str, str] = {}
    for unit in clip:
        for tag, weight in (*_names(unit), *_nouns(unit)):
            key = _stem(tag.lower())
            rarity = math.log((total + 1) / (used[key] + 0.5)) / math.log(total + 2)
            worth[key] = worth.get(key, 0.0) + weight * max(rarity, 0.1)
            shown.setdefault(key, tag)
    chosen: list[str] = []
    for key, _ in sorted(worth.items(), key=lambda item: (-item[1], item[0])):
        tag = shown[key]
        if len(chosen) < most and not _inside(tag, chosen):
            chosen.append(tag)
    return tuple(f"#{tag}" for tag in chosen)


def _names(unit: Unit) -> Iterator[tuple[str, float]]:
    """Runs of capitalised words inside the sentence, written together."""
    run: list[str] = []
    for place, word in enumerate(unit.words):
        starts = place == 0 or unit.words[place - 1].ends_sentence
        plain = bare(word.text)
        named = is_name(word.text, starts) and plain not in _EMPTY and plain.isascii()
        if named:
            run.append(_letters(word.text))
        if run and (not named or word.text[-1:] in ',.;:?!"”' or place + 1 == len(unit.words)):
            tag = "".join(run)
            run = []
            if 3 <= len(tag) <= _LONGEST:
                yield tag, 2.0


def _nouns(unit: Unit) -> Iterator[tuple[str, float]]:
    """Words that end a phrase opened by a determiner or preposition, or by one and an adjective."""
    plain = unit.bare
    for place, word in enumerate(plain):
        following = plain[place + 1] if place + 1 < len(plain) else ""
        ends = unit.words[place].text[-1:] in ",.;:?!" or not following
        ends = ends or following in lexicon.VERBS
        ends = ends or (following in lexicon.STOP and following not in ("and", "or"))
        if ends and _tells(word, unit.words[place].text):
            weight = _opened(plain[max(0, place - 2) : place])
            if weight:
                yield _letters(word), weight


def _opened(before: Sequence[str]) -> float:
    """How surely a noun follows the last two words."""
    if not before:
        return 0.0
    if before[-1] in _DETERMINERS:
        return 1.0
    between = before[-1] not in lexicon.STOP and not is_verb(before[-1])
    return 0.5 if between and before[0] in _ARTICLES and len(before) == 2 else 0.0


def _tells(word: str, text: str) -> bool:
    return (
        4 <= len(word) <= _LONGEST
        and word.isascii()
        and word.isalpha()
        and word not in lexicon.STOP | lexicon.LINKING
        and word not in _EMPTY
        and word not in _ADJECTIVES
        and not is_verb(word)
        and not word.endswith(("ly", "ing", "est", "ical", "ous", "ful", "able"))
        and not is_number(text, word, hook_words.NUMBERS)
        and word not in hook_words.SUPERLATIVES
    )


def _letters(text: str) -> str:
    text = re.sub(r"[’']s$", "", text.rstrip(".,;:?!\"”’'"))
    return re.sub(r"[^A-Za-z0-9]", "", text)


def _stem(word: str) -> str:
    """Singular and plural as one; rough on purpose."""
    if word.endswith("ies") and len(word) > 5:
        return word[:-3] + "y"
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 4 else word


def _inside(tag: str, others: Iterable[str]) -> bool:
    low = tag.lower()
    return any(low in other.lower() or other.lower() in low for other in others)
