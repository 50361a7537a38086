"""The viral score: six parts, from trained models where they read something, else from craft.

It is a weighted mean of parts that each lie in 0..1, with weights that are never negative: the
score never falls when a part rises. Each part is partly absolute and partly a percentile within
the talk (``score.blend``). It tells strong moments of one talk from weaker ones; it does not
foretell views, which hang on the channel's audience far more than on the clip.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from talkreel.core.arrays import FloatArray
from talkreel.core.candidates import Reason
from talkreel.ranking.factors import measure
from talkreel.ranking.facts import Facts
from talkreel.ranking.readings import Readings
from talkreel.ranking.reasons import Evidence
from talkreel.ranking.score import Scores, weigh
from talkreel.ranking.talk import Proposals, Talk
from talkreel.ranking.weights import FACTORS, RULES, ChoiceRules
from talkreel.ranking.wording import clip_text

_MOST = 4  # pieces of evidence per part
_LEADING = 3  # sentences named as evidence of a model


@dataclass(frozen=True, slots=True, kw_only=True)
class ViralWeights:
    """Share of each part; parts that cannot be measured drop out and the rest is rescaled.

    Attributes:
        hook: how the opening catches a stranger.
        flow: starts where one can follow, stays on a topic, ends on a finished thought.
        value: names, numbers, rare words, little repetition.
        emotion: distance from neutral in words, and in voice where it was read.
        pace: loudness, pitch movement and pace of the voice.
        engagement: predicted and heard reactions of an audience.
    """

    hook: float = 0.22
    flow: float = 0.26
    value: float = 0.12
    emotion: float = 0.10
    pace: float = 0.12
    engagement: float = 0.18

    def __post_init__(self) -> None:
        if any(value < 0 for value in self.as_dict().values()):
            raise ValueError("the weights of the viral score are not negative")
        if not any(self.as_dict().values()):
            raise ValueError("at least one part of the viral score needs a weight above 0")

    def as_dict(self) -> dict[str, float]:
        """Weights by part."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


# Craft factors that go into a part, beside what the models say; in proportion to their priors.
_CRAFT = {
    "hook": ("hook",),
    "flow": ("standalone", "ending", "coherence", "length"),
    "value": ("information", "picture"),
    "emotion": ("emotion",),
    "pace": ("delivery",),
    "engagement": ("reaction",),
}
# Share of the models in a part that they and craft both speak to.
_MODEL_SHARE = {"hook": 0.5, "emotion": 0.7, "engagement": 0.7}


class ViralScorer:
    """Judges proposals by ``Readings`` of trained models and the craft factors.

    Args:
        readings: of the transcript that is ranked, one row per sentence.
        weights: shares of the parts.
        rules: how far percentiles within the talk count.
    """

    def __init__(
        self,
        readings: Readings,
        weights: ViralWeights | None = None,
        rules: ChoiceRules = RULES,
    ) -> None:
        self._readings = readings
        self._weights = (weights or ViralWeights()).as_dict()
        self._rules = rules
        self.name = "+".join(("viral/1", *readings.sources))

    def __call__(self, talk: Talk, facts: Facts, proposals: Proposals) -> Scores:
        """Score all proposals at once."""
        craft = measure(talk, facts, proposals).values
        model = self._model_values(talk, proposals)
        absolute = {
            part: value
            for part in self._weights
            if (value := _joined(part, craft, model.get(part))) is not None
        }
        models = _ModelEvidence(talk, proposals, self._readings)
        formed = Evidence(talk, facts, proposals)

        def reasons(part: str, index: int) -> tuple[Reason, ...]:
            mine = models.reasons(part, index)
            known = (factor for factor in _CRAFT[part] if factor in craft)
            craft_reasons = (r for factor in known for r in formed.reasons(factor, index))
            return (*mine, *craft_reasons)[:_MOST]

        return weigh(absolute, self._weights, reasons, proposals, self._rules)

    def _model_values(self, talk: Talk, proposals: Proposals) -> dict[str, FloatArray]:
        if not talk.has_words:
            return {}
        sentence = np.array([unit.sentence for unit in talk.units])
        readings, values = self._readings, {}
        catching = readings.catching
        if catching is not None:
            values["hook"] = catching[sentence][proposals.first]
        for part, rows in (("emotion", readings.feeling), ("engagement", readings.engaging)):
            if rows is not None:
                values[part] = _peak_and_mean(rows[sentence], proposals)
        return values


