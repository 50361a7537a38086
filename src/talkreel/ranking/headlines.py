"""Alternatives for one place: titles and hook lines of a clip, and names of a talk's chapters."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from talkreel.core.arrays import FloatArray
from talkreel.core.spans import Span
from talkreel.core.transcript import Word
from talkreel.core.words import FROM_TALK, Chapter
from talkreel.ranking import lexicon, titles
from talkreel.ranking.compress import compress, has_verb, without_disfluencies, without_opening
from talkreel.ranking.hook_words import NUMBERS
from talkreel.ranking.talk import Unit
from talkreel.ranking.topics import segment
from talkreel.ranking.wording import bare_all, content, ends_with_mark, starts_with

HOOK_LIMIT = 90  # characters: two lines of large letters, read within two seconds
_MOST = 6
_FORWARD = tuple(tuple(phrase.split()) for phrase in lexicon.FORWARD_PHRASES)
# A chapter shorter than this is no help in finding one's way; platforms take 10 s.
LEAST_CHAPTER_SECONDS = 30.0
_MOST_CHAPTERS = 15
_LEAST_CHAPTERS = 3  # platforms show chapters from three on
# A sentence may be cut before these and still say the same; before others something is missing.
_SAFE_CUTS = lexicon.words_of(
    "and so because when while where in on at by from after before since during until through"
)
# What is said, asked or used must follow.
_OPEN_VERBS = lexicon.words_of(
    """said says say told tell asked ask thought think knew know mean means like used use allowed
    allow called call want wanted need needed make makes made let lets give gives gave take takes
    took seem seems seemed become became include includes including"""
)
_NEGATIONS = lexicon.words_of("not no never nothing nobody none hardly nor cannot without")
_DISTINCT = 0.25  # worth of a word that is said in this chapter and hardly elsewhere


@dataclass(frozen=True, slots=True)
class Line:
    """A text taken from the talk.

    Attributes:
        text: as shown.
        span: of its words.
        worth: how well it is formed; comparable within one list.
        source: ``talk``, or the engine that wrote it.
    """

    text: str
    span: Span
    worth: float
    source: str = FROM_TALK


def title_lines(units: Sequence[Unit], span: Span, most: int = _MOST) -> tuple[Line, ...]:
    """Well-formed titles of a clip, the best formed first; ``make_title``'s is among them."""
    lines = [*_phrases(units), *_shortened(units, titles.LIMIT)]
    usual = titles.make_title(units, span)
    good = (x for x in _sorted(lines) if x.worth >= titles.GOOD)
    chosen = different((x for x in good if _stands_alone(x.text)), most)
    if not any(_same(line.text, usual) for line in chosen):
        said = next((x.span for x in lines if x.text == usual), span)
        chosen = [Line(usual, said, titles.GOOD), *chosen][:most]
    return tuple(chosen)


def hook_lines(units: Sequence[Unit], most: int = _MOST) -> tuple[Line, ...]:
    """Whole sentences of a clip that can stand alone, shortened to ``HOOK_LIMIT``."""
    whole = [line for line in _shortened(units, HOOK_LIMIT) if line.worth > 0]
    found = [line for line in whole if _stands_alone(line.text)] or whole
    return tuple(different(_sorted(found), most))


def name_chapters(units: Sequence[Unit], embeddings: FloatArray) -> tuple[Chapter, ...]:
    """Chapters of a talk; none where it has no three parts of ``LEAST_CHAPTER_SECONDS``.

    Args:
        units: the sentences of the whole talk.
        embeddings: [U, 384] of them.
    """
    starts = _chapter_starts(units, embeddings)
    if len(starts) < _LEAST_CHAPTERS:
        return ()
    parts = [units[a:b] for a, b in zip(starts, [*starts[1:], len(units)], strict=True)]
    used = Counter(word for part in parts for word in set(_words_of(part)))
    chapters: list[Chapter] = []
    for part in parts:
        own = Counter(_words_of(part))
        distinct = {w for w, n in own.items() if used[w] == 1 and n >= 2}
        taken = {chapter.title for chapter in chapters}
        start = part[0].span.start if chapters else 0.0
        chapters.append(Chapter(start, _chapter_title(part, distinct, taken)))
    return tuple(chapters)


def _phrases(units: Sequence[Unit]) -> list[Line]:
    return [
        Line(shown, _hull(phrase.words), worth)
        for place, unit in enumerate(units)
        for phrase, shown, worth in titles.phrases_of(unit, place)
        if _says_the_same(phrase, unit)
    ]


