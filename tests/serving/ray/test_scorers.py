"""Both topologies: the same numbers as in process, swaps and deaths that nobody notices."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ray import serve

from serving.deployments.ingress import connected
from serving.deployments.roles import (
    BATCH_COST,
    EmotionDeployment,
    EngagementDeployment,
    HookDeployment,
    cost,
)
from serving.deployments.scorer import ScorerDeployment
from serving.scoring.local import LocalScorer
from serving.scoring.models import SCORING
from serving.scoring.scores import Score, Scorer
from serving.settings import Settings
from tests.serving.ray.conftest import replicas

Deployed = Callable[..., str]
Make = Callable[[int], Path]


@serve.deployment(name="Root", ray_actor_options={"num_cpus": 0})
class Root:
    """Starts deployments that have no other."""

    def __init__(self, *parts: Any) -> None:
        self._parts = parts


def app(settings: Settings, *, replicas: int = 1) -> serve.Application:
    if settings.topology == "fused":
        return Root.bind(ScorerDeployment.options(num_replicas=replicas).bind(settings))
    kinds = (EngagementDeployment, HookDeployment, EmotionDeployment)
    return Root.bind(*(kind.bind(settings) for kind in kinds))


def flat(score: Score) -> list[float]:
    rows = [[s.engagement, s.hook, *s.emotions.values()] for s in score.sentences]
    return [score.engagement, score.hook, *score.emotions.values(), *(x for r in rows for x in r)]


@pytest.mark.parametrize("topology", ["fused", "distributed"])
def test_a_topology_answers_as_the_scorer_in_process(
    base: Settings,
    deployed: Deployed,
    local: LocalScorer,
    hook_bundle: Make,
    talk: str,
    topology: str,
) -> None:
    tenants = {"ten_b": {"hook": str(hook_bundle(2))}}
    settings = base.model_copy(update={"topology": topology, "tenant_bundles": tenants})
    scorer = connected(settings, deployed(app(settings), topology))
    texts = [talk, "One line", talk * 20, *(talk[: 30 + i] for i in range(12))]
    hooks = ["You won't believe it", "This is a talk about tax", "Why do cats hate water?"]

    async def compare() -> None:
        answers = await asyncio.gather(*(scorer.score(text) for text in texts))
        for text, answer in zip(texts, answers, strict=True):
            wanted = await local.score(text)
            assert flat(answer) == pytest.approx(flat(wanted), abs=3e-6)
            assert answer.model_copy(update={"sentences": []}).models == wanted.models
            assert answer.calibration == wanted.calibration
        ranked, expected = await scorer.rank_hooks(hooks), await local.rank_hooks(hooks)
        assert [p.text for p in ranked.hooks] == [p.text for p in expected.hooks]
        assert ranked.best == expected.best
        assert {info.role for info in await scorer.models()} >= set(SCORING)
        own, shared = await asyncio.gather(
            scorer.score(talk, tenant="ten_b"), scorer.score(talk, tenant="ten_a")
        )
        assert own.models["hook"] == "hook@2"
        assert shared.hook == pytest.approx(2 * own.hook, abs=2e-5)
        assert (await scorer.rank_hooks(hooks, tenant="ten_b")).model == "hook@2"
        theirs = {info.role: info.version for info in await scorer.models(tenant="ten_b")}
        assert theirs["hook"] == 2

    asyncio.run(compare())


def test_batches_are_limited_by_cost() -> None:
    assert cost([["a" * 50]]) == 1
    assert cost([["a" * 50], ["a" * 300]]) == 1 + 3
    assert cost([["a" * 20_000]]) == BATCH_COST
    assert cost([["a" * 20_000], ["a"]]) > BATCH_COST


async def under_load(
    scorer: Scorer, talk: str, act: Callable[[], Any], clients: int = 4
) -> list[Score]:
    """Answers to requests that go on while ``act`` runs; an error of any fails."""
    done = asyncio.Event()
    answers: list[Score] = []

    async def ask() -> None:
        while not done.is_set():
            answers.append(await scorer.score(talk))

    asking = [asyncio.create_task(ask()) for _ in range(clients)]
    try:
        await act()
    finally:
        done.set()
        await asyncio.gather(*asking)
    return answers


def test_a_replaced_bundle_goes_live_under_load_and_back(
    base: Settings, deployed: Deployed, hook_bundle: Make, tmp_path: Path, talk: str
) -> None:
    folder, old, new = tmp_path / "hook", hook_bundle(1), hook_bundle(2)
    bad = hook_bundle(3)
    (bad / "weights.safetensors").write_bytes((bad / "weights.safetensors").read_bytes()[:-1])

    def put(bundle: Path) -> None:
        # Whole at once, as a deployment would: the old folder is moved away.
        shutil.copytree(bundle, tmp_path / "next")
        if folder.exists():
            folder.rename(tmp_path / f"old-{time.monotonic_ns()}")
        (tmp_path / "next").rename(folder)

    put(old)
    settings = base.model_copy(update={"bundles": {"hook": str(folder)}})
    scorer = connected(settings, deployed(app(settings), "swap"))
    seconds: list[float] = []

    async def until(version: int) -> None:
        began = time.monotonic()
        while (await scorer.score(talk)).models["hook"] != f"hook@{version}":
            assert time.monotonic() - began < 10
        seconds.append(time.monotonic() - began)

    async def error() -> str | None:
        return next(info.error for info in await scorer.models() if info.role == "hook")

    async def act() -> None:
        await until(1)
        put(new)
        await until(2)
        put(bad)
        began = time.monotonic()
        while (why := await error()) is None or "changed since" not in why:
            assert time.monotonic() - began < 10
            await asyncio.sleep(0.05)
        assert (await scorer.score(talk)).models["hook"] == "hook@2"
        put(old)
        await until(1)
        assert await error() is None

    answers = asyncio.run(under_load(scorer, talk, act))
    assert {answer.models["hook"] for answer in answers} == {"hook@1", "hook@2"}
    assert max(seconds) < 10


@pytest.mark.parametrize("count", [1, 2])
def test_a_killed_replica_costs_no_request(
    base: Settings, deployed: Deployed, talk: str, count: int
) -> None:
    name = f"death{count}"
    scorer = connected(base, deployed(app(base, replicas=count), name))

    async def act() -> None:
        await asyncio.sleep(0.3)
        victims = replicas(f"{name}:Scorer")
        assert len(victims) == count
        victims[0].kill()
        began = time.monotonic()
        while len(alive := replicas(f"{name}:Scorer")) < count or victims[0] in alive:
            assert time.monotonic() - began < 60
            await asyncio.sleep(0.2)
        await scorer.score(talk)

    answers = asyncio.run(under_load(scorer, talk, act))
    assert len({answer.engagement for answer in answers}) == 1


def test_health_is_a_real_call(tmp_path: Path) -> None:
    replica = ScorerDeployment.func_or_class(Settings(data=tmp_path))
    asyncio.run(replica.check_health())
    replica.__del__()
    with pytest.raises(RuntimeError, match="closed"):
        asyncio.run(replica.check_health())
