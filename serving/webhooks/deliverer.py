"""Sends events to those who asked: Standard Webhooks 1.0, at least once, by id.

A delivery is a row. Who claims it moves its time into the future, so that nobody else sends it
meanwhile; a deliverer that dies loses the claim with time and the row is sent again under the same
id. Receivers that remember ids therefore see every event once.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Collection
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, exists, select, update
from sqlalchemy.exc import SQLAlchemyError

from serving.net import transfer as net
from serving.services import Services
from serving.storage import database as db
from serving.webhooks import endpoints
from serving.webhooks.message import Outcome, Send, event_body, send_signed

# Seconds before each attempt: 75.6 hours in all.
SCHEDULE = (0.0, 5.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
# Longer than a send can take, name look-up included.
CLAIM_SECONDS = 90.0
_POLL_SECONDS = 0.25
_THROTTLED = frozenset({429, 502, 503, 504})
_GONE = 410
# Many receivers that failed together are not to be called together again.
_JITTER = 0.1
# One tenant whose receiver hangs does not stop the others' events.
_PER_TENANT = 2

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A claimed delivery.

    Attributes:
        id: the ``webhook-id``.
        tenant_id: whose.
        endpoint_id: where to, or None for the project's own URL.
        url: where to.
        attempt: 1 at the first try.
        created_at: seconds since 1970, UTC.
        project_id: of the event.
        body: what is sent, the same at every attempt.
    """

    id: str
    tenant_id: str
    endpoint_id: str | None
    url: str
    attempt: int
    created_at: float
    project_id: str
    body: bytes


class Deliverer:
    """Sends what is due, several at once.

    Args:
        services: of this process.
        parallel: sends at once.
        claim_seconds: for how long nobody else sends what this one has claimed.
        send: sends a body.
    """

    def __init__(
        self,
        services: Services,
        *,
        parallel: int = 8,
        claim_seconds: float = CLAIM_SECONDS,
        send: Send = net.post,
    ) -> None:
        self._services = services
        self._parallel = parallel
        self._claim_seconds = claim_seconds
        self._send = send

    def run(self, stop: threading.Event) -> None:
        """Send until told to stop; sends that are under way are finished."""
        flying: dict[Future[None], str] = {}
        with ThreadPoolExecutor(self._parallel, thread_name_prefix="webhook") as pool:
            while not stop.is_set():
                flying = {future: who for future, who in flying.items() if not future.done()}
                if len(flying) >= self._parallel:
                    wait(flying, timeout=_POLL_SECONDS, return_when=FIRST_COMPLETED)
                    continue
                delivery = self._next(flying.values())
                if delivery is None:
                    stop.wait(_POLL_SECONDS)
                else:
                    flying[pool.submit(self._deliver, delivery)] = delivery.tenant_id

    def claim(self, busy: Collection[str] = ()) -> Delivery | None:
        """The next delivery that is due, for this one alone; None when nothing is.

        Args:
            busy: tenants to pass over.
        """
        table, now = db.deliveries, time.time()
        due = (
            select(table.c.id)
            .where(
                table.c.state == "waiting",
                table.c.next_at <= now,
                table.c.tenant_id.not_in(list(busy)),
            )
            .order_by(table.c.next_at)
            .limit(1)
        )
        # Looking does not take the one lock for writing that SQLite has.
        with self._services.database.read() as connection:
            if connection.execute(due).first() is None:
                return None
        with self._services.database.write() as connection:
            found = connection.execute(due.with_for_update(skip_locked=True)).scalar_one_or_none()
            if found is None:
                return None
            row = connection.execute(
                update(table)
                .where(table.c.id == found)
                .values(attempt=table.c.attempt + 1, next_at=now + self._claim_seconds)
                .returning(table)
            ).one()
            event = connection.execute(
                select(db.events).where(db.events.c.id == row.event_id)
            ).one()
        return _delivery(row, event)

    def deliver(self, delivery: Delivery) -> Outcome:
        """Send a claimed delivery once and write down how it went."""
        with self._services.database.write() as connection:
            keys = endpoints.signing_secrets(connection, delivery.tenant_id, delivery.endpoint_id)
        allow_private = self._services.settings.allow_private_urls
        outcome = send_signed(
            self._send, delivery.url, delivery.id, delivery.body, keys, allow_private
        )
        with self._services.database.write() as connection:
            _record(connection, delivery, outcome)
        return outcome

    def _next(self, flying: Collection[str]) -> Delivery | None:
        busy = [tenant for tenant, count in Counter(flying).items() if count >= _PER_TENANT]
        try:
            return self.claim(busy)
        except SQLAlchemyError:
            log.exception("the deliveries cannot be read; trying again")
            return None

    def _deliver(self, delivery: Delivery) -> None:
        try:
            self.deliver(delivery)
        except Exception:
            # The claim runs out and the delivery is sent again.
            log.exception("delivery %s", delivery.id)


