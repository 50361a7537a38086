"""Requests that come while others are worked on are worked on together next."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

In = TypeVar("In")
Out = TypeVar("Out")


class Batcher(Generic[In, Out]):
    """A thread that takes all that waits, up to a cost, and works on it at once.

    Nobody waits for a batch to fill: a lone request starts at once, and under load batches form
    by themselves.

    Args:
        work: results of a batch, in order.
        cost: of one request.
        limit: cost of a batch; a dearer request is worked on alone.
        threads: batches at the same time.
    """

    def __init__(
        self,
        work: Callable[[Sequence[In]], Sequence[Out]],
        *,
        cost: Callable[[In], int],
        limit: int,
        threads: int = 1,
    ) -> None:
        self._work, self._cost, self._limit = work, cost, limit
        self._waiting: deque[tuple[In, Future[Out]]] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._threads = [
            threading.Thread(target=self._run, name=f"batcher-{i}", daemon=True)
            for i in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, item: In, *, first: bool = False) -> Future[Out]:
        """Have ``item`` worked on; ``first`` goes before all that waits.

        Raises:
            RuntimeError: closed.
        """
        future: Future[Out] = Future()
        with self._changed:
            if self._closed:
                raise RuntimeError("the scorer was closed")
            if first:
                self._waiting.appendleft((item, future))
            else:
                self._waiting.append((item, future))
            self._changed.notify()
        return future

    def close(self) -> None:
        """Finish what waits, then stop."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _take(self) -> list[tuple[In, Future[Out]]]:
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            batch: list[tuple[In, Future[Out]]] = []
            total = 0
            while self._waiting:
                total += self._cost(self._waiting[0][0])
                if batch and total > self._limit:
                    break
                batch.append(self._waiting.popleft())
            return batch

    def _run(self) -> None:
        while batch := self._take():
            asked = [(item, future) for item, future in batch if _starts(future)]
            if not asked:
                continue
            try:
                results = self._work([item for item, _ in asked])
            except BaseException as error:  # belongs to those who asked, not to this thread
                for _, future in asked:
                    future.set_exception(error)
            else:
                for (_, future), result in zip(asked, results, strict=True):
                    future.set_result(result)


def _starts(future: Future[Out]) -> bool:
    return future.set_running_or_notify_cancel()  # False: whoever asked has gone
