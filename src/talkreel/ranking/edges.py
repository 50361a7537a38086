"""Where a clip may start and end: judgements about one unit and its neighbours only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from talkreel.core.arrays import FloatArray
from talkreel.ranking import lexicon
from talkreel.ranking.talk import Talk, Unit
from talkreel.ranking.wording import ends_with_mark, skip_fillers, starts_with

_DANGLING = tuple(tuple(phrase.split()) for phrase in lexicon.DANGLING_PHRASES)
_FORWARD = tuple(tuple(phrase.split()) for phrase in lexicon.FORWARD_PHRASES)
_ANNOUNCING = tuple(tuple(phrase.split()) for phrase in lexicon.ANNOUNCING_PHRASES)
# From this much on, an edge is only used where nothing better covers the same material.
BAD_EDGE = 0.6
# A pause from which a listener takes the thought as finished even without a full stop.
FULL_PAUSE_SECONDS = 0.6


@dataclass(frozen=True, slots=True)
class Edge:
    """How bad it is to start (or end) at a unit: 0 fine .. 1 broken, and the words to blame."""

    badness: float
    why: str = ""
    words: str = ""


def start_edge(unit: Unit, previous: Unit | None, gap_before: float, punctuated: bool) -> Edge:
    """Whether a stranger can follow from here.

    Args:
        unit: the first unit of the clip.
        previous: the one before it, or None at the start of the talk.
        gap_before: seconds of pause before it.
        punctuated: whether sentence marks can be trusted.
    """
    if not unit.words:
        return Edge(0.0)
    if not unit.opens:
        return Edge(0.9, "starts inside a long sentence", unit.words[0].text)
    inside = _inside_sentence(unit, previous, gap_before, punctuated)
    if inside:
        return Edge(0.8, inside, unit.words[0].text)
    words = unit.bare
    lead = skip_fillers(words)
    shown = " ".join(word.text for word in unit.words[: lead + 1])
    if starts_with(words, _FORWARD) or starts_with(words[lead:], _FORWARD):
        return Edge(0.25 if lead else 0.15, "points forward", shown)
    phrase = starts_with(words, _DANGLING) or starts_with(words[lead:], _DANGLING)
    if phrase:
        return Edge(0.8, "leans on what came before", " ".join(phrase))
    edge = _first_word_edge(words[0], words[lead], shown)
    if not punctuated and gap_before < 0.25:
        return Edge(min(1.0, edge.badness + 0.2), edge.why or "no pause before it", shown)
    return edge


def _inside_sentence(unit: Unit, previous: Unit | None, gap_before: float, punctuated: bool) -> str:
    """Why a unit is not the beginning of anything; empty when it is."""
    if previous is not None and previous.words and punctuated and gap_before < FULL_PAUSE_SECONDS:
        last = previous.words[-1].text
        if not ends_with_mark(last):
            return "starts inside a sentence"
    opened, closed = _quotes(unit)
    return "starts inside a quotation" if closed > opened else ""


def _quotes(unit: Unit) -> tuple[int, int]:
    """Quotations that open and that close in a unit."""
    opened = sum(word.text.startswith(('"', "“", "«")) for word in unit.words)
    tails = (word.text.rstrip(".,;:?!…") for word in unit.words)
    closed = sum(tail.endswith(('"', "”", "»")) for tail in tails)
    return opened, closed


def _first_word_edge(first: str, word: str, shown: str) -> Edge:
    if first in lexicon.DANGLING:
        return Edge(0.8, "leans on what came before", shown)
    if word in lexicon.DANGLING:
        return Edge(0.75, "refers back", shown)
    if word in lexicon.POINTING:
        return Edge(0.65, "points back", shown)
    if first in lexicon.POINTING:
        return Edge(0.6, "leans on what came before", shown)
    if first in lexicon.FILLERS:
        return Edge(0.3, "starts on a filler", shown)
    return Edge(0.0)


def end_edge(unit: Unit, following: Unit | None, gap_after: float, punctuated: bool) -> Edge:
    """Whether the thought is finished here.

    Args:
        unit: the last unit of the clip.
        following: the next unit, or None at the end of the talk.
        gap_after: seconds of pause after it.
        punctuated: whether sentence marks can be trusted.
    """
    if not unit.words:
        return Edge(0.0)
    last, shown = unit.bare[-1], unit.words[-1].text
    mark = ends_with_mark(shown)
    if not unit.closes:
        return Edge(0.9, "stops inside a long sentence", shown)
    if last in lexicon.UNFINISHED and mark not in ("?", "!") and not (mark and punctuated):
        return Edge(0.9, "stops on an unfinished phrase", shown)
    if mark == "?" and following is not None and gap_after < 2.5:
        return Edge(0.7, "stops on a question whose answer follows", shown)
    if not mark and gap_after < FULL_PAUSE_SECONDS and following is not None:
        return Edge(0.8 if punctuated else 0.6, "stops without a full stop or a pause", shown)
    if shown.rstrip("\"'”’)").endswith((",", ":", ";", "-", "–", "—")):
        return Edge(0.8, "stops on an open clause", shown)
    return _thought_edge(unit, following, gap_after)


def _thought_edge(unit: Unit, following: Unit | None, gap_after: float) -> Edge:
    """Ends that are whole as sentences but leave the thought open."""
    shown = unit.words[-1].text
    if following is not None:
        phrase = next((p for p in _ANNOUNCING if _near_edges(unit.bare, p)), None)
        if phrase is not None:
            return Edge(0.65, "only announces what comes next", " ".join(phrase))
        opened, closed = _quotes(unit)
        if opened > closed and _quotes(following)[1] > _quotes(following)[0]:
            return Edge(0.65, "stops inside a quotation", shown)
    return _next_edge(following, gap_after, shown)


def _near_edges(words: tuple[str, ...], phrase: tuple[str, ...]) -> bool:
    """Whether ``phrase`` opens or closes a unit of at most 16 words."""
    size = len(phrase)
    lead = skip_fillers(words)
    at_start = words[:size] == phrase or words[lead : lead + size] == phrase
    return len(words) <= 16 and (at_start or words[-size:] == phrase)


def _next_edge(following: Unit | None, gap_after: float, shown: str) -> Edge:
    """What the next unit does to the end before it."""
    if following is None or not following.bare or gap_after >= FULL_PAUSE_SECONDS * 2:
        return Edge(0.0)
    if following.bare[0] in lexicon.CONTINUING:
        return Edge(0.35, "the next sentence carries on", f"{shown} {following.words[0].text}")
    return Edge(0.0)


@dataclass(frozen=True, eq=False)
class Edges:
    """Both edges of every unit of a talk."""

    starts: tuple[Edge, ...]
    ends: tuple[Edge, ...]

    @staticmethod
    def of(talk: Talk) -> Edges:
        """Judge every unit."""
        units, gaps = talk.units, talk.gaps
        starts = tuple(
            start_edge(unit, units[i - 1] if i else None, float(gaps[i]), talk.punctuated)
            for i, unit in enumerate(units)
        )
        ends = tuple(
            end_edge(
                unit,
                units[i + 1] if i + 1 < len(units) else None,
                float(gaps[i + 1]),
                talk.punctuated,
            )
            for i, unit in enumerate(units)
        )
        return Edges(starts, ends)

    @property
    def start_badness(self) -> FloatArray:
        """[U] 0 fine .. 1 broken."""
        return np.array([edge.badness for edge in self.starts], dtype=np.float64)

    @property
    def end_badness(self) -> FloatArray:
        """[U] 0 fine .. 1 broken."""
        return np.array([edge.badness for edge in self.ends], dtype=np.float64)
