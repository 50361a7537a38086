"""Scorers: what turns proposals into numbers with evidence.

``rank`` knows only the ``Scorer`` protocol. ``CraftScorer`` is the one that ships; a trained
model takes its place by offering the same call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from talkreel.core.arrays import FloatArray
from talkreel.core.candidates import Reason, SubScore
from talkreel.ranking.factors import measure
from talkreel.ranking.facts import Facts, gather
from talkreel.ranking.reasons import Evidence
from talkreel.ranking.talk import Proposals, Talk
from talkreel.ranking.weights import FACTORS, HOOKS, RULES, ChoiceRules, FactorWeights, HookWeights


@dataclass(frozen=True, eq=False)
class Scores:
    """What a scorer says about P proposals.

    Attributes:
        total: [P] 0..1, higher is better; may use statistics of the whole talk.
        local: [P] 0..1 from each span alone; decides between variants of the same moment, so
            that the same moment keeps its span when more of the talk becomes known.
        explain: sub-scores with evidence of one proposal; called only for chosen ones. Every
            evidence span lies inside the proposal's span.
    """

    total: FloatArray
    local: FloatArray
    explain: Callable[[int], tuple[SubScore, ...]]


class Scorer(Protocol):
    """Judges proposals. ``name`` goes into ``clips.json``; raise its number on any change."""

    name: str

    def __call__(self, talk: Talk, facts: Facts, proposals: Proposals) -> Scores:
        """Score all proposals at once; must not depend on hidden state or randomness."""
        ...


class CraftScorer:
    """Documented craft priors, a weighted mean of factors (``weights.FactorWeights``).

    Each factor is partly an absolute measure and partly its percentile among the proposals of
    the same talk: a quiet lecturer is judged among his own sentences, while a talk with few
    proposals is not stretched over the whole scale (``ChoiceRules.percentile_half``).
    """

    name = "craft-priors/1"

    def __init__(self, weights: FactorWeights = FACTORS, rules: ChoiceRules = RULES) -> None:
        self._weights = weights.as_dict()
        self._rules = rules

    def __call__(self, talk: Talk, facts: Facts, proposals: Proposals) -> Scores:
        """Score all proposals at once."""
        absolute = measure(talk, facts, proposals).values
        evidence = Evidence(talk, facts, proposals)
        return weigh(absolute, self._weights, evidence.reasons, proposals, self._rules)


def weigh(
    absolute: Mapping[str, FloatArray],
    weights: Mapping[str, float],
    reasons: Callable[[str, int], tuple[Reason, ...]],
    proposals: Proposals,
    rules: ChoiceRules,
) -> Scores:
    """Scores as the weighted mean of parts, each partly its percentile within the talk.

    Args:
        absolute: [P] values 0..1 by part.
        weights: share of each part, never negative.
        reasons: evidence of a part for one proposal.
        proposals: what the values are of.
        rules: how far percentiles count.
    """
    starts = len(np.unique(proposals.first))
    lean = starts / (starts + rules.percentile_half)
    shown = {part: blend(values, lean) for part, values in absolute.items()}

    def explain(index: int) -> tuple[SubScore, ...]:
        return tuple(
            SubScore(
                part,
                float(np.clip(values[index], 0, 1)),
                weights[part],
                reasons(part, index),
            )
            for part, values in shown.items()
        )

    return Scores(_mean(shown, weights), _mean(absolute, weights), explain)


def _mean(values: Mapping[str, FloatArray], weights: Mapping[str, float]) -> FloatArray:
    total = sum(weights[part] for part in values)
    if total <= 0:
        return np.full(len(next(iter(values.values()))), 0.5)
    return np.asarray(sum(rows * weights[part] for part, rows in values.items()) / total)


def blend(values: FloatArray, lean: float) -> FloatArray:
    """``lean`` parts percentile within ``values``, the rest the values themselves."""
    ranked = percentile(values)
    return values if ranked is None else np.asarray(lean * ranked + (1 - lean) * values)


def percentile(values: FloatArray) -> FloatArray | None:
    """[P] share of values below, ties at their middle; None when all are the same."""
    if len(values) == 0 or float(values.max() - values.min()) < 1e-9:
        return None
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    below = np.concatenate([[0], np.cumsum(counts)[:-1]])
    return np.asarray((below + counts / 2)[inverse] / len(values))


def gather_facts(talk: Talk, weights: HookWeights = HOOKS) -> Facts:
    """Per-unit facts with the shipped hook weights."""
    return gather(talk, weights)
