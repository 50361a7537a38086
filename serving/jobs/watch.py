"""Watches over one job while it runs: keeps its lease, and ends it when it must end."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from subprocess import Popen
from typing import Literal

from sqlalchemy.exc import InterfaceError, OperationalError

from serving.jobs.processes import cpu_seconds, end_session
from serving.jobs.queue import FencedOut, JobQueue, Lease

Why = Literal["cancelled", "stopped", "lost", "timeout", "stalled"]
DATABASE_AWAY = (OperationalError, InterfaceError)

# Cancelling is to take less than two seconds, killing included.
_LOOK_SECONDS = 0.4
# A process that waits for ever still wakes now and then: this share of a core is no work.
_IDLE_SHARE = 0.005
_LOG = logging.getLogger(__name__)


class Interrupted(Exception):
    """The job is being ended from outside; its worker stops what it does for it."""


class Watch:
    """One job's watch, on a thread of its own.

    Args:
        queue: the job's.
        lease: the job.
        stop: set when the worker is asked to end.
        lease_seconds: how often the lease has to be renewed.
        stall_seconds: without progress and CPU time for so long, the job hangs.
        on_end: called with why, once, from this thread and after everything was killed.

    Attributes:
        why: why the job is being ended, or None.
    """

    def __init__(
        self,
        queue: JobQueue,
        lease: Lease,
        stop: threading.Event,
        *,
        lease_seconds: float,
        stall_seconds: float,
        on_end: Callable[[Why], None],
    ) -> None:
        self.why: Why | None = None
        self._queue = queue
        self._lease = lease
        self._stop = stop
        self._renew_seconds = lease_seconds / 5
        self._stall_seconds = stall_seconds
        self._on_end = on_end
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._runner: Popen[str] | None = None
        self._deadline = float("inf")
        self._busy = False
        self._alive = time.monotonic()
        self._cpu = 0.0
        self._renewed = time.monotonic()
        self._thread = threading.Thread(target=self._run, name=f"watch {lease.job_id}", daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def follow(self, runner: Popen[str]) -> None:
        """End this process and all it starts, should the job have to end."""
        with self._lock:
            self._runner = runner
            ended = self.why is not None
        self.alive()
        if ended:
            end_session(runner.pid)

    def let_go(self) -> None:
        """The process has ended and was reaped; its number may soon be another's."""
        with self._lock:
            self._runner = None

    def over(self) -> None:
        """The job's end was written: nothing is left to watch."""
        self._over.set()

    def alive(self) -> None:
        """Progress was made."""
        self._alive = time.monotonic()

    def within(self, seconds: float) -> None:
        """End the job unless it is done in so many seconds from now."""
        self._deadline = time.monotonic() + seconds

    @contextmanager
    def busy(self) -> Iterator[None]:
        """While the worker itself is at work, a runner that waits does not hang."""
        self._busy = True
        try:
            yield
        finally:
            self.alive()
            self._busy = False

    def check(self) -> None:
        """Raise ``Interrupted`` if the job is being ended."""
        if self.why is not None:
            raise Interrupted(self.why)

    def _run(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            why = self._look()
            if why is None or self._over.is_set():
                continue
            with self._lock:
                self.why = why
                if self._runner is not None:
                    end_session(self._runner.pid)
            _LOG.info("ending %s: %s", self._lease.job_id, why)
            self._on_end(why)
            return

    def _look(self) -> Why | None:
        now = time.monotonic()
        if self._stop.is_set():
            return "stopped"
        try:
            if now - self._renewed >= self._renew_seconds:
                cancelled = self._queue.extend(self._lease)
                self._renewed = now
            else:
                cancelled = self._queue.asked_to_stop(self._lease)
        except FencedOut:
            return "lost"
        except DATABASE_AWAY as error:
            # Nobody else can take the job either; should someone, the fence will tell.
            _LOG.warning("no database while holding %s: %s", self._lease.job_id, error)
            cancelled = False
        if cancelled:
            return "cancelled"
        if now > self._deadline:
            return "timeout"
        return "stalled" if self._stalled(now) else None

    def _stalled(self, now: float) -> bool:
        with self._lock:
            runner = self._runner
            cpu = cpu_seconds(runner.pid) if runner is not None else 0.0
        if runner is None or self._busy or cpu - self._cpu > _IDLE_SHARE * self._stall_seconds:
            self._cpu = cpu
            self.alive()
        return now - self._alive > self._stall_seconds
