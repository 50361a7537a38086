"""The durable queue: every job is a row, held by a lease that a fencing number guards.

A worker that was stopped for longer than its lease has lost the job; should it wake, whatever it
still writes is refused because another holder has a higher fence. Effects that clients can see
are therefore written only inside ``JobQueue.holding``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, insert, or_, select, update

from serving.storage import database as db
from serving.storage.database import Database
from serving.storage.ids import new_id
from serving.tracing import carried

KINDS = ("clip", "render")


class FencedOut(Exception):
    """The job belongs to another worker now, or to nobody: stop, and write nothing."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A job in the hands of one worker.

    Attributes:
        job_id: the job.
        project_id: what it is for.
        tenant_id: whose.
        kind: one of ``KINDS``.
        payload: what the kind needs.
        attempt: 1 when first taken up; counts workers that were lost, too.
        fence: higher than that of any earlier holder.
        failures: attempts that ended with a failure so far.
        owner: the worker.
    """

    job_id: str
    project_id: str
    tenant_id: str
    kind: str
    payload: Mapping[str, Any]
    attempt: int
    fence: int
    failures: int
    owner: str


class JobQueue:
    """Jobs of all tenants, in turn.

    Args:
        database: where they are.
        lease_seconds: a worker silent for this long has lost its job.
    """

    def __init__(self, database: Database, *, lease_seconds: float = 15.0) -> None:
        self._database = database
        self._lease_seconds = lease_seconds

    def enqueue(
        self,
        connection: Connection,
        *,
        project_id: str,
        tenant_id: str,
        kind: str,
        payload: Mapping[str, Any] | None = None,
    ) -> str:
        """Add a job in the caller's transaction, and its trace; returns the job's id."""
        if kind not in KINDS:
            raise ValueError(f"no job kind {kind!r}")
        job_id = new_id("job")
        connection.execute(
            insert(db.jobs).values(
                id=job_id,
                project_id=project_id,
                tenant_id=tenant_id,
                kind=kind,
                payload={**(payload or {}), **carried()},
                state="queued",
                created_at=time.time(),
            )
        )
        return job_id

    def lease(self, owner: str) -> Lease | None:
        """The next job in turn, or None when nothing waits.

        In turn: tenants with fewest running jobs first, then who was served longest ago, then who
        came first; so a thousand jobs of one tenant delay another's first by at most one. Lost
        jobs (their lease ran out) come before new ones.
        """
        with self._database.write() as connection:
            if not self._database.is_sqlite:
                # One at a time: else two workers count the same running jobs, and a tenant gets
                # more at once than allowed.
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7422)")
            now = time.time()
            number = self._lost(connection, now) or self._next(connection, now)
            if number is None:
                return None
            return self._take(connection, number, owner, now)

    def extend(self, lease: Lease) -> bool:
        """Keep the job for another lease; returns whether it is asked to stop.

        Raises:
            FencedOut: it is no longer held.
        """
        with self.holding(lease) as connection:
            jobs = db.jobs
            cancel = connection.execute(
                update(jobs)
                .where(jobs.c.id == lease.job_id)
                .values(leased_until=time.time() + self._lease_seconds)
                .returning(jobs.c.cancel)
            ).scalar_one()
        return bool(cancel)

    def asked_to_stop(self, lease: Lease) -> bool:
        """Whether someone cancelled the job; a cheap look that keeps nothing.

        Raises:
            FencedOut: it is no longer held.
        """
        jobs = db.jobs
        with self._database.read() as connection:
            row = connection.execute(
                select(jobs.c.fence, jobs.c.state, jobs.c.cancel).where(jobs.c.id == lease.job_id)
            ).one_or_none()
        if row is None or row.fence != lease.fence or row.state != "running":
            raise FencedOut(lease.job_id)
        return bool(row.cancel)

    @contextmanager
    def holding(self, lease: Lease) -> Iterator[Connection]:
        """A transaction in which the job is surely held; nothing is written if it is not.

        Raises:
            FencedOut: it is no longer held.
        """
        with self._database.write() as connection:
            jobs = db.jobs
            # Written, not read: on PostgreSQL this also locks the row until the commit.
            held = connection.execute(
                update(jobs)
                .where(
                    jobs.c.id == lease.job_id,
                    jobs.c.fence == lease.fence,
                    jobs.c.state == "running",
                )
                .values(owner=lease.owner)
            )
            if held.rowcount != 1:
                raise FencedOut(lease.job_id)
            yield connection

    def end(
        self,
        connection: Connection,
        lease: Lease,
        state: str,
        failure: Mapping[str, Any] | None = None,
    ) -> None:
        """Mark the job as done, failed or cancelled, within ``holding``."""
        connection.execute(
            update(db.jobs)
            .where(db.jobs.c.id == lease.job_id)
            .values(state=state, failure=failure, owner=None, leased_until=None)
        )

    def put_back(
        self, connection: Connection, lease: Lease, *, after: float, failure: Mapping[str, Any]
    ) -> None:
        """Queue the job for another attempt ``after`` seconds from now, within ``holding``.

        ``failure["attempts"]`` says how many attempts have failed.
        """
        connection.execute(
            update(db.jobs)
            .where(db.jobs.c.id == lease.job_id)
            .values(
                state="queued",
                not_before=time.time() + after,
                failure=failure,
                owner=None,
                leased_until=None,
            )
        )

    def give_back(self, connection: Connection, lease: Lease) -> None:
        """Queue the job as if it had never been taken up, within ``holding``."""
        connection.execute(
            update(db.jobs)
            .where(db.jobs.c.id == lease.job_id)
            .values(state="queued", attempt=db.jobs.c.attempt - 1, owner=None, leased_until=None)
        )

    def waiting(self, connection: Connection, limit: int = 100) -> list[str]:
        """Ids of the projects whose jobs wait, longest first."""
        jobs = db.jobs
        rows = connection.execute(
            select(jobs.c.project_id)
            .where(jobs.c.state == "queued")
            .order_by(jobs.c.number)
            .limit(limit)
        )
        return list(dict.fromkeys(rows.scalars()))

    def cancel(self, connection: Connection, project_id: str) -> tuple[int, int]:
        """Cancel a project's jobs; returns (how many were waiting, how many are asked to stop)."""
        jobs = db.jobs
        waiting = connection.execute(
            update(jobs)
            .where(jobs.c.project_id == project_id, jobs.c.state == "queued")
            .values(state="cancelled")
        ).rowcount
        running = connection.execute(
            update(jobs)
            .where(jobs.c.project_id == project_id, jobs.c.state == "running")
            .values(cancel=True)
        ).rowcount
        return waiting, running

    def _take(self, connection: Connection, number: int, owner: str, now: float) -> Lease:
        """Put a job into the hands of ``owner``; its tenant has had its turn."""
        jobs, tenants = db.jobs, db.tenants
        row = connection.execute(
            update(jobs)
            .where(jobs.c.number == number)
            .values(
                state="running",
                owner=owner,
                leased_until=now + self._lease_seconds,
                attempt=jobs.c.attempt + 1,
                fence=jobs.c.fence + 1,
            )
            .returning(jobs)
        ).one()
        connection.execute(
            update(tenants).where(tenants.c.id == row.tenant_id).values(served_at=now)
        )
        return Lease(
            job_id=row.id,
            project_id=row.project_id,
            tenant_id=row.tenant_id,
            kind=row.kind,
            payload=row.payload,
            attempt=row.attempt,
            fence=row.fence,
            failures=int((row.failure or {}).get("attempts", 0)),
            owner=owner,
        )

    def _lost(self, connection: Connection, now: float) -> int | None:
        jobs = db.jobs
        return connection.execute(
            select(jobs.c.number)
            .where(jobs.c.state == "running", jobs.c.leased_until < now)
            .order_by(jobs.c.number)
            .limit(1)
            .with_for_update(skip_locked=True)
        ).scalar_one_or_none()

    def _next(self, connection: Connection, now: float) -> int | None:
        jobs, tenants = db.jobs, db.tenants
        running = (
            select(jobs.c.tenant_id, func.count().label("count"))
            .where(jobs.c.state == "running")
            .group_by(jobs.c.tenant_id)
            .subquery()
        )
        # A tenant's first job that may start; SQLite and PostgreSQL both use the index for it.
        first = (
            select(jobs.c.tenant_id, func.min(jobs.c.number).label("number"))
            .where(jobs.c.state == "queued", jobs.c.not_before <= now)
            .group_by(jobs.c.tenant_id)
            .subquery()
        )
        count = func.coalesce(running.c.count, 0)
        return connection.execute(
            select(jobs.c.number)
            .join(first, first.c.number == jobs.c.number)
            .join(tenants, tenants.c.id == jobs.c.tenant_id)
            .outerjoin(running, running.c.tenant_id == jobs.c.tenant_id)
            # Said again: PostgreSQL looks at this, not at the subquery, after waiting for a row.
            .where(jobs.c.state == "queued")
            .where(or_(running.c.count.is_(None), count < tenants.c.max_concurrent))
            .order_by(count, tenants.c.served_at, jobs.c.number)
            .limit(1)
            .with_for_update(skip_locked=True, of=jobs)
        ).scalar_one_or_none()