def _delivery(row: Row[Any], event: Row[Any]) -> Delivery:
    """A claimed row and its event as what is sent."""
    data = {"project_id": event.project_id, "number": event.number, **event.data}
    return Delivery(
        id=row.id,
        tenant_id=row.tenant_id,
        endpoint_id=row.endpoint_id,
        url=row.url,
        attempt=row.attempt,
        created_at=row.created_at,
        project_id=event.project_id,
        body=event_body(event.type, event.at, data),
    )


def _record(connection: Connection, delivery: Delivery, outcome: Outcome) -> None:
    table, now = db.deliveries, time.time()
    values: dict[str, Any] = {"last_status": outcome.status, "last_error": outcome.error}
    if outcome.error is None:
        values["state"] = "sent"
    elif outcome.status == _GONE or delivery.attempt >= len(SCHEDULE):
        values["state"] = "failed"
    else:
        values["next_at"] = now + _wait_seconds(delivery.attempt, outcome)
    # Nothing changes when another has claimed it since, or when it was given up meanwhile.
    held = connection.execute(
        update(table)
        .where(
            table.c.id == delivery.id,
            table.c.attempt == delivery.attempt,
            table.c.state == "waiting",
        )
        .values(values)
    )
    if held.rowcount != 1 or outcome.error is None:
        return
    if outcome.status == _GONE:
        _stop(connection, delivery, "it answered 410 Gone")
    elif values.get("state") == "failed" and not _was_heard_since(connection, delivery):
        _stop(connection, delivery, f"nothing was accepted in {len(SCHEDULE)} attempts")
    elif outcome.status in _THROTTLED and outcome.retry_after:
        _hold_back(connection, delivery, now + min(outcome.retry_after, SCHEDULE[-1]))


def _wait_seconds(attempt: int, outcome: Outcome) -> float:
    planned = SCHEDULE[attempt] * (1 + random.uniform(0, _JITTER))
    asked = outcome.retry_after if outcome.status in _THROTTLED else None
    return max(planned, min(asked or 0.0, SCHEDULE[-1]))


def _stop(connection: Connection, delivery: Delivery, why: str) -> None:
    """Send nothing more to where a delivery went."""
    if delivery.endpoint_id is not None:
        endpoints.disable(connection, delivery.endpoint_id, why)
        return
    projects, table = db.projects, db.deliveries
    connection.execute(
        update(projects)
        .where(projects.c.id == delivery.project_id, projects.c.webhook_url == delivery.url)
        .values(webhook_url=None)
    )
    connection.execute(
        update(table)
        .where(_same_target(delivery), table.c.state == "waiting")
        .values(state="failed", last_error=f"the webhook_url is disabled: {why}")
    )


def _was_heard_since(connection: Connection, delivery: Delivery) -> bool:
    table = db.deliveries
    return bool(
        connection.execute(
            select(
                exists().where(
                    _same_target(delivery),
                    table.c.state == "sent",
                    table.c.created_at > delivery.created_at,
                )
            )
        ).scalar_one()
    )


def _hold_back(connection: Connection, delivery: Delivery, until: float) -> None:
    table = db.deliveries
    connection.execute(
        update(table)
        .where(_same_target(delivery), table.c.state == "waiting", table.c.next_at < until)
        .values(next_at=until)
    )


def _same_target(delivery: Delivery) -> Any:
    table = db.deliveries
    if delivery.endpoint_id is not None:
        return table.c.endpoint_id == delivery.endpoint_id
    return (
        (table.c.endpoint_id.is_(None))
        & (table.c.tenant_id == delivery.tenant_id)
        & (table.c.url == delivery.url)
    )
