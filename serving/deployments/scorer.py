"""Fused: all models in one replica, on one embedding."""

from __future__ import annotations

import asyncio
from typing import Any

from opentelemetry.trace import SpanKind
from ray import serve

from serving.deployments.calls import call, insist
from serving.deployments.together import Together
from serving.scoring.local import LocalScorer
from serving.scoring.models import Models, TenantModels
from serving.scoring.scores import HookOrder, ModelInfo, Score
from serving.settings import Settings
from serving.tracing import carried, set_up_tracing, span

# A text, whose it is, and the trace of the request.
Asked = tuple[str, str | None, dict[str, str] | None]
# Characters in one call: some four texts of a clip. More in one would gain a twentieth, and the
# scorer would stand still while the API answers all of them.
_CALL_CHARACTERS = 640
# One is worked on while those for the next batch come; the scorer takes all that wait at once.
_CALLS_PER_REPLICA = 4


def models_of(settings: Settings) -> TenantModels:
    """The bundles that the settings name."""
    shared = Models(settings.bundles, registry_url=settings.registry_url)
    return TenantModels(shared, settings.tenant_bundles, registry_url=settings.registry_url)


@serve.deployment(
    name="Scorer",
    max_ongoing_requests=64,
    max_queued_requests=1024,
    ray_actor_options={"num_cpus": 0.2},
    health_check_period_s=5,
    health_check_timeout_s=30,
    graceful_shutdown_timeout_s=10,
)
class ScorerDeployment:
    """Holds every bundle of the scoring stage.

    Args:
        settings: of the server.
    """

    def __init__(self, settings: Settings) -> None:
        set_up_tracing("talkreel-scorer")
        self._scorer = LocalScorer(models_of(settings))

    async def score(self, asked: list[Asked]) -> list[bytes | Exception]:
        """Scores of texts as JSON, each in its caller's trace, or why one has none.

        JSON is written and read faster than Ray pickles these models.
        """
        return await asyncio.gather(*(self._score(*one) for one in asked))

    async def _score(
        self, text: str, tenant: str | None, trace: dict[str, str] | None
    ) -> bytes | Exception:
        try:
            with span("Scorer.score", SpanKind.SERVER, trace):
                found = await self._scorer.score(text, tenant=tenant)
        except Exception as error:  # of this text: the others in the call have their answers
            return error
        return found.model_dump_json().encode()

    async def rank_hooks(
        self, hooks: list[str], tenant: str | None, trace: dict[str, str] | None = None
    ) -> HookOrder:
        """Hooks against each other, in the caller's trace."""
        with span("Scorer.rank_hooks", SpanKind.SERVER, trace):
            return await self._scorer.rank_hooks(hooks, tenant=tenant)

    async def models(self, tenant: str | None) -> list[ModelInfo]:
        """Bundles in service."""
        return await self._scorer.models(tenant=tenant)

    async def check_health(self) -> None:
        """Score a few words: a replica that cannot is replaced."""
        await self._scorer.check()

    def __del__(self) -> None:
        self._scorer.close()


class HandleScorer:
    """The fused scorer from another process.

    Args:
        handle: of ``ScorerDeployment``.
        replicas: of it.
    """

    def __init__(self, handle: Any, replicas: int = 1) -> None:
        self._handle = handle
        self._together = Together[Asked, bytes](
            self._send,
            cost=lambda asked: len(asked[0]),
            limit=_CALL_CHARACTERS,
            calls=_CALLS_PER_REPLICA * replicas,
        )

    async def score(self, text: str, *, tenant: str | None = None) -> Score:
        """Scores of a text; those who ask at the same time share calls."""
        with span("ask Scorer.score", SpanKind.CLIENT):
            found = await self._together.ask((text, tenant, carried().get("trace")))
        return Score.model_validate_json(found)

    async def rank_hooks(self, hooks: list[str], *, tenant: str | None = None) -> HookOrder:
        """Hooks against each other."""
        found: HookOrder = await call(
            "ask Scorer.rank_hooks",
            lambda: self._handle.rank_hooks.remote(hooks, tenant, **carried()),
        )
        return found

    async def models(self, *, tenant: str | None = None) -> list[ModelInfo]:
        """Bundles in service."""
        found: list[ModelInfo] = await call(
            "ask Scorer.models", lambda: self._handle.models.remote(tenant)
        )
        return found

    async def _send(self, asked: list[Asked]) -> list[bytes | Exception]:
        found: list[bytes | Exception] = await insist(lambda: self._handle.score.remote(asked))
        return found
