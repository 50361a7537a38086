"""The craft factors: how strong each proposal is, as numbers for all of them at once.

Every measure is 0..1, about 0.5 for ordinary material, and depends only on the talk, never on
what else was chosen. ``reasons.py`` names the evidence for the ones that are shown.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from talkreel.core.arrays import FloatArray
from talkreel.ranking.facts import Facts
from talkreel.ranking.lexicon import FORWARD_PHRASES
from talkreel.ranking.propose import length_fit
from talkreel.ranking.talk import Proposals, Talk
from talkreel.ranking.wording import content, ends_with_mark, starts_with

HEARD_REACTION = 0.6  # from this probability on a burst counts as laughter or applause
_PERSONS = frozenset(["he", "she", "him", "her", "his", "they", "them", "their", "theirs"])
_FORWARD = tuple(tuple(phrase.split()) for phrase in FORWARD_PHRASES)
OPENING_SECONDS = 7.0  # the second sentence counts as opening when the first is this short


@dataclass(frozen=True, eq=False)
class Measures:
    """Absolute factor values; a factor that this talk cannot show is absent."""

    values: dict[str, FloatArray]


def measure(talk: Talk, facts: Facts, proposals: Proposals) -> Measures:
    """All factors of all proposals."""
    values: dict[str, FloatArray] = {}
    if talk.has_words:
        values["hook"] = _hook(talk, facts, proposals)
        values["standalone"] = _standalone(talk, facts, proposals)
        values["information"] = _information(talk, facts, proposals)
        values["emotion"] = 1 - np.exp(-25 * _ratio(facts.feeling, facts.words, proposals))
        values["ending"] = _ending(talk, facts, proposals)
        values["coherence"] = _coherence(talk, facts, proposals)
    elif talk.shots:
        values["picture"] = _picture(talk, proposals)
    delivery = _delivery(talk, facts, proposals)
    if delivery is not None:
        values["delivery"] = delivery
    if np.nanmax(facts.reaction, initial=0.0) >= HEARD_REACTION:
        values["reaction"] = _reaction(facts, proposals)
    values["length"] = length_fit(
        proposals.end - proposals.start, proposals.min_seconds, proposals.max_seconds
    )
    return Measures({name: np.clip(value, 0.0, 1.0) for name, value in values.items()})


def _sum(per_unit: FloatArray, proposals: Proposals) -> FloatArray:
    """[P] sum over each proposal's units; NaN counts as 0."""
    total = np.concatenate([[0.0], np.cumsum(np.nan_to_num(per_unit))])
    return np.asarray(total[proposals.last] - total[proposals.first])


def _ratio(over: FloatArray, under: FloatArray, proposals: Proposals) -> FloatArray:
    return _sum(over, proposals) / np.maximum(_sum(under, proposals), 1e-9)


def mean_known(per_unit: FloatArray, weight: FloatArray, proposals: Proposals) -> FloatArray:
    """[P] weighted mean over units where the value is known; NaN where none is."""
    known = np.isfinite(per_unit)
    share = _sum(np.where(known, weight, 0.0), proposals)
    total = _sum(np.where(known, per_unit * weight, 0.0), proposals)
    return np.where(share > 0, total / np.maximum(share, 1e-9), np.nan)


def _hook(talk: Talk, facts: Facts, proposals: Proposals) -> FloatArray:
    first = proposals.first
    second = np.minimum(first + 1, proposals.last - 1)
    close = (talk.ends[first] - talk.starts[first] < OPENING_SECONDS) & (second > first)
    follow = np.where(close, 0.5 * facts.hook[second], 0.0)
    return np.asarray(1 - (1 - facts.hook[first]) * (1 - follow))


def unresolved_person(talk: Talk, facts: Facts, unit: int) -> str:
    """A person pronoun in a first sentence that names nobody; empty when there is none."""
    if facts.names[unit] > 0:
        return ""
    words = talk.units[unit].bare
    if starts_with(words, _FORWARD):
        return ""
    return next((word for word in words if word in _PERSONS), "")


def _standalone(talk: Talk, facts: Facts, proposals: Proposals) -> FloatArray:
    person = [0.2 if unresolved_person(talk, facts, i) else 0.0 for i in range(len(talk.units))]
    per_unit = (
        0.75 * (1 - facts.edges.start_badness)
        + 0.15 * np.clip(facts.drop / 0.8, 0, 1)
        + 0.10 * np.clip(talk.gaps[:-1] / 0.8, 0, 1)
        - np.array(person)
    )
    return np.asarray(per_unit[proposals.first])


def _information(talk: Talk, facts: Facts, proposals: Proposals) -> FloatArray:
    rare = np.clip((_ratio(facts.rare, facts.words, proposals) - 0.12) / 0.3, 0, 1)
    concrete = _ratio(facts.names + facts.numbers, facts.words, proposals)
    again = (facts.twin != np.arange(len(talk.units))).astype(np.float64) * facts.words
    repeated = _ratio(again, facts.words, proposals)
    value = 0.6 * rare + 0.4 * np.clip(concrete * 16, 0, 1)
    return np.asarray(value * (1 - 0.7 * repeated))


