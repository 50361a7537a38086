"""Fused: all models in one replica, on one embedding."""

from __future__ import annotations

from typing import Any

from opentelemetry.trace import SpanKind
from ray import serve

from serving.deployments.calls import call
from serving.scoring.local import LocalScorer
from serving.scoring.models import Models, TenantModels
from serving.scoring.scores import HookOrder, ModelInfo, Score
from serving.settings import Settings
from serving.tracing import carried, set_up_tracing, span


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

    async def score(
        self, text: str, tenant: str | None, trace: dict[str, str] | None = None
    ) -> Score:
        """Scores of a text, in the caller's trace."""
        with span("Scorer.score", SpanKind.SERVER, trace):
            return await self._scorer.score(text, tenant=tenant)

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
    """

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    async def score(self, text: str, *, tenant: str | None = None) -> Score:
        """Scores of a text."""
        found: Score = await call(
            "ask Scorer.score", lambda: self._handle.score.remote(text, tenant, **carried())
        )
        return found

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
