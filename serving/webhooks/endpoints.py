"""Where a tenant wants events to go, and the secrets that sign them."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from serving.storage import database as db
from serving.storage.events import TYPES
from serving.storage.ids import new_id
from serving.webhooks import signing

MAX_ENDPOINTS = 20
ROTATION_SECONDS = signing.ROTATION_SECONDS
# How a client names the secret that signs events for the webhook_url of its projects.
DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint, without its secrets.

    Attributes:
        id: ``whe_…``.
        url: where events go.
        types: of the events it wants; empty for all but progress.
        created_at: seconds since 1970, UTC.
        disabled_at: when it was given up, if it was.
        disabled_why: the reason.
    """

    id: str
    url: str
    types: Sequence[str]
    created_at: float
    disabled_at: float | None
    disabled_why: str | None


class TooManyEndpoints(Exception):
    """The tenant has as many as allowed."""


def create(
    connection: Connection, tenant_id: str, url: str, types: Collection[str]
) -> tuple[Endpoint, str]:
    """Add an endpoint; returns it and its secret, which nobody can read again.

    Raises:
        ValueError: there is no such event type.
        TooManyEndpoints: ``MAX_ENDPOINTS`` are there.
    """
    unknown = set(types) - set(TYPES)
    if unknown:
        raise ValueError(f"no event types {sorted(unknown)}: allowed are {', '.join(TYPES)}")
    table = db.webhook_endpoints
    count = connection.execute(
        select(func.count()).where(table.c.tenant_id == tenant_id, table.c.url != "")
    ).scalar_one()
    if count >= MAX_ENDPOINTS:
        raise TooManyEndpoints
    endpoint = Endpoint(new_id("whe"), url, sorted(types), time.time(), None, None)
    secret = signing.new_secret()
    connection.execute(
        insert(table).values(
            id=endpoint.id,
            tenant_id=tenant_id,
            url=url,
            types=list(endpoint.types),
            secrets=signing.stored(secret),
            created_at=endpoint.created_at,
        )
    )
    return endpoint, secret


def listed(connection: Connection, tenant_id: str) -> list[Endpoint]:
    """A tenant's endpoints, oldest first."""
    table = db.webhook_endpoints
    rows = connection.execute(
        select(table).where(table.c.tenant_id == tenant_id, table.c.url != "").order_by(table.c.id)
    )
    return [_endpoint(row) for row in rows]


def find(connection: Connection, tenant_id: str, endpoint_id: str) -> Endpoint | None:
    """One endpoint, or None."""
    row = _row(connection, tenant_id, endpoint_id)
    return _endpoint(row) if row and row.url else None


def remove(connection: Connection, tenant_id: str, endpoint_id: str) -> bool:
    """Remove an endpoint, with what still waits for it; returns whether there was one."""
    table = db.webhook_endpoints
    gone = connection.execute(
        delete(table).where(
            table.c.id == endpoint_id, table.c.tenant_id == tenant_id, table.c.url != ""
        )
    ).rowcount
    if gone:
        give_up(connection, endpoint_id, "the endpoint was deleted")
    return bool(gone)


def rotate(connection: Connection, tenant_id: str, endpoint_id: str) -> str | None:
    """A new secret for an endpoint, or for ``DEFAULT``; None when there is no such endpoint.

    The secrets before it go on signing for ``signing.ROTATION_SECONDS``.
    """
    if endpoint_id == DEFAULT:
        row: Row[Any] | None = _default_row(connection, tenant_id)
    else:
        row = _row(connection, tenant_id, endpoint_id)
        row = row if row and row.url else None
    if row is None:
        return None
    secret, table = signing.new_secret(), db.webhook_endpoints
    connection.execute(
        update(table)
        .where(table.c.id == row.id)
        .values(secrets=signing.rotated(row.secrets, secret, time.time()))
    )
    return secret


def signing_secrets(
    connection: Connection, tenant_id: str, endpoint_id: str | None = None
) -> list[str]:
    """Secrets that sign now, newest first; without an endpoint, those of projects' own URLs."""
    row: Row[Any] | None
    if endpoint_id is None:
        row = _default_row(connection, tenant_id)
    else:
        row = _row(connection, tenant_id, endpoint_id)
    return signing.live(row.secrets, time.time()) if row else []


def disable(connection: Connection, endpoint_id: str, why: str) -> None:
    """Send nothing more to an endpoint."""
    table = db.webhook_endpoints
    connection.execute(
        update(table)
        .where(table.c.id == endpoint_id, table.c.disabled_at.is_(None))
        .values(disabled_at=time.time(), disabled_why=why)
    )
    give_up(connection, endpoint_id, f"the endpoint is disabled: {why}")


def give_up(connection: Connection, endpoint_id: str, why: str) -> None:
    """Mark what waits for an endpoint as failed."""
    table = db.deliveries
    connection.execute(
        update(table)
        .where(table.c.endpoint_id == endpoint_id, table.c.state == "waiting")
        .values(state="failed", last_error=why)
    )


def _default_row(connection: Connection, tenant_id: str) -> Row[Any]:
    row_id = f"whe_default_{tenant_id}"
    row = _row(connection, tenant_id, row_id)
    if row is None:
        # Held until the commit: of two that find none, the second waits here and then finds it.
        connection.execute(
            select(db.tenants.c.id).where(db.tenants.c.id == tenant_id).with_for_update()
        )
        row = _row(connection, tenant_id, row_id) or _make_default(connection, tenant_id, row_id)
    return row


def _make_default(connection: Connection, tenant_id: str, row_id: str) -> Row[Any]:
    now, table = time.time(), db.webhook_endpoints
    return connection.execute(
        insert(table)
        .values(
            id=row_id,
            tenant_id=tenant_id,
            # Without a URL and disabled from the start: no event is ever planned for it.
            url="",
            types=[],
            secrets=signing.stored(signing.new_secret()),
            disabled_at=now,
            disabled_why="holds the secret for the webhook_url of projects",
            created_at=now,
        )
        .returning(table)
    ).one()


def _row(connection: Connection, tenant_id: str, endpoint_id: str) -> Row[Any] | None:
    table = db.webhook_endpoints
    return connection.execute(
        select(table).where(table.c.id == endpoint_id, table.c.tenant_id == tenant_id)
    ).one_or_none()


def _endpoint(row: Row[Any]) -> Endpoint:
    return Endpoint(row.id, row.url, row.types, row.created_at, row.disabled_at, row.disabled_why)