def closing_strength(talk: Talk, facts: Facts, unit: int) -> float:
    """0..1: how quotable the last unit is: short, charged or claiming, and finished."""
    words = len(talk.units[unit].words)
    short = 1.0 if 3 <= words <= 14 else 0.5 if words <= 22 else 0.2
    charged = min(1.0, facts.hook[unit] + 0.5 * min(1.0, facts.feeling[unit]))
    return float(0.5 * short + 0.5 * charged)


def called_back(talk: Talk, first: int, last: int) -> tuple[str, ...]:
    """Content words of the opening that return in the closing unit ``last``."""
    if first == last:
        return ()
    opening = set(content(talk.units[first].bare))
    found = [word for word in content(talk.units[last].bare) if word in opening]
    return tuple(dict.fromkeys(found))


def _ending(talk: Talk, facts: Facts, proposals: Proposals) -> FloatArray:
    last = proposals.last - 1
    count = len(talk.units)
    closing = np.array([closing_strength(talk, facts, i) for i in range(count)])
    heard = np.nan_to_num(facts.reaction) >= HEARD_REACTION
    marked = np.array(
        [bool(u.words) and bool(ends_with_mark(u.words[-1].text)) for u in talk.units]
    )
    pause = np.clip(talk.gaps[1:] / 0.8, 0, 1)
    calm = np.where(marked, np.maximum(pause, 0.5), pause)
    per_unit = 0.55 * (1 - facts.edges.end_badness) + 0.25 * closing + 0.15 * calm + 0.15 * heard
    back = np.array(
        [
            bool(called_back(talk, int(a), int(b)))
            for a, b in zip(proposals.first, last, strict=True)
        ]
    )
    return np.asarray(per_unit[last] + 0.05 * back)


def _coherence(talk: Talk, facts: Facts, proposals: Proposals) -> FloatArray:
    sums = np.concatenate(
        [np.zeros((1, talk.embeddings.shape[1])), np.cumsum(talk.embeddings, axis=0)]
    )
    count = (proposals.last - proposals.first).astype(np.float64)
    total = sums[proposals.last] - sums[proposals.first]
    pairs = np.maximum(count * (count - 1), 1)
    # Mean cosine between different sentences: |sum|^2 counts every pair and each one itself.
    close = np.where(count > 1, (np.einsum("ij,ij->i", total, total) - count) / pairs, 0.35)
    one_topic = main_topic_share(facts, proposals)
    # Short sentences are far from each other by nature: closeness counts little, and only where
    # it is low.
    return np.asarray(0.3 * np.clip(close / 0.2, 0, 1) + 0.7 * one_topic)


def main_topic_share(facts: Facts, proposals: Proposals) -> FloatArray:
    """[P] share of units that are in the most frequent topic of the span."""
    first, last = proposals.first, proposals.last - 1
    count = np.maximum(last - first + 1, 1)
    topics = facts.topic
    # Topics are contiguous, so at most the two outer ones are cut; an inner one lies whole.
    sizes = np.bincount(topics)
    begins = np.concatenate([[0], np.cumsum(sizes)])
    head = np.minimum(begins[topics[first] + 1], last + 1) - first
    tail = last + 1 - np.maximum(begins[topics[last]], first)
    inner = np.array(
        [sizes[a + 1 : b].max(initial=0) for a, b in zip(topics[first], topics[last], strict=True)]
    )
    return np.asarray(np.maximum(np.maximum(head, tail), inner) / count)


def _delivery(talk: Talk, facts: Facts, proposals: Proposals) -> FloatArray | None:
    length = talk.ends - talk.starts
    parts: list[FloatArray] = []
    if np.isfinite(facts.loudness).any():
        loud = mean_known(facts.loudness, length, proposals)
        square = mean_known(facts.loudness**2, length, proposals)
        spread = np.sqrt(np.maximum(0, square - loud**2))
        parts.append(1 / (1 + np.exp(-loud / 1.5)))
        parts.append(np.clip(spread / 5, 0, 1))
    if np.isfinite(facts.pitch_range).any():
        parts.append(np.clip((mean_known(facts.pitch_range, length, proposals) - 2) / 9, 0, 1))
    if not parts:
        return None
    if np.isfinite(facts.pace).any():
        pace = mean_known(facts.pace, length, proposals)
        parts.append(np.clip((pace - 1.5) / 2.5, 0, 1) - np.clip((pace - 4.5) / 2, 0, 0.5))
    stack = np.stack(parts)
    known = np.isfinite(stack)
    value = np.where(known, stack, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    value = np.where(known.any(axis=0), value, 0.5)
    music = np.nan_to_num(mean_known(facts.music, length, proposals))
    return np.asarray(value * (1 - 0.3 * music))


def _reaction(facts: Facts, proposals: Proposals) -> FloatArray:
    values = np.nan_to_num(facts.reaction)
    peak = np.array(
        [values[a:b].max() for a, b in zip(proposals.first, proposals.last, strict=True)]
    )
    count = _sum((values >= HEARD_REACTION).astype(np.float64), proposals)
    return np.asarray(0.7 * peak + 0.3 * np.clip(count / 3, 0, 1))


def _picture(talk: Talk, proposals: Proposals) -> FloatArray:
    cuts = np.array(sorted(shot.span.start for shot in talk.shots), dtype=np.float64)
    inside = np.searchsorted(cuts, proposals.end) - np.searchsorted(cuts, proposals.start)
    per_minute = 60 * inside / np.maximum(proposals.end - proposals.start, 1e-6)
    return np.asarray(1 - np.exp(-per_minute / 10))
