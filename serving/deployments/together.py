"""Requests that come while calls are under way are sent together in the next one."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

In = TypeVar("In")
Out = TypeVar("Out")

# While another call is under way nobody is the sooner answered for being sent at once: this long,
# less than it takes to score one text, is waited for company.
_LINGER_SECONDS = 0.012
_MOST_WAITING = 1024


class Together(Generic[In, Out]):
    """Shares calls among those who ask at the same time, in one event loop.

    Who asks while no call is under way is sent at once. Who comes later waits a moment for company
    that fills a call, or, while ``calls`` are under way, for one of them to be answered.

    Args:
        send: sends some requests as one call; an answer to each in order, or an exception in its
            place that only this one gets.
        cost: of one request.
        limit: cost at which a call is full; the last one in may be as dear again.
        calls: under way at most.
    """

    def __init__(
        self,
        send: Callable[[list[In]], Awaitable[Sequence[Out | Exception]]],
        *,
        cost: Callable[[In], int],
        limit: int,
        calls: int,
    ) -> None:
        self._send, self._cost, self._limit, self._calls = send, cost, limit, calls
        self._waiting: deque[tuple[In, asyncio.Future[Out]]] = deque()
        self._load = 0  # cost of all that wait
        self._timer: asyncio.TimerHandle | None = None
        # The loop itself holds tasks only weakly.
        self._under_way: set[asyncio.Task[None]] = set()

    async def ask(self, item: In) -> Out:
        """The answer to one request.

        Raises:
            ConnectionError: too many wait already.
        """
        if len(self._waiting) >= _MOST_WAITING:
            raise ConnectionError("the scorers have more to do than they can")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Out] = loop.create_future()
        self._waiting.append((item, answer))
        self._load += self._cost(item)
        if not self._under_way or self._load >= self._limit:
            self._start(self._limit if self._under_way else 0)
        elif self._timer is None and len(self._under_way) < self._calls:
            self._timer = loop.call_later(_LINGER_SECONDS, self._start)
        return await answer

    def _start(self, least: int = 0) -> None:
        """Send what waits in calls of ``least`` cost or more, as far as calls are free."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while (
            self._load >= least and len(self._under_way) < self._calls and (batch := self._take())
        ):
            task = asyncio.get_running_loop().create_task(self._share(batch))
            self._under_way.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if self._timer is None or not self._under_way:
            self._start()

    def _take(self) -> list[tuple[In, asyncio.Future[Out]]]:
        batch: list[tuple[In, asyncio.Future[Out]]] = []
        total = 0
        while self._waiting:
            item, answer = self._waiting[0]
            cost = self._cost(item)
            if not answer.done():  # else whoever asked has gone
                if batch and (total >= self._limit or total + cost > 2 * self._limit):
                    break
                total += cost
                batch.append((item, answer))
            self._waiting.popleft()
            self._load -= cost
        return batch

    async def _share(self, batch: list[tuple[In, asyncio.Future[Out]]]) -> None:
        found: Sequence[Out | Exception]
        try:
            found = await self._send([item for item, _ in batch])
        except Exception as error:  # belongs to those who asked, not to this task
            found = [error] * len(batch)
        except BaseException:
            for _, answer in batch:
                answer.cancel()
            raise
        for (_, answer), one in zip(batch, found, strict=True):
            if answer.done():
                continue
            if isinstance(one, Exception):
                answer.set_exception(one)
            else:
                answer.set_result(one)
