"""What the scoring stage takes and gives: the contract between the API and whoever scores."""

from __future__ import annotations

from typing import Annotated, Protocol

from pydantic import BaseModel, ConfigDict, Field

MAX_TEXT = 20_000
Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT, pattern=r"\S")]
Hook = Annotated[str, Field(min_length=1, max_length=500, pattern=r"\S")]


class Strict(BaseModel):
    """Refuses fields it does not know, so that a typo is an error and not silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SentenceScore(Strict):
    """One sentence as the models see it.

    Attributes:
        text: the sentence.
        engagement: probability, 0 to 1, that an audience reacts or that it matters.
        hook: calibrated log odds as an opening; only differences mean something.
        emotion: strongest of Ekman's seven and neutral.
        emotions: probability of each.
    """

    text: str
    engagement: float
    hook: float
    emotion: str
    emotions: dict[str, float]


class Score(Strict):
    """Scores of one text.

    Attributes:
        engagement: mean over sentences.
        hook: of the first sentence.
        emotion: strongest over the whole text.
        emotions: mean probability of each.
        sentences: the evidence.
        models: bundle that gave each, role to name@version.
        calibration: what the numbers may be used for.
    """

    engagement: float
    hook: float
    emotion: str
    emotions: dict[str, float]
    sentences: list[SentenceScore]
    models: dict[str, str]
    calibration: str


class HookPlace(Strict):
    """One hook in a ranking.

    Attributes:
        text: as given.
        place: 1 is strongest.
        wins: mean probability of beating each of the others.
        too_close: places of the others from which it cannot be told apart.
    """

    text: str
    place: int
    wins: float
    too_close: list[int]


class HookOrder(Strict):
    """Hooks, strongest first, and the best one if it leads by enough (else null)."""

    hooks: list[HookPlace]
    best: str | None
    model: str


class ModelInfo(Strict):
    """A bundle in service.

    Attributes:
        role: what it is used for.
        name: of the bundle.
        version: of the bundle.
        uri: where it was loaded from.
        sha256: of its weights.
        labels: what it predicts.
        metrics: measured at training.
        permitted_use: by the licences of its data.
        error: why a newer one was refused, or null.
    """

    role: str
    name: str
    version: int
    uri: str
    sha256: str
    labels: list[str]
    metrics: dict[str, float]
    permitted_use: str
    error: str | None = None


class Scorer(Protocol):
    """Scores texts; in this process, or behind a Ray Serve handle.

    ``tenant`` is who asks, for tenants with bundles of their own; it never comes from the client.
    """

    async def score(self, text: str, *, tenant: str | None = None) -> Score:
        """Scores of a text."""
        ...

    async def rank_hooks(self, hooks: list[str], *, tenant: str | None = None) -> HookOrder:
        """Hooks against each other."""
        ...

    async def models(self, *, tenant: str | None = None) -> list[ModelInfo]:
        """Bundles in service."""
        ...
