"""A span worth a clip, with a score that shows its evidence."""

from __future__ import annotations

from dataclasses import dataclass

from talkreel.core.spans import Span


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a sub-score is what it is.

    Attributes:
        text: one plain sentence for a person, e.g. ``Opens with a question``.
        span: where the evidence is, source clock.
        words: the words that support it; empty for sound or picture evidence.
    """

    text: str
    span: Span
    words: str = ""


@dataclass(frozen=True, slots=True)
class SubScore:
    """One factor of a score.

    Attributes:
        name: e.g. ``hook``.
        value: 0..1, a percentile within the talk or an absolute measure (its docs say which).
        weight: share in the total, >= 0.
        reasons: evidence; at least one.
    """

    name: str
    value: float
    weight: float
    reasons: tuple[Reason, ...]

    def __post_init__(self) -> None:
        if not 0.0 <= self.value <= 1.0 or self.weight < 0.0:
            raise ValueError(f"sub-score {self.name}: value 0..1 and weight >= 0 needed")
        if not self.reasons:
            raise ValueError(f"sub-score {self.name} names no evidence")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A proposed clip.

    Attributes:
        id: stable for the same media, span and options.
        span: whole sentences on the source clock, before any padding.
        score: 0..99.
        sub_scores: the parts of the score.
        title: from the talk's own words.
        text: what is said in the span.
    """

    id: str
    span: Span
    score: int
    sub_scores: tuple[SubScore, ...]
    title: str
    text: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.score <= 99:
            raise ValueError(f"a score is 0..99, got {self.score}")
        if self.span.duration <= 0:
            raise ValueError("a candidate cannot be empty")
