"""What was sent to whom: a tenant's view of its deliveries, and sending one again."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, or_, select, update

from serving.storage import database as db


@dataclass(frozen=True, slots=True)
class Sending:
    """One event on its way to one receiver.

    Attributes:
        id: the ``webhook-id``.
        type: of the event.
        project_id: of the event.
        url: where to.
        state: waiting, sent or failed.
        attempts: how often it was tried.
        next_at: when it is tried next, seconds since 1970; None when it is not.
        last_status: HTTP status of the last answer, if there was one.
        last_error: why the last attempt did not count.
        created_at: seconds since 1970.
    """

    id: str
    type: str
    project_id: str
    url: str
    state: str
    attempts: int
    next_at: float | None
    last_status: int | None
    last_error: str | None
    created_at: float


class NotReplayable(Exception):
    """The delivery cannot be sent again now, and why."""


def listed(
    connection: Connection,
    tenant_id: str,
    endpoint_id: str | None,
    *,
    limit: int,
    before: tuple[float, str] | None = None,
) -> Sequence[Sending]:
    """Deliveries to an endpoint, newest first.

    Args:
        connection: a transaction.
        tenant_id: whose.
        endpoint_id: where to; None for the ``webhook_url`` of projects.
        limit: at most so many.
        before: ``created_at`` and id of the last one of the page before.
    """
    table = db.deliveries.c
    query = _sendings().where(table.tenant_id == tenant_id, table.endpoint_id == endpoint_id)
    if before is not None:
        at, delivery_id = before
        query = query.where(
            or_(table.created_at < at, and_(table.created_at == at, table.id < delivery_id))
        )
    rows = connection.execute(query.order_by(table.created_at.desc(), table.id.desc()).limit(limit))
    return [_sending(row) for row in rows]


def replay(connection: Connection, tenant_id: str, delivery_id: str) -> Sending | None:
    """Send a delivery again from the first attempt, under the same id; None when there is none.

    Raises:
        NotReplayable: it waits already, or its endpoint takes nothing.
    """
    deliveries, endpoints = db.deliveries, db.webhook_endpoints
    row = connection.execute(
        select(deliveries.c.state, deliveries.c.endpoint_id)
        .where(deliveries.c.id == delivery_id, deliveries.c.tenant_id == tenant_id)
        .with_for_update()
    ).one_or_none()
    if row is None:
        return None
    if row.state == "waiting":
        raise NotReplayable("it waits for its next attempt already")
    if row.endpoint_id is not None:
        taking = connection.execute(
            select(endpoints.c.id).where(
                endpoints.c.id == row.endpoint_id, endpoints.c.disabled_at.is_(None)
            )
        ).first()
        if taking is None:
            raise NotReplayable("its endpoint is deleted or disabled: make a new one")
    connection.execute(
        update(deliveries)
        .where(deliveries.c.id == delivery_id)
        .values(state="waiting", attempt=0, next_at=time.time())
    )
    return _sending(connection.execute(_sendings().where(deliveries.c.id == delivery_id)).one())


def _sendings() -> Any:
    deliveries, events = db.deliveries, db.events
    return select(deliveries, events.c.type, events.c.project_id).join(
        events, events.c.id == deliveries.c.event_id
    )


def _sending(row: Row[Any]) -> Sending:
    return Sending(
        id=row.id,
        type=row.type,
        project_id=row.project_id,
        url=row.url,
        state=row.state,
        attempts=row.attempt,
        next_at=row.next_at if row.state == "waiting" else None,
        last_status=row.last_status,
        last_error=row.last_error,
        created_at=row.created_at,
    )
