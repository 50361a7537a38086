"""For whoever runs the server: is it alive, is it ready, how does it do."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable
from typing import Literal

from fastapi import APIRouter, Request, Response
from sqlalchemy import text
from starlette.concurrency import run_in_threadpool

from serving.api.logs import ERRORS, log
from serving.api.metrics import Metrics
from serving.api.problems import Problem
from serving.api.routing import ServicesDep
from serving.api.schemas import Given
from serving.services import Services

routes = APIRouter(tags=["operation"])

_CHECK_SECONDS = 5.0
_PAGE_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Alive(Given):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Ready(Given):
    """Everything it needs answers too."""

    status: Literal["ready"] = "ready"
    checks: dict[str, str]


@routes.get("/healthz", summary="Is the process alive?")
async def check_alive() -> Alive:
    """Touches nothing else."""
    return Alive()


@routes.get("/readyz", summary="Can it do its work?")
async def check_ready(services: ServicesDep) -> Ready:
    """Database, object store, disk and models; 503 with what is wrong."""
    checks = {
        "database": run_in_threadpool(_database, services),
        "objects": run_in_threadpool(_objects, services),
        "disk": run_in_threadpool(_disk, services),
        "scorer": _models(services),
    }
    said = await asyncio.gather(*(_said(name, check) for name, check in checks.items()))
    results = dict(zip(checks, said, strict=True))
    bad = [name for name, result in results.items() if result != "ok"]
    if bad:
        raise Problem(
            503,
            "not_ready",
            f"not ready: {', '.join(bad)}",
            headers={"Retry-After": "5"},
            checks=results,
        )
    return Ready(checks=results)


@routes.get(
    "/metrics",
    summary="Figures for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def show_metrics(request: Request) -> Response:
    """Requests, latencies, jobs by state and age, time to the first clip."""
    metrics: Metrics = request.app.state.metrics
    return Response(metrics.page(), media_type=_PAGE_TYPE)


async def _said(name: str, check: Awaitable[str]) -> str:
    try:
        return await asyncio.wait_for(check, _CHECK_SECONDS)
    except Exception:  # whatever it is, this server is not ready
        log(ERRORS, f"not ready: {name}", error=True)
        return "failed"


def _database(services: Services) -> str:
    with services.database.read() as connection:
        connection.execute(text("SELECT 1"))
    return "ok"


def _objects(services: Services) -> str:
    return "ok" if services.objects.is_reachable() else "failed"


def _disk(services: Services) -> str:
    free = shutil.disk_usage(services.settings.data).free
    return "ok" if free >= services.settings.min_free_bytes else "full"


async def _models(services: Services) -> str:
    if services.scorer is None:
        return "missing"
    return "ok" if await services.scorer.models() else "missing"
