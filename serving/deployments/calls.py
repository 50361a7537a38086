"""Calls to deployments: again when a replica dies, a clear answer when there is no room."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from opentelemetry.trace import SpanKind
from ray.exceptions import RayActorError
from ray.serve.exceptions import (
    BackPressureError,
    DeploymentUnavailableError,
    ReplicaUnavailableError,
)

from serving.tracing import span

T = TypeVar("T")
# A replica is killed; the call is sent again and may reach the same one before Serve knows.
TRIES = 4
_PAUSE_SECONDS = 0.1


async def call(what: str, ask: Callable[[], Awaitable[T]]) -> T:
    """The answer to an idempotent call; sent again if the replica at work dies.

    Args:
        what: is called, for traces.
        ask: sends the call; the call's span is current in it.

    Raises:
        ConnectionError: no replica lived long enough to answer, or too many calls wait.
    """
    with span(what, SpanKind.CLIENT):
        return await insist(ask)


async def insist(ask: Callable[[], Awaitable[T]]) -> T:
    """As ``call``, in no span of its own."""
    for attempt in range(1, TRIES + 1):
        try:
            return await ask()
        except (RayActorError, ReplicaUnavailableError) as error:
            if attempt == TRIES:
                raise ConnectionError("no scorer answers") from error
            await asyncio.sleep(_PAUSE_SECONDS * attempt)
        except (BackPressureError, DeploymentUnavailableError) as error:
            raise ConnectionError("the scorers have more to do than they can") from error
    raise AssertionError("unreachable")
