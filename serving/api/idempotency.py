"""What was answered to which Idempotency-Key, in the database."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from serving.api.problems import Problem
from serving.settings import Settings
from serving.storage import database as db
from serving.storage.database import Database

# A request under way for longer was cut off by a crash: another may do it.
STALE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Claim:
    """One key in use.

    Attributes:
        tenant_id: keys of tenants never meet.
        key: the client's.
        created_at: when it was first seen.
        opened_at: when this try began; a later try has another.
        kept: status, headers and body of the answer, if there is one already.
    """

    tenant_id: str
    key: str
    created_at: float
    opened_at: float
    kept: tuple[int, Mapping[str, str], str] | None = None

    def id(self, kind: str) -> str:
        """The same id at every try; as hard to guess as the key is for the one who chose it."""
        text = f"{self.tenant_id}\n{self.key}\n{self.created_at!r}\n{kind}"
        chance = hashlib.sha256(text.encode()).hexdigest()[:16]
        return f"{kind}_{int(self.created_at * 1e6):014x}{chance}"


class Ledger:
    """Keys and answers.

    Args:
        database: where they are kept.
        settings: says for how long.
    """

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._seconds = settings.idempotency_hours * 3600.0

    def claim(self, tenant_id: str, key: str, fingerprint: str) -> Claim:
        """Begin a request under a key, or find its answer.

        Raises:
            Problem: 409 while it is under way, 422 when the key was used for another request.
        """
        now = time.time()
        table = db.idempotency
        mine = (table.c.tenant_id == tenant_id, table.c.key == key)
        try:
            with self._database.write() as connection:
                connection.execute(delete(table).where(*mine, table.c.expires_at <= now))
                row = connection.execute(select(table).where(*mine).with_for_update()).one_or_none()
                if row is None:
                    connection.execute(
                        insert(table).values(
                            tenant_id=tenant_id,
                            key=key,
                            fingerprint=fingerprint,
                            state="open",
                            created_at=now,
                            opened_at=now,
                            expires_at=now + self._seconds,
                        )
                    )
                    return Claim(tenant_id, key, now, now)
                if row.fingerprint != fingerprint:
                    raise Problem(
                        422,
                        "idempotency_key_reused",
                        "this Idempotency-Key was used with another body: take a new key for a "
                        "new request",
                    )
                if row.state == "done":
                    kept = (row.status, row.headers, row.body)
                    return Claim(tenant_id, key, row.created_at, row.opened_at, kept)
                if now - row.opened_at < STALE_SECONDS:
                    raise _in_progress()
                connection.execute(update(table).where(*mine).values(opened_at=now))
                return Claim(tenant_id, key, row.created_at, now)
        except IntegrityError as error:
            # Another process put the same key in between.
            raise _in_progress() from error

    def keep(self, claim: Claim, status: int, headers: Mapping[str, str], body: str) -> None:
        """Write down the answer; nothing happens when another try has taken over."""
        values = {"state": "done", "status": status, "headers": dict(headers), "body": body}
        with self._database.write() as connection:
            connection.execute(update(db.idempotency).where(_same(claim)).values(**values))

    def release(self, claim: Claim) -> None:
        """Forget a request that was refused, so that the key is free for a better one."""
        with self._database.write() as connection:
            connection.execute(delete(db.idempotency).where(_same(claim)))

    def leave(self, claim: Claim) -> None:
        """Let the next try take over at once; it makes the same ids, should this have worked."""
        with self._database.write() as connection:
            connection.execute(update(db.idempotency).where(_same(claim)).values(opened_at=0.0))


def _same(claim: Claim) -> ColumnElement[bool]:
    table = db.idempotency.c
    return and_(
        table.tenant_id == claim.tenant_id,
        table.key == claim.key,
        table.opened_at == claim.opened_at,
        table.state == "open",
    )


def _in_progress() -> Problem:
    return Problem(
        409,
        "request_in_progress",
        "a request with this Idempotency-Key is under way: wait for its answer, then repeat it",
        headers={"Retry-After": "1"},
    )
