"""A server with one tenant and one short talk to clip, and looks at what becomes of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Row, select

from serving.accounts import create_tenant
from serving.jobs import control
from serving.jobs.worker import Worker
from serving.services import Services, open_services
from serving.settings import Settings
from serving.storage import database as db
from serving.storage import events

SOURCE_SECONDS = 13.8
WORDS = """1
00:00:00,651 --> 00:00:03,999
Two hours, or two minutes. Which speech do you remember?

2
00:00:04,749 --> 00:00:08,880
In eighteen sixty three, two people spoke on a battlefield in Pennsylvania.

3
00:00:09,242 --> 00:00:13,611
The first man talked for two hours, and soon people forgot his words.
"""
OPTIONS = {
    "preset": "fast",
    "clips": 2,
    "min_seconds": 3.0,
    "max_seconds": 6.0,
    "scorer": "craft",
    "transcript": {"format": "srt", "text": WORDS},
}
OPEN_STATES = ("queued", "running")
PATIENCE_SECONDS = 120.0


@dataclass(frozen=True)
class Talk:
    """Services with a tenant and the talk in their object store."""

    services: Services
    tenant: str
    key: str
    piece: Path

    @classmethod
    @contextmanager
    def opened(cls, folder: Path, piece: Path, **changes: Any) -> Iterator[Talk]:
        settings = Settings(
            data=folder / "data",
            **{"lease_seconds": 2.0, "retry_seconds": 0.1, "min_free_bytes": 0, **changes},
        )
        services = open_services(settings)
        with services.database.write() as connection:
            tenant = create_tenant(connection, f"tenant-{time.time_ns()}", settings)
        key = f"tenants/{tenant}/sources/upl/source.mp4"
        services.objects.put(key, piece)
        try:
            yield cls(services, tenant, key, piece)
        finally:
            services.database.close()

    def submit(self, source: dict[str, Any] | None = None, **options: Any) -> str:
        source = source or {"kind": "object", "key": self.key, "name": "my talk.mp4"}
        with self.services.database.write() as connection:
            return control.submit(
                self.services, connection, self.tenant, source, {**OPTIONS, **options}
            )

    def cancel(self, project: str) -> str:
        with self.services.database.write() as connection:
            return control.cancel(self.services, connection, project)

    def retry(self, project: str) -> str:
        with self.services.database.write() as connection:
            return control.retry(self.services, connection, project)

    def project(self, project: str) -> Row[Any]:
        with self.services.database.read() as connection:
            return connection.execute(select(db.projects).where(db.projects.c.id == project)).one()

    def clips(self, project: str) -> Sequence[Row[Any]]:
        with self.services.database.read() as connection:
            return connection.execute(
                select(db.clips).where(db.clips.c.project_id == project).order_by(db.clips.c.rank)
            ).all()

    def jobs(self, project: str) -> Sequence[Row[Any]]:
        with self.services.database.read() as connection:
            return connection.execute(
                select(db.jobs).where(db.jobs.c.project_id == project).order_by(db.jobs.c.number)
            ).all()

    def usage(self) -> Sequence[Row[Any]]:
        with self.services.database.read() as connection:
            return connection.execute(select(db.usage)).all()

    def events(self, project: str, *types: str) -> list[events.LoggedEvent]:
        with self.services.database.read() as connection:
            log = events.read(connection, self.tenant, project, limit=10_000)
        assert [event.number for event in log] == list(range(1, len(log) + 1))
        return [event for event in log if not types or event.type in types]

    def told(self, project: str) -> list[str]:
        """Types of the events but for progress."""
        return [e.type for e in self.events(project) if e.type != "project.progress"]

    @contextmanager
    def working(self, name: str = "worker") -> Iterator[threading.Event]:
        """A worker in a thread; set what is given to end it."""
        stop = threading.Event()
        thread = threading.Thread(target=Worker(self.services, name).run, args=(stop,))
        thread.start()
        try:
            yield stop
        finally:
            stop.set()
            thread.join()

    def work_until_done(self, project: str) -> Row[Any]:
        with self.working():
            self.wait(project)
        return self.project(project)

    def wait(self, project: str) -> Row[Any]:
        wait_for(lambda: self.project(project).state not in OPEN_STATES)
        return self.project(project)

    def work_until(self, project: str, phase: str) -> None:
        wait_for(lambda: self.project(project).phase == phase)

    def cached(self) -> dict[str, int]:
        """Every stage result and the inode it has: another one means it was made again."""
        root = self.services.settings.data / "cache"
        return {
            path.name: path.stat().st_ino
            for path in root.glob("*/*")
            if path.is_file() and not path.name.startswith(".")
        }


def wait_for(true: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> float:
    """Wait until ``true``; returns the seconds it took."""
    began = time.monotonic()
    while not true():
        if time.monotonic() - began > seconds:
            raise AssertionError(f"not within {seconds} s")
        time.sleep(0.02)
    return time.monotonic() - began