def _joined(part: str, craft: dict[str, FloatArray], model: FloatArray | None) -> FloatArray | None:
    """A part from its craft factors and what the models say, whichever there are."""
    priors = FACTORS.as_dict()
    known = [factor for factor in _CRAFT[part] if factor in craft]
    if not known:
        return model
    total = sum(priors[factor] for factor in known)
    formed = np.asarray(sum(craft[factor] * priors[factor] for factor in known) / max(total, 1e-9))
    if model is None:
        return formed
    share = _MODEL_SHARE[part]
    return np.asarray(share * model + (1 - share) * formed)


def _peak_and_mean(per_unit: FloatArray, proposals: Proposals) -> FloatArray:
    """[P] half the strongest unit, half the mean: one great line needs no great neighbours."""
    sums = np.concatenate([[0.0], np.cumsum(per_unit, dtype=np.float64)])
    count = np.maximum(proposals.last - proposals.first, 1)
    mean = (sums[proposals.last] - sums[proposals.first]) / count
    peak = np.array(
        [per_unit[a:b].max() for a, b in zip(proposals.first, proposals.last, strict=True)]
    )
    return np.asarray(0.5 * peak + 0.5 * mean)


class _ModelEvidence:
    """Names the sentences behind what the models say."""

    def __init__(self, talk: Talk, proposals: Proposals, readings: Readings) -> None:
        self._talk, self._proposals, self._readings = talk, proposals, readings

    def reasons(self, part: str, index: int) -> list[Reason]:
        if not self._talk.has_words:
            return []
        units = range(int(self._proposals.first[index]), int(self._proposals.last[index]))
        match part:
            case "hook":
                return self._hook(units)
            case "emotion":
                return self._emotion(units)
            case "engagement":
                return self._engagement(units)
            case _:
                return []

    def _row(self, unit: int) -> int:
        return self._talk.units[unit].sentence

    def _said(self, text: str, unit: int) -> Reason:
        here = self._talk.units[unit]
        return Reason(text, here.span, clip_text(here.text))

    def _hook(self, units: range) -> list[Reason]:
        catching = self._readings.catching
        if catching is None:
            return []
        chance = float(catching[self._row(units[0])])
        text = f"As an opening it beats this talk's usual sentence {chance:.0%} of the time"
        text += " (hook model)"
        return [self._said(text, units[0])]

    def _engagement(self, units: range) -> list[Reason]:
        reaction = self._readings.reaction
        if reaction is None:
            return []
        best = max(units, key=lambda u: float(reaction[self._row(u)]))
        chance, usual = float(reaction[self._row(best)]), float(np.median(reaction))
        text = f"This line is given {chance:.0%}, the usual one here {usual:.0%}"
        return [self._said(f"{text} (engagement model)", best)]

    def _emotion(self, units: range) -> list[Reason]:
        emotions, feeling = self._readings.emotions, self._readings.feeling
        if emotions is None or feeling is None:
            return []
        names = self._readings.emotion_names
        coloured = [i for i, name in enumerate(names) if name != "neutral"]
        reasons: list[Reason] = []
        told: set[str] = set()
        for unit in sorted(units, key=lambda u: -float(feeling[self._row(u)])):
            row = emotions[self._row(unit)]
            which = max(coloured, key=lambda i: float(row[i]))
            if names[which] in told or len(reasons) >= _LEADING:
                continue
            told.add(names[which])
            heard = " and ".join(self._readings.channels)
            text = f"{names[which].capitalize()} at {float(row[which]):.0%} (by {heard})"
            reasons.append(self._said(text, unit))
        return reasons
