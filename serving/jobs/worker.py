"""Takes jobs from the queue and runs them, one at a time: ``python -m serving.jobs.worker``."""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import select

from serving.jobs import outcomes
from serving.jobs.attempt import Attempt
from serving.jobs.publish import project_prefix
from serving.jobs.queue import FencedOut, Lease
from serving.jobs.watch import DATABASE_AWAY
from serving.services import Services, open_services
from serving.settings import Settings
from serving.storage import database as db
from serving.tracing import set_up_tracing

POLL_SECONDS = 0.3
_FULL_SECONDS = 5.0
_LOG = logging.getLogger(__name__)


class Worker:
    """Runs jobs until it is told to stop.

    Args:
        services: everything.
        name: as it appears beside the jobs it holds.
    """

    def __init__(self, services: Services, name: str) -> None:
        self._services = services
        self._name = name
        self._work = services.settings.data.absolute() / "work"

    def run(self, stop: threading.Event) -> None:
        """Run jobs until ``stop`` is set; a job under way is then put back as it was."""
        while not stop.is_set():
            try:
                if not self._has_room():
                    self._say_full()
                    stop.wait(_FULL_SECONDS)
                    continue
                lease = self._services.queue.lease(self._name)
                if lease is None:
                    stop.wait(POLL_SECONDS)
                else:
                    self.attempt(lease, stop)
            except DATABASE_AWAY as error:
                _LOG.warning("no database: %s", error)
                stop.wait(POLL_SECONDS)

    def attempt(self, lease: Lease, stop: threading.Event) -> None:
        """Run one leased job once."""
        _LOG.info("%s of %s: attempt %d", lease.kind, lease.project_id, lease.attempt)
        self._sweep()
        folder = self._work / lease.project_id / f"{lease.job_id}-{lease.fence}"
        folder.mkdir(parents=True)
        try:
            Attempt(self._services, lease, stop, folder).run()
        except FencedOut:
            _LOG.warning("%s was lost: nothing more is written for it", lease.job_id)
            self._clear_deleted(lease)
        finally:
            _remove(folder)

    def _has_room(self) -> bool:
        settings = self._services.settings
        return shutil.disk_usage(settings.data).free >= settings.min_free_bytes

    def _say_full(self) -> None:
        """Tell every project that waits, once, what it waits for."""
        needed = self._services.settings.min_free_bytes / 1e9
        message = f"waiting for disk space: less than {needed:.1f} GB are free on the server"
        with self._services.database.write() as connection:
            for project_id in self._services.queue.waiting(connection):
                outcomes.warn(connection, project_id, message)

    def _sweep(self) -> None:
        """Remove what attempts have left that nobody makes any more: their workers were killed."""
        for folder in self._work.glob("*/*-*"):
            job_id, _, fence = folder.name.rpartition("-")
            with self._services.database.read() as connection:
                held = connection.execute(
                    select(db.jobs.c.fence).where(
                        db.jobs.c.id == job_id, db.jobs.c.state == "running"
                    )
                ).scalar_one_or_none()
            if str(held) != fence:
                _remove(folder)

    def _clear_deleted(self, lease: Lease) -> None:
        """Files of a project that was deleted while its job ran must not stay."""
        with self._services.database.read() as connection:
            found = connection.execute(
                select(db.projects.c.id).where(db.projects.c.id == lease.project_id)
            ).one_or_none()
        if found is None:
            objects = self._services.objects
            objects.delete_under(project_prefix(lease.tenant_id, lease.project_id))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run as many workers as the settings say, until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m serving.jobs.worker", description=__doc__)
    parser.add_argument("--workers", type=int, help="jobs at a time (default: from the settings)")
    parser.add_argument("--name", default=f"{socket.gethostname()}-{os.getpid()}")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    set_up_tracing("talkreel-worker")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    services = open_services(Settings())
    count = services.settings.workers if given.workers is None else given.workers
    threads = [
        threading.Thread(target=Worker(services, f"{given.name}-{i}").run, args=(stop,))
        for i in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    services.database.close()
    return 0


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.parent.rmdir()
    except OSError:
        return  # another job of the same project works beside it


if __name__ == "__main__":
    sys.exit(main())
