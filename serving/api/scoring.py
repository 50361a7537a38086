"""Scores of texts and clips, hooks against each other, and the models in service."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Annotated, TypeVar

from fastapi import Depends, Request
from pydantic import ConfigDict, Field, model_validator
from starlette.concurrency import run_in_threadpool

from serving.accounts import Principal
from serving.api.auth import check_scope, require
from serving.api.clips import find_clip
from serving.api.problems import Problem
from serving.api.routing import ServicesDep, router
from serving.api.schemas import Given, Sent
from serving.scoring.scores import MAX_TEXT, Hook, HookOrder, ModelInfo, Score, Scorer, Text
from serving.services import Services

routes = router("scoring")

MAX_HOOKS = 20
T = TypeVar("T")
Caller = Annotated[Principal, Depends(require("score"))]
Reader = Annotated[Principal, Depends(require("models:read"))]


class ToScore(Sent):
    """A text, or a clip whose text is scored."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"text": "Nobody tells you this about burnout. It starts on a good day."}]
        },
    )

    text: Text | None = None
    clip_id: Annotated[str, Field(max_length=200)] | None = None

    @model_validator(mode="after")
    def _one(self) -> ToScore:
        if (self.text is None) == (self.clip_id is None):
            raise ValueError("give exactly one of text and clip_id")
        return self


class Hooks(Sent):
    """Openings to compare."""

    hooks: list[Hook] = Field(min_length=2, max_length=MAX_HOOKS)


class Models(Given):
    """The models in service."""

    models: list[ModelInfo]


@routes.post("/score", summary="Score a text or a clip")
async def score(request: Request, body: ToScore, who: Caller, services: ServicesDep) -> Score:
    """Engagement, hook and emotion, with the evidence of every sentence."""
    text = body.text
    if text is None:
        check_scope(request, who, "projects:read")
        text = await run_in_threadpool(_clip_text, services, who.tenant_id, str(body.clip_id))
    return await _asked(_scorer(services).score(text, tenant=who.tenant_id))


@routes.post("/hooks/rank", summary="Rank hooks")
async def rank_hooks(body: Hooks, who: Caller, services: ServicesDep) -> HookOrder:
    """Every hook against every other, strongest first."""
    ranking = _scorer(services).rank_hooks(body.hooks, tenant=who.tenant_id)
    return await _asked(ranking)


@routes.get("/models", summary="List the models in service")
async def list_models(who: Reader, services: ServicesDep) -> Models:
    """Which bundle gives which score, how good it is, and what it may be used for."""
    found = await _asked(_scorer(services).models(tenant=who.tenant_id))
    return Models(models=found)


def _clip_text(services: Services, tenant_id: str, clip_id: str) -> str:
    with services.database.read() as connection:
        text = str(find_clip(connection, tenant_id, clip_id).record["text"]).strip()
    if not text:
        raise Problem(
            422, "nothing_said", "nothing is said in this clip: there is no text to score"
        )
    return text[:MAX_TEXT]


def _scorer(services: Services) -> Scorer:
    if services.scorer is None:
        raise _unavailable()
    return services.scorer


async def _asked(answer: Awaitable[T]) -> T:
    try:
        return await answer
    except (TimeoutError, ConnectionError) as error:
        raise _unavailable() from error


def _unavailable() -> Problem:
    return Problem(
        503,
        "scorer_unavailable",
        "the models are not in service just now: try again",
        headers={"Retry-After": "2"},
    )
