"""A job in one worker's hands: what is written of it, and how it ends."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection

from serving.jobs import outcomes
from serving.jobs.failures import Failure
from serving.jobs.queue import FencedOut, Lease
from serving.jobs.watch import DATABASE_AWAY, Interrupted, Watch, Why
from serving.services import Services
from serving.tracing import JobSpans

T = TypeVar("T")
_LOG = logging.getLogger(__name__)
_AWAY_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 600.0


class Held:
    """A leased job.

    Args:
        services: everything.
        lease: the job.
        stop: set when the worker is asked to end.

    Attributes:
        watch: over the job; to be entered while something is done for it.
        phase: what is being done.
        spans: of the attempt, for traces; to be closed after the watch.
        reproduce: command that does the same on a machine of one's own.
    """

    def __init__(self, services: Services, lease: Lease, stop: threading.Event) -> None:
        self.phase = "start"
        self.reproduce = "talkreel doctor"
        self.spans = JobSpans(
            f"attempt {lease.kind}",
            lease.payload.get("trace"),
            {
                "talkreel.project": lease.project_id,
                "talkreel.job": lease.job_id,
                "talkreel.attempt": lease.attempt,
            },
        )
        self.watch = Watch(
            services.queue,
            lease,
            stop,
            lease_seconds=services.settings.lease_seconds,
            stall_seconds=services.settings.stall_seconds,
            on_end=self._ended,
        )
        self._services = services
        self._lease = lease
        self._stop = stop

    def enter(self, phase: str) -> None:
        """Say what is being done now."""
        if phase != self.phase:
            self.phase = phase
            self.spans.enter(phase)

    def write(self, action: Callable[[Connection], T], *, ended: bool = False) -> T:
        """Do ``action`` while the job is held; waits for a database that is away.

        Args:
            action: what to write.
            ended: the job is being ended and this says so.

        Raises:
            FencedOut: the job is another's now.
            Interrupted: the job, or the worker, was ended while the database was away.
        """
        while True:
            try:
                with self._services.queue.holding(self._lease) as connection:
                    return action(connection)
            except DATABASE_AWAY as error:
                _LOG.warning("no database: %s", error)
            if not ended:
                self.watch.check()
            elif self._stop.is_set():
                raise Interrupted("stopped")
            time.sleep(_AWAY_SECONDS)

    def fail(self, failure: Failure, *, for_good: bool = False, ended: bool = False) -> None:
        """The attempt has failed; unless it is hopeless, or ``for_good``, there is another."""
        attempts = self._lease.failures + 1
        self.spans.fail(failure.cause, failure.message)
        document = self.document(failure)
        services, lease = self._services, self._lease
        _LOG.warning("%s: attempt %d: %s", lease.job_id, attempts, failure.message)
        if for_good or not failure.retryable or attempts >= self._services.settings.max_attempts:
            self.write(lambda c: outcomes.fail(services, c, lease, document), ended=ended)
            self.watch.over()
            return
        after = min(
            _LONGEST_WAIT_SECONDS, self._services.settings.retry_seconds * 2 ** (attempts - 1)
        )
        self.write(lambda c: outcomes.try_again(services, c, lease, document, after), ended=ended)
        self.watch.over()

    def document(self, failure: Failure) -> dict[str, Any]:
        """A failure as clients see it."""
        return failure.document(attempts=self._lease.failures + 1, reproduce=self.reproduce)

    def _ended(self, why: Why) -> None:
        """From the watch's thread, at once: the worker's may be deep in a transfer."""
        services, lease = self._services, self._lease
        self.spans.fail(why, f"ended from outside: {why}")
        try:
            match why:
                case "cancelled":
                    self.write(lambda c: outcomes.cancel(services, c, lease), ended=True)
                case "stopped":
                    self.write(lambda c: services.queue.give_back(c, lease), ended=True)
                case "timeout":
                    message = "it took longer than a job of its length may take"
                    self.fail(Failure(self.phase, "timeout", message), ended=True)
                case "stalled":
                    seconds = self._services.settings.stall_seconds
                    message = f"no progress and no work for {seconds:g} s: it hangs"
                    self.fail(Failure(self.phase, "stalled", message), ended=True)
        except (FencedOut, Interrupted):
            _LOG.info("%s: %s, but it is not ours to say", lease.job_id, why)
