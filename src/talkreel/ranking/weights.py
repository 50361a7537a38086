"""Every number that decides a craft-prior score, in one place.

These are priors from the craft of editing talks into shorts, not fitted values: put the point
first, start where a stranger can follow, be specific, speak with energy, show that the room
reacted, stop on a finished thought. They stand until a trained ``Scorer`` replaces them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorWeights:
    """Share of each factor; factors that cannot be measured drop out and the rest is rescaled.

    Attributes:
        hook: how the first sentences catch a stranger.
        standalone: whether it can be followed without what came before.
        information: names, numbers, rare words, little repetition.
        emotion: feeling in the words.
        delivery: loudness, pitch movement and pace of the voice.
        reaction: laughter and applause.
        ending: whether it stops on a finished, strong line.
        coherence: whether it stays on one topic.
        length: closeness to the lengths that are easiest to watch.
        picture: cuts; only where nobody speaks.
    """

    hook: float = 0.24
    standalone: float = 0.14
    information: float = 0.12
    emotion: float = 0.10
    delivery: float = 0.12
    reaction: float = 0.08
    ending: float = 0.10
    coherence: float = 0.06
    length: float = 0.04
    picture: float = 0.06

    def __post_init__(self) -> None:
        if any(value < 0 for value in self.as_dict().values()):
            raise ValueError("factor weights are not negative")
        if not any(self.as_dict().values()):
            raise ValueError("at least one factor needs a weight above 0")

    def as_dict(self) -> dict[str, float]:
        """Weights by factor name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class HookWeights:
    """Strength of each opening device; they combine as ``1 - product(1 - w)``."""

    question: float = 0.45
    address: float = 0.22
    number: float = 0.25
    superlative: float = 0.25
    contrast: float = 0.18
    claim: float = 0.28
    curiosity: float = 0.50
    story: float = 0.28
    emotion: float = 0.25
    short: float = 0.15
    name: float = 0.12
    flat: float = 0.50  # house-keeping ("thank you", "good morning", "next slide") takes away


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceRules:
    """How spans are chosen once they are scored.

    Attributes:
        max_overlap: largest shared part of two clips, as a share of the shorter.
        same_topic: what a clip loses at most for being close in meaning to a chosen one.
        same_time: what it loses at most for sharing time with a chosen one.
        strong: absolute quality (0..1) from which material counts as strong.
        clips_per_strong_minute: auto mode.
        few: auto mode gives at least so many where the talk has room for them.
        most: auto mode gives at most so many.
        query_share: weight of closeness to the query against quality.
        percentile_half: number of distinct starts at which a sub-score is half percentile
            within the talk and half absolute measure; fewer lean on the absolute measure.
    """

    max_overlap: float = 0.4
    same_topic: float = 0.12
    same_time: float = 0.30
    strong: float = 0.55
    clips_per_strong_minute: float = 1.0
    few: int = 3
    most: int = 24
    query_share: float = 0.65
    percentile_half: float = 40.0


FACTORS = FactorWeights()
HOOKS = HookWeights()
RULES = ChoiceRules()
