"""Tenants, their users and their API keys."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from serving import passwords
from serving.settings import Settings
from serving.storage import database as db
from serving.storage.database import Database
from serving.storage.ids import new_id

SCOPES = (
    "projects:read",
    "projects:write",
    "uploads:write",
    "score",
    "models:read",
    "webhooks:read",
    "webhooks:write",
)
_PREFIX = "tk"
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks.

    Attributes:
        tenant_id: nothing of another tenant is ever shown or changed.
        scopes: what may be done.
        name: of the key or the user, for logs.
        id: of the key or the user.
    """

    tenant_id: str
    scopes: frozenset[str]
    name: str
    id: str = ""


def create_tenant(connection: Connection, name: str, settings: Settings) -> str:
    """Add a tenant with the limits of new ones; returns its id."""
    tenant_id = new_id("ten")
    connection.execute(
        insert(db.tenants).values(
            id=tenant_id,
            name=name,
            created_at=time.time(),
            max_concurrent=settings.max_concurrent_projects,
            max_queued=settings.max_queued_projects,
            max_minutes_per_month=settings.max_minutes_per_month,
            max_stored_bytes=settings.max_stored_bytes,
        )
    )
    return tenant_id


def create_key(
    connection: Connection,
    tenant_id: str,
    name: str,
    scopes: Collection[str] = SCOPES,
    expires_at: float | None = None,
) -> str:
    """Add an API key; returns it, which nobody can do again."""
    _check_scopes(scopes)
    key_id, secret = new_id("key"), secrets.token_urlsafe(32)
    connection.execute(
        insert(db.api_keys).values(
            id=key_id,
            tenant_id=tenant_id,
            name=name,
            digest=_digest(secret),
            scopes=sorted(scopes),
            created_at=time.time(),
            expires_at=expires_at,
        )
    )
    return f"{_PREFIX}.{key_id}.{secret}"


def find_key(connection: Connection, key: str) -> Principal | None:
    """Whose key it is; None when it is unknown, expired or revoked."""
    parts = key.split(".")
    if len(parts) != 3 or parts[0] != _PREFIX:
        return None
    row = connection.execute(select(db.api_keys).where(db.api_keys.c.id == parts[1])).one_or_none()
    if row is None or not hmac.compare_digest(row.digest, _digest(parts[2])):
        return None
    return _of_key(row)


def find_subject(connection: Connection, subject: str) -> Principal | None:
    """The key or user of that id as it is now; None when it may no longer do anything."""
    if subject.startswith("key_"):
        keys = db.api_keys
        row = connection.execute(select(keys).where(keys.c.id == subject)).one_or_none()
        return _of_key(row) if row else None
    row = connection.execute(select(db.users).where(db.users.c.id == subject)).one_or_none()
    return _of_user(row) if row else None


def create_user(
    connection: Connection,
    tenant_id: str,
    email: str,
    password: str,
    scopes: Collection[str] = SCOPES,
) -> str:
    """Add a user; returns the id.

    Raises:
        ValueError: an unknown scope, no e-mail address, or a password that is too short.
    """
    _check_scopes(scopes)
    if not _EMAIL.fullmatch(email) or len(email) > 254:
        raise ValueError(f"{email!r} is no e-mail address")
    user_id = new_id("usr")
    connection.execute(
        insert(db.users).values(
            id=user_id,
            tenant_id=tenant_id,
            email=email.lower(),
            password=passwords.hashed(password),
            scopes=sorted(scopes),
            created_at=time.time(),
        )
    )
    return user_id


def find_user(database: Database, email: str, password: str) -> Principal | None:
    """Whose e-mail address and password these are; takes as long when there is nobody.

    Raises:
        passwords.Busy: too many sign in at once.
    """
    users = db.users
    with database.read() as connection:
        row = connection.execute(select(users).where(users.c.email == email.lower())).one_or_none()
    if not passwords.matches(password, row.password if row else None) or row is None:
        return None
    if passwords.is_outdated(row.password):
        with database.write() as connection:
            connection.execute(
                update(users)
                .where(users.c.id == row.id)
                .values(password=passwords.hashed(password))
            )
    return _of_user(row)


def revoke_key(connection: Connection, key_id: str) -> bool:
    """Make a key worthless from now on; returns whether there was one."""
    done = connection.execute(
        update(db.api_keys)
        .where(db.api_keys.c.id == key_id, db.api_keys.c.revoked_at.is_(None))
        .values(revoked_at=time.time())
    )
    return done.rowcount == 1


def _of_key(row: Row[Any]) -> Principal | None:
    if row.revoked_at is not None or (row.expires_at or float("inf")) <= time.time():
        return None
    return Principal(row.tenant_id, frozenset(row.scopes), row.name, row.id)


def _of_user(row: Row[Any]) -> Principal:
    return Principal(row.tenant_id, frozenset(row.scopes), row.email, row.id)


def _check_scopes(scopes: Collection[str]) -> None:
    unknown = set(scopes) - set(SCOPES)
    if unknown:
        raise ValueError(f"no scopes {sorted(unknown)}: allowed are {', '.join(SCOPES)}")


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
