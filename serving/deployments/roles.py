"""Distributed: a deployment per network, each batching by cost and scaling by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

from opentelemetry.trace import SpanKind
from ray import serve

from serving.deployments.calls import call
from serving.scoring.local import (
    BATCH_CHARACTERS,
    Reading,
    assembled,
    clean,
    one_core_each,
    ranked,
    read,
    sentences_of,
)
from serving.scoring.models import Models, Served
from serving.scoring.readers import EMOTION, ENGAGEMENT, HOOK, embedder_for
from serving.scoring.scores import HookOrder, ModelInfo, Score
from serving.settings import Settings
from serving.tracing import carried, set_up_tracing, span

# Cost is counted in pieces of text so that a batch of the cheapest requests still fits into what
# Serve lets into a replica at once.
_PIECE = 125
BATCH_COST = BATCH_CHARACTERS // _PIECE
_OPTIONS: dict[str, Any] = {
    "max_ongoing_requests": 2 * BATCH_COST,
    "max_queued_requests": 1024,
    "ray_actor_options": {"num_cpus": 0.1},
    "health_check_period_s": 5,
    "health_check_timeout_s": 30,
    "graceful_shutdown_timeout_s": 10,
    "autoscaling_config": {
        "min_replicas": 1,
        "max_replicas": 8,
        "target_ongoing_requests": 8,
        "upscale_delay_s": 5,
        "downscale_delay_s": 120,
    },
}


def cost(requests: Sequence[Sequence[str]]) -> int:
    """Of a batch; a request alone always fits."""
    pieces = [1 + sum(map(len, texts)) // _PIECE for texts in requests]
    return min(sum(pieces), BATCH_COST) if len(pieces) == 1 else sum(pieces)


class _TenantBundle:
    """A tenant's bundle, loaded by Serve's multiplexing and closed by it."""

    def __init__(self, role: str, uri: str, registry_url: str) -> None:
        self.models = Models({role: uri}, roles=(role,), registry_url=registry_url)
        self.models.watch()

    def __del__(self) -> None:
        self.models.close()


class _Role:
    """One network behind Serve.

    Args:
        settings: of the server.
    """

    role: ClassVar[str]

    def __init__(self, settings: Settings) -> None:
        one_core_each()
        set_up_tracing(f"talkreel-{self.role}")
        self._registry_url = settings.registry_url
        bundles = {self.role: settings.bundles[self.role]} if self.role in settings.bundles else {}
        self._models = Models(bundles, roles=(self.role,), registry_url=self._registry_url)
        self._models.watch()
        self._embedder = embedder_for(self.role)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=self.role)

    async def read(self, sentences: list[str], trace: dict[str, str] | None = None) -> Reading:
        """What the network says of the sentences of one text, in the caller's trace."""
        with span(f"{self.role}.read", SpanKind.SERVER, trace):
            found: Reading = await self._batch(sentences)
        return found

    async def models(self) -> list[ModelInfo]:
        """The bundle in service."""
        return (await self._used()).infos()

    async def check_health(self) -> None:
        """Read a few words: a replica that cannot is replaced."""
        await self._run(self._read, self._models.current(), [["Does it work?"]])

    @serve.batch(  # type: ignore[untyped-decorator]
        max_batch_size=BATCH_COST,
        batch_wait_timeout_s=0.002,
        batch_size_fn=cost,
    )
    async def _batch(self, requests: list[list[str]]) -> list[Reading]:
        models = await self._used()
        found: list[Reading] = await self._run(self._read, models.current(), requests)
        return found

    @serve.multiplexed(max_num_models_per_replica=8)  # type: ignore[untyped-decorator]
    async def _tenant(self, uri: str) -> _TenantBundle:
        found: _TenantBundle = await self._run(_TenantBundle, self.role, uri, self._registry_url)
        return found

    async def _used(self) -> Models:
        uri = serve.get_multiplexed_model_id()
        return (await self._tenant(uri)).models if uri else self._models

    def _read(
        self, served: Mapping[str, Served], requests: Sequence[Sequence[str]]
    ) -> list[Reading]:
        texts = [text for request in requests for text in request]
        states = self._embedder.states(texts)
        found = read(served, texts, [len(request) for request in requests], states)
        return [readings[self.role] for readings in found]

    async def _run(self, step: Any, *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, step, *arguments)

    def __del__(self) -> None:
        self._models.close()


@serve.deployment(name="Engagement", **_OPTIONS)
class EngagementDeployment(_Role):
    """Engagement of sentences."""

    role = ENGAGEMENT


@serve.deployment(name="Emotion", **_OPTIONS)
class EmotionDeployment(_Role):
    """Feelings in sentences."""

    role = EMOTION


@serve.deployment(name="Hook", **_OPTIONS)
class HookDeployment(_Role):
    """Sentences as openings, and hooks against each other."""

    role = HOOK

    async def rank(self, hooks: list[str], trace: dict[str, str] | None = None) -> HookOrder:
        """Hooks against each other, in the caller's trace."""
        with span(f"{self.role}.rank", SpanKind.SERVER, trace):
            served = (await self._used()).current()[HOOK]
            found: HookOrder = await self._run(self._rank, served, hooks)
        return found

    def _rank(self, served: Served, hooks: list[str]) -> HookOrder:
        return ranked(served, hooks, self._embedder.states([clean(hook) for hook in hooks]))


class DistributedScorer:
    """Asks every network's deployment and puts the answers together.

    Args:
        handles: role to handle.
        tenants: tenant to role to bundle URI.
    """

    def __init__(
        self, handles: Mapping[str, Any], tenants: Mapping[str, Mapping[str, str]]
    ) -> None:
        self._handles = dict(handles)
        self._tenants = tenants

    async def score(self, text: str, *, tenant: str | None = None) -> Score:
        """Scores of a text."""
        sentences = sentences_of(text)
        readings = await asyncio.gather(
            *(self._read(role, sentences, tenant) for role in self._handles)
        )
        return assembled(sentences, dict(zip(self._handles, readings, strict=True)))

    async def rank_hooks(self, hooks: list[str], *, tenant: str | None = None) -> HookOrder:
        """Hooks against each other.

        Raises:
            ValueError: none.
        """
        if not hooks:
            raise ValueError("there is nothing to rank: give one or more hooks")
        found: HookOrder = await call(
            f"ask {HOOK}.rank",
            lambda: self._handle(HOOK, tenant).rank.remote(hooks, **carried()),
        )
        return found

    async def models(self, *, tenant: str | None = None) -> list[ModelInfo]:
        """Bundles in service."""
        found = await asyncio.gather(*(self._infos(role, tenant) for role in self._handles))
        return [info for infos in found for info in infos]

    async def _read(self, role: str, sentences: list[str], tenant: str | None) -> Reading:
        found: Reading = await call(
            f"ask {role}.read",
            lambda: self._handle(role, tenant).read.remote(sentences, **carried()),
        )
        return found

    async def _infos(self, role: str, tenant: str | None) -> list[ModelInfo]:
        found: list[ModelInfo] = await call(
            f"ask {role}.models", lambda: self._handle(role, tenant).models.remote()
        )
        return found

    def _handle(self, role: str, tenant: str | None) -> Any:
        uri = self._tenants.get(tenant or "", {}).get(role)
        handle = self._handles[role]
        # Which bundle is used is decided here, by whose key it is, and not by a header.
        return handle.options(multiplexed_model_id=uri) if uri else handle