def _says_the_same(phrase: titles.Phrase, unit: Unit) -> bool:
    """Whether a phrase cut out of its sentence still says what the sentence says."""
    plain, asks = phrase.plain, ends_with_mark(phrase.words[-1].text) == "?"
    if not asks and (not has_verb(plain[1:]) or plain[-1] in _OPEN_VERBS):
        return False
    if plain[0].endswith("ing") and not phrase.at_start:
        return False
    if plain[-1] in lexicon.LINKING | NUMBERS or _lone_quote(phrase.words):
        return False
    whole = bare_all(word.text for word in unit.words)
    begin = next(i for i, word in enumerate(unit.words) if word is phrase.words[0])
    left_out = whole[begin + len(plain) :]
    if phrase.at_end or not left_out:
        return True
    negated = any(word in _NEGATIONS or word.endswith("n't") for word in plain)
    return left_out[0] in _SAFE_CUTS and not negated


def _lone_quote(words: Sequence[Word]) -> bool:
    text = " ".join(word.text for word in words)
    return text.count('"') % 2 == 1 or text.count("“") != text.count("”")


def _stands_alone(text: str) -> bool:
    """Whether a text points at nothing that was said before it."""
    plain = bare_all(text.split())
    if starts_with(plain, _FORWARD):
        return True
    return plain[0] not in lexicon.DANGLING | lexicon.POINTING


def _shortened(units: Sequence[Unit], limit: int) -> list[Line]:
    """Whole sentences in the longest version that fits."""
    lines = []
    marked = any(unit.words and unit.words[-1].ends_sentence for unit in units)
    for place, unit in enumerate(units):
        if marked and not (unit.words and unit.words[-1].ends_sentence):
            continue  # broken off, where others are whole
        words = compress(unit.words, limit + 1)  # the full stop goes
        if words is None or len(words) < 3 or not unit.opens or not unit.closes:
            continue
        plain = bare_all(word.text for word in words)
        asks = ends_with_mark(words[-1].text) == "?"
        if not asks and not has_verb(plain):
            continue
        if plain[-1] in lexicon.UNFINISHED and not asks:
            continue
        shown = titles.dress(words)
        lines.append(Line(shown, _hull(words), titles.worth_of(words, plain, place)))
    return [line for line in lines if 3 <= len(line.text) <= limit]


def sentence_text(unit: Unit) -> str:
    """A sentence as it is printed: without hesitations, first letter large, a mark at its end."""
    words = without_opening(without_disfluencies(unit.words))
    text = " ".join(word.text for word in words).strip()
    text = text.rstrip(",;:—–- ")
    if text and not ends_with_mark(text):
        text += "."
    return text[:1].upper() + text[1:]


def _sorted(lines: Iterable[Line]) -> list[Line]:
    return sorted(lines, key=lambda line: (-line.worth, line.span.start, line.text))


def different(lines: Iterable[Line], most: int) -> list[Line]:
    """The first ``most`` that do not say what an earlier one says."""
    kept: list[Line] = []
    for line in lines:
        if len(kept) >= most:
            break
        if not any(_same(line.text, other.text) for other in kept):
            kept.append(line)
    return kept


def _same(first: str, second: str) -> bool:
    """Whether two texts share most of their words: a choice between them is none."""
    a, b = set(bare_all(first.split())), set(bare_all(second.split()))
    return len(a & b) >= 0.7 * min(len(a), len(b))


def _chapter_starts(units: Sequence[Unit], embeddings: FloatArray) -> list[int]:
    """First unit of each chapter: topics, the shortest joined to the nearer neighbour."""
    starts = list(segment(embeddings))
    if not starts:
        return []
    whole = units[-1].span.end - units[0].span.start
    least = max(LEAST_CHAPTER_SECONDS, whole / _MOST_CHAPTERS)
    while len(starts) > 1:
        edges = [*starts, len(units)]
        lengths = [
            units[b - 1].span.end - units[a].span.start for a, b in itertools.pairwise(edges)
        ]
        short = int(np.argmin(lengths))
        if lengths[short] >= least:
            break
        starts.pop(_nearer(embeddings, edges, short))
    return starts


def _nearer(embeddings: FloatArray, edges: Sequence[int], part: int) -> int:
    """Which boundary of ``part`` to give up."""
    means = [embeddings[a:b].mean(axis=0) for a, b in itertools.pairwise(edges)]
    if part == 0:
        return 1
    if part == len(means) - 1:
        return part
    before, after = (float(means[part] @ means[i]) for i in (part - 1, part + 1))
    return part if before >= after else part + 1


def _chapter_title(part: Sequence[Unit], distinct: set[str], taken: set[str]) -> str:
    def worth(line: Line) -> float:
        own = len(set(bare_all(line.text.split())) & distinct)
        return line.worth + _DISTINCT * min(own, 3)

    lines = [line for line in title_lines(part, _hull(part), most=40) if line.text not in taken]
    return max(lines, key=worth).text if lines else titles.make_title(part, _hull(part))


def _words_of(part: Sequence[Unit]) -> tuple[str, ...]:
    return tuple(word for unit in part for word in content(unit.bare))


def _hull(parts: Sequence[Unit] | Sequence[Word]) -> Span:
    spans = [part.span for part in parts]
    return Span(min(s.start for s in spans), max(s.end for s in spans))
