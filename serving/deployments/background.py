"""What works without being asked: render workers, webhooks, housekeeping.

Each runs in a thread of a replica. A replica that dies is replaced by Serve; the leases and
claims of what it held run out and others take them over.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

from ray import serve

from serving.housekeeping import Housekeeper
from serving.jobs.worker import Worker
from serving.services import open_services
from serving.settings import Settings
from serving.storage.ids import new_id
from serving.tracing import set_up_tracing
from serving.webhooks.deliverer import Deliverer

_NICENESS = 15
Run = Callable[[threading.Event], None]
_OPTIONS: dict[str, Any] = {
    "ray_actor_options": {"num_cpus": 0.1},
    "health_check_period_s": 5,
    "health_check_timeout_s": 30,
    "graceful_shutdown_timeout_s": 30,
}


class Threads:
    """Runs until told to stop.

    Args:
        runs: each in a thread of its own.
    """

    def __init__(self, *runs: Run) -> None:
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=run, args=(self._stop,), daemon=True) for run in runs
        ]
        for thread in self._threads:
            thread.start()

    def check(self) -> None:
        """See that all of them go on.

        Raises:
            RuntimeError: one has ended.
        """
        if not all(thread.is_alive() for thread in self._threads):
            raise RuntimeError("a background thread has ended; the log says why")

    def stop(self) -> None:
        """Tell them to stop, and wait."""
        self._stop.set()
        for thread in self._threads:
            thread.join()


@serve.deployment(name="Worker", **_OPTIONS)
class WorkerDeployment:
    """A render worker: takes jobs from the queue, one at a time.

    Args:
        settings: of the server.
    """

    def __init__(self, settings: Settings) -> None:
        # Ray allows a replica one thread and no GPU; a job is another process and has the machine.
        for name in ("OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES"):
            os.environ.pop(name, None)
        # Jobs inherit it: scores and pages are waited for, clips a little later are no harm.
        os.nice(max(0, _NICENESS - os.nice(0)))
        set_up_tracing("talkreel-worker")
        self._services = open_services(settings)
        self._threads = Threads(Worker(self._services, new_id("worker")).run)

    def check_health(self) -> None:
        """See that the worker goes on."""
        self._threads.check()

    def __del__(self) -> None:
        self._threads.stop()
        self._services.database.close()


@serve.deployment(name="Background", **_OPTIONS)
class BackgroundDeployment:
    """Sends webhooks and tidies up.

    Args:
        settings: of the server.
        parts: deployments that are started with this one where it heads an application.
    """

    def __init__(self, settings: Settings, *parts: Any) -> None:
        self._parts = parts
        self._services = open_services(settings)
        self._threads = Threads(Deliverer(self._services).run, Housekeeper(self._services).run)

    def check_health(self) -> None:
        """See that both go on."""
        self._threads.check()

    def __del__(self) -> None:
        self._threads.stop()
        self._services.database.close()
