"""Rate limits: per key or user, and of failed sign-ins per address."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from serving.api.problems import Problem
from serving.settings import Settings

_FAILURES_PER_MINUTE = 20
_WINDOW_SECONDS = 60


class Limits:
    """Counts in this process, or in Redis for all processes.

    Args:
        settings: ``requests_per_minute`` and ``redis_url``.
    """

    def __init__(self, settings: Settings) -> None:
        self._storage = _storage(settings.redis_url)
        self._limiter = SlidingWindowCounterRateLimiter(self._storage)
        self._requests = RateLimitItemPerMinute(settings.requests_per_minute)
        self._failures = RateLimitItemPerMinute(_FAILURES_PER_MINUTE)

    async def close(self) -> None:
        """Close the connections to Redis, if there are any."""
        if isinstance(self._storage, RedisStorage):
            await self._storage.bridge.get_connection().aclose()

    async def take(self, who: str) -> Mapping[str, str]:
        """Count a request; returns the RateLimit headers.

        Raises:
            Problem: 429, too many in the last minute.
        """
        allowed = await self._limiter.hit(self._requests, "requests", who)
        stats = await self._limiter.get_window_stats(self._requests, "requests", who)
        wait = max(1, math.ceil(stats.reset_time - time.time()))
        amount = self._requests.amount
        headers = {
            "RateLimit-Policy": f'"default";q={amount};w={_WINDOW_SECONDS}',
            "RateLimit": f'"default";r={max(0, stats.remaining)};t={wait}',
        }
        if not allowed:
            raise Problem(
                429,
                "too_many_requests",
                f"more than {amount} requests in a minute: try again in {wait} s",
                headers={**headers, "Retry-After": str(wait)},
            )
        return headers

    async def check_failures(self, *who: str) -> None:
        """Refuse who failed to sign in too often of late.

        Raises:
            Problem: 429.
        """
        for name in who:
            if not await self._limiter.test(self._failures, "failures", name):
                raise Problem(
                    429,
                    "too_many_failures",
                    "too many failed sign-ins: try again in a minute with a valid key",
                    headers={"Retry-After": str(_WINDOW_SECONDS)},
                )

    async def note_failure(self, *who: str) -> None:
        """Count a failed sign-in."""
        for name in who:
            await self._limiter.hit(self._failures, "failures", name)


def _storage(redis_url: str) -> Storage:
    if not redis_url:
        return MemoryStorage()
    return RedisStorage(f"async+{redis_url}", implementation="redispy")
