"""Takes away what nobody needs any more: old uploads, answers, tickets, events, objects."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from sqlalchemy import ColumnElement, Table, delete, or_, select
from sqlalchemy.exc import SQLAlchemyError

from serving.api.logs import ERRORS, log
from serving.services import Services
from serving.storage import database as db
from serving.storage import garbage
from serving.storage.uploads import InUse, UploadStore

EVERY_SECONDS = 60.0
# Who looks at a project a week after its end wants its result, not its per cents.
PROGRESS_DAYS = 7.0
_FINAL = ("done", "empty", "failed", "cancelled")
_AT_ONCE = 500


class Housekeeper:
    """Cleans once a minute; several may run at a time.

    Args:
        services: database, objects and settings.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

    def run(self, stop: threading.Event) -> None:
        """Clean until ``stop`` is set."""
        while not stop.is_set():
            self.clean()
            stop.wait(EVERY_SECONDS)

    def clean(self) -> dict[str, int]:
        """Do everything once; returns how much of each went."""
        tasks: dict[str, Callable[[], int]] = {
            "uploads": self._uploads,
            "answers": self._answers,
            "tickets": self._tickets,
            "events": self._events,
            "objects": lambda: garbage.sweep(self._services),
        }
        done: dict[str, int] = {}
        for name, task in tasks.items():
            try:
                done[name] = task()
            except (OSError, SQLAlchemyError):
                log(ERRORS, f"housekeeping failed: {name}", error=True)
        return done

    def _uploads(self) -> int:
        """Uploads past their time that no project is made of."""
        uploads = db.uploads
        with self._services.database.read() as connection:
            found = connection.execute(
                select(uploads).where(uploads.c.expires_at <= time.time()).limit(_AT_ONCE)
            )
            rows = [dict(row) for row in found.mappings()]
        store = UploadStore(self._services)
        count = 0
        for row in rows:
            try:
                store.remove(row)
                count += 1
            except InUse:
                # Kept as long as its project; then it goes with that.
                continue
        return count

    def _answers(self) -> int:
        return self._drop(db.idempotency, db.idempotency.c.expires_at <= time.time())

    def _tickets(self) -> int:
        return self._drop(db.tickets, db.tickets.c.expires_at <= time.time())

    def _events(self) -> int:
        """Per cents of projects that ended long ago; what happened in them stays."""
        projects = db.projects.c
        long_ago = time.time() - PROGRESS_DAYS * 24 * 3600
        ended = select(projects.id).where(
            projects.state.in_(_FINAL),
            or_(projects.finished_at.is_(None), projects.finished_at < long_ago),
        )
        table = db.events
        return self._drop(
            table,
            (table.c.type == "project.progress")
            & (table.c.at < long_ago)
            & table.c.project_id.in_(ended),
        )

    def _drop(self, table: Table, condition: ColumnElement[bool]) -> int:
        with self._services.database.write() as connection:
            return connection.execute(delete(table).where(condition)).rowcount
