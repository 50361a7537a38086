"""A scorer call in the trace of the request that makes it."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from serving.deployments.scorer import HandleScorer, ScorerDeployment
from serving.settings import Settings
from serving.tracing import span


def test_call_carries_the_trace_to_the_replica(
    settings: Settings, spans: InMemorySpanExporter
) -> None:
    replica = ScorerDeployment.func_or_class(settings)
    # A handle's ``remote``, without the cluster between.
    handle = SimpleNamespace(
        score=SimpleNamespace(remote=replica.score),
        rank_hooks=SimpleNamespace(remote=replica.rank_hooks),
    )
    scorer = HandleScorer(handle)

    async def ask() -> None:
        with span("request"):
            await scorer.score("Why is this so?")
            with pytest.raises(ValueError, match="nothing to rank"):
                await scorer.rank_hooks([])

    asyncio.run(ask())
    found = {each.name: each for each in spans.get_finished_spans()}
    request = found["request"]
    assert {each.context.trace_id for each in found.values()} == {request.context.trace_id}
    for name, status in (("score", StatusCode.UNSET), ("rank_hooks", StatusCode.ERROR)):
        call, work = found[f"ask Scorer.{name}"], found[f"Scorer.{name}"]
        assert call.parent == request.context
        assert work.parent is not None
        assert work.parent.span_id == call.context.span_id
        assert (call.kind, work.kind) == (SpanKind.CLIENT, SpanKind.SERVER)
        assert call.status.status_code is work.status.status_code is status
    assert found["Scorer.rank_hooks"].attributes == {"error.type": "ValueError"}
