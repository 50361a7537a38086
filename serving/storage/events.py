"""The event log of a project: the one source of SSE, WebSocket, webhooks and polling."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select, update

from serving.storage import database as db

TYPES = (
    "project.queued",
    "project.started",
    "project.progress",
    "project.warning",
    "project.completed",
    "project.failed",
    "project.cancelled",
    "project.retried",
    "clip.ready",
    "clip.updated",
    "clip.failed",
)
# After one of these nothing more comes, unless someone asks for more (a retry, a changed clip).
LAST_TYPES = frozenset({"project.completed", "project.failed", "project.cancelled"})


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """One line of the log.

    Attributes:
        project_id: whose.
        number: 1, 2, … without gaps within the project.
        type: one of ``TYPES``.
        data: JSON object.
        at: seconds since 1970, UTC.
    """

    project_id: str
    number: int
    type: str
    data: Mapping[str, Any]
    at: float


def append(
    connection: Connection, project_id: str, type_: str, data: Mapping[str, Any]
) -> LoggedEvent:
    """Write an event in the caller's transaction, with its webhook deliveries.

    Raises:
        KeyError: no such project.
    """
    if type_ not in TYPES:
        raise ValueError(f"no event type {type_!r}")
    row = connection.execute(
        update(db.projects)
        .where(db.projects.c.id == project_id)
        .values(events=db.projects.c.events + 1)
        .returning(db.projects.c.events, db.projects.c.tenant_id, db.projects.c.webhook_url)
    ).one_or_none()
    if row is None:
        raise KeyError(project_id)
    event = LoggedEvent(project_id, row.events, type_, dict(data), time.time())
    event_id = connection.execute(
        insert(db.events)
        .values(
            project_id=project_id,
            tenant_id=row.tenant_id,
            number=event.number,
            type=type_,
            data=dict(data),
            at=event.at,
        )
        .returning(db.events.c.id)
    ).scalar_one()
    _plan_deliveries(connection, event_id, event, row.tenant_id, row.webhook_url)
    return event


def read(
    connection: Connection, tenant_id: str, project_id: str, after: int = 0, limit: int = 500
) -> Sequence[LoggedEvent]:
    """Events of a project with a number above ``after``, in order."""
    table = db.events.c
    rows = connection.execute(
        select(table.project_id, table.number, table.type, table.data, table.at)
        .where(
            table.tenant_id == tenant_id,
            table.project_id == project_id,
            table.number > after,
        )
        .order_by(table.number)
        .limit(limit)
    )
    return [LoggedEvent(*row) for row in rows]


def _plan_deliveries(
    connection: Connection, event_id: int, event: LoggedEvent, tenant_id: str, url: str | None
) -> None:
    # Progress is for those who watch; a webhook per second would be a nuisance.
    if event.type == "project.progress":
        return
    endpoints = db.webhook_endpoints
    rows = connection.execute(
        select(endpoints.c.id, endpoints.c.url, endpoints.c.types).where(
            endpoints.c.tenant_id == tenant_id, endpoints.c.disabled_at.is_(None)
        )
    ).all()
    targets: list[tuple[str | None, str]] = [(None, url)] if url else []
    targets += [(row.id, row.url) for row in rows if not row.types or event.type in row.types]
    for number, (endpoint_id, target) in enumerate(targets):
        connection.execute(
            insert(db.deliveries).values(
                id=f"msg_{event.project_id[4:]}_{event.number}_{number}",
                tenant_id=tenant_id,
                event_id=event_id,
                endpoint_id=endpoint_id,
                url=target,
                state="waiting",
                attempt=0,
                next_at=event.at,
                created_at=event.at,
            )
        )
