"""Tells many watchers at once that a project has news, with one query per tick for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from serving.api.logs import ERRORS, log
from serving.storage import database as db
from serving.storage import events
from serving.storage.database import Database
from serving.storage.events import LoggedEvent

TICK_SECONDS = 0.25
_PAGE = 200
_FINAL = frozenset({"done", "empty", "failed", "cancelled"})
# Parameters of one query; SQLite takes 32,766.
_CHUNK = 5000


class Watch:
    """One look at the database per tick, as long as anybody watches.

    Args:
        database: where the events are; whoever wrote them is seen within a tick.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._seen: dict[str, int] = {}
        self._task: asyncio.Task[None] | None = None

    async def events(
        self, tenant_id: str, project_id: str, after: int, heartbeat_seconds: float
    ) -> AsyncIterator[Sequence[LoggedEvent]]:
        """Events after a number as they come, in batches; an empty batch is a heartbeat.

        Ends after the last event of a project for which nothing waits or runs.
        """
        bell = asyncio.Event()
        self._waiting.setdefault(project_id, set()).add(bell)
        try:
            while True:
                bell.clear()
                batch = await run_in_threadpool(self._read, tenant_id, project_id, after)
                if batch:
                    after = batch[-1].number
                    yield batch
                    continue
                if await run_in_threadpool(self.has_ended, project_id, after):
                    return
                self._start()
                try:
                    await asyncio.wait_for(bell.wait(), heartbeat_seconds)
                except TimeoutError:
                    yield ()
        finally:
            self._forget(project_id, bell)

    def has_ended(self, project_id: str, after: int) -> bool:
        """Whether there is nothing after this number and nothing will come."""
        projects, jobs = db.projects.c, db.jobs.c
        with self._database.read() as connection:
            row = connection.execute(
                select(projects.state, projects.events).where(projects.id == project_id)
            ).one_or_none()
            if row is None:
                return True
            if row.state not in _FINAL or row.events > after:
                return False
            open_job = connection.execute(
                select(jobs.id)
                .where(jobs.project_id == project_id, jobs.state.in_(("queued", "running")))
                .limit(1)
            ).one_or_none()
        return open_job is None

    async def close(self) -> None:
        """Stop looking."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def _read(self, tenant_id: str, project_id: str, after: int) -> Sequence[LoggedEvent]:
        with self._database.read() as connection:
            return events.read(connection, tenant_id, project_id, after, _PAGE)

    def _start(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look())

    async def _look(self) -> None:
        while self._waiting:
            await asyncio.sleep(TICK_SECONDS)
            try:
                counts = await run_in_threadpool(self._counts, list(self._waiting))
            except SQLAlchemyError:
                log(ERRORS, "events cannot be read", error=True)
                continue
            for project_id in list(self._waiting):
                # Gone from the database counts as news: the watcher then ends.
                count = counts.get(project_id, -1)
                if count != self._seen.get(project_id):
                    self._seen[project_id] = count
                    for bell in self._waiting[project_id]:
                        bell.set()

    def _counts(self, project_ids: list[str]) -> dict[str, int]:
        projects = db.projects.c
        found: dict[str, int] = {}
        with self._database.read() as connection:
            for at in range(0, len(project_ids), _CHUNK):
                some = project_ids[at : at + _CHUNK]
                rows = connection.execute(
                    select(projects.id, projects.events).where(projects.id.in_(some))
                )
                found.update({project_id: count for project_id, count in rows})
        return found

    def _forget(self, project_id: str, bell: asyncio.Event) -> None:
        bells = self._waiting.get(project_id, set())
        bells.discard(bell)
        if not bells:
            self._waiting.pop(project_id, None)
            self._seen.pop(project_id, None)
