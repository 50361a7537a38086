"""Tables and how they are reached: SQLite in a file, PostgreSQL at scale."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    create_engine,
    event,
    make_url,
)

METADATA = MetaData()
# SQLite numbers rows only in INTEGER columns.
_NUMBER = BigInteger().with_variant(Integer, "sqlite")


def _tenant() -> Column[Any]:
    return Column("tenant_id", String, ForeignKey("tenants.id"), nullable=False)


def _project() -> Column[Any]:
    link = ForeignKey("projects.id", ondelete="CASCADE")
    return Column("project_id", String, link, nullable=False)


# Times are seconds since 1970, UTC.
tenants = Table(
    "tenants",
    METADATA,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("created_at", Float, nullable=False),
    Column("max_concurrent", Integer, nullable=False),
    Column("max_queued", Integer, nullable=False),
    Column("max_minutes_per_month", Float, nullable=False),
    Column("max_stored_bytes", BigInteger, nullable=False),
    # When a job of theirs was last started: who waited longest comes first.
    Column("served_at", Float, nullable=False, default=0.0),
)

users = Table(
    "users",
    METADATA,
    Column("id", String, primary_key=True),
    _tenant(),
    Column("email", String, nullable=False, unique=True),
    Column("password", String, nullable=False),  # argon2id
    Column("scopes", JSON, nullable=False),
    Column("created_at", Float, nullable=False),
)

api_keys = Table(
    "api_keys",
    METADATA,
    Column("id", String, primary_key=True),
    _tenant(),
    Column("name", String, nullable=False),
    Column("digest", String, nullable=False),  # sha256 of a 256-bit secret
    Column("scopes", JSON, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float),
    Column("revoked_at", Float),
)

uploads = Table(
    "uploads",
    METADATA,
    Column("id", String, primary_key=True),
    _tenant(),
    Column("name", String, nullable=False),
    Column("length", BigInteger, nullable=False),
    Column("received", BigInteger, nullable=False, default=0),
    Column("state", String, nullable=False),  # open, done
    Column("object_key", String),
    Column("sha256", String),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
)

projects = Table(
    "projects",
    METADATA,
    Column("id", String, primary_key=True),
    _tenant(),
    Column("source", JSON, nullable=False),
    Column("options", JSON, nullable=False),
    Column("webhook_url", String),
    # queued, running, done, empty (nothing worth a clip), failed, cancelled
    Column("state", String, nullable=False),
    Column("phase", String, nullable=False, default=""),
    Column("share", Float, nullable=False, default=0.0),
    Column("seconds_left", Float),
    Column("failure", JSON),
    Column("warnings", JSON, nullable=False, default=list),
    Column("media", JSON),  # digest, duration, width, height once probed
    Column("files", JSON, nullable=False, default=dict),  # analysis, report, … to object keys
    Column("stored_bytes", BigInteger, nullable=False, default=0),
    Column("events", Integer, nullable=False, default=0),  # how many there are in the log
    Column("created_at", Float, nullable=False),
    Column("started_at", Float),
    Column("finished_at", Float),
    Index("projects_of_tenant", "tenant_id", "id"),
)

jobs = Table(
    "jobs",
    METADATA,
    Column("number", _NUMBER, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False, unique=True),
    _project(),
    _tenant(),
    Column("kind", String, nullable=False),  # clip, render
    Column("payload", JSON, nullable=False),
    Column("state", String, nullable=False),  # queued, running, done, failed, cancelled
    Column("attempt", Integer, nullable=False, default=0),
    Column("not_before", Float, nullable=False, default=0.0),
    Column("owner", String),
    Column("leased_until", Float),
    # Raised with every lease: what an earlier holder still writes is refused.
    Column("fence", Integer, nullable=False, default=0),
    Column("cancel", Boolean, nullable=False, default=False),
    Column("failure", JSON),
    Column("created_at", Float, nullable=False),
    Index("jobs_by_state", "state", "tenant_id", "number"),
    Index("jobs_of_project", "project_id"),
)

clips = Table(
    "clips",
    METADATA,
    Column("id", String, primary_key=True),
    _project(),
    _tenant(),
    Column("rank", Integer, nullable=False),
    Column("revision", Integer, nullable=False, default=1),
    Column("state", String, nullable=False),  # ready, rendering, failed
    Column("record", JSON, nullable=False),  # as in clips/1
    Column("edit", JSON, nullable=False),  # edit/1
    Column("files", JSON, nullable=False),  # video, cover, srt, vtt to object keys
    Column("failure", JSON),
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
    Index("clips_of_project", "project_id", "rank"),
)

events = Table(
    "events",
    METADATA,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    _project(),
    _tenant(),
    Column("number", Integer, nullable=False),  # 1, 2, … within the project
    Column("type", String, nullable=False),
    Column("data", JSON, nullable=False),
    Column("at", Float, nullable=False),
    UniqueConstraint("project_id", "number"),
)

idempotency = Table(
    "idempotency",
    METADATA,
    Column("tenant_id", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("fingerprint", String, nullable=False),
    Column("state", String, nullable=False),  # open, done
    Column("status", Integer),
    Column("headers", JSON),
    Column("body", Text),
    Column("created_at", Float, nullable=False),
    # When the request under way began: an entry that a crash left open is taken over.
    Column("opened_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
)

webhook_endpoints = Table(
    "webhook_endpoints",
    METADATA,
    Column("id", String, primary_key=True),
    _tenant(),
    Column("url", String, nullable=False),
    Column("types", JSON, nullable=False),  # event types wanted, empty for all
    Column("secrets", JSON, nullable=False),  # newest first; older ones sign too until they expire
    Column("disabled_at", Float),
    Column("disabled_why", String),
    Column("created_at", Float, nullable=False),
)

deliveries = Table(
    "deliveries",
    METADATA,
    Column("id", String, primary_key=True),  # the webhook-id: the same at every attempt
    _tenant(),
    Column("event_id", _NUMBER, ForeignKey("events.id", ondelete="CASCADE"), nullable=False),
    Column("endpoint_id", String),  # None: the project's own webhook_url
    Column("url", String, nullable=False),
    Column("state", String, nullable=False),  # waiting, sent, failed
    Column("attempt", Integer, nullable=False, default=0),
    Column("next_at", Float, nullable=False),
    Column("last_status", Integer),
    Column("last_error", String),
    Column("created_at", Float, nullable=False),
    Index("deliveries_waiting", "state", "next_at"),
)

usage = Table(
    "usage",
    METADATA,
    Column("project_id", String, primary_key=True),
    Column("kind", String, primary_key=True),  # minutes
    Column("tenant_id", String, nullable=False),
    Column("amount", Float, nullable=False),
    Column("at", Float, nullable=False),
    Index("usage_of_tenant", "tenant_id", "kind", "at"),
)

# Keys that sign access tokens, in the database so that every API process knows them.
signing_keys = Table(
    "signing_keys",
    METADATA,
    Column("id", String, primary_key=True),
    Column("secret", String, nullable=False),  # 256 bits, base64url
    Column("created_at", Float, nullable=False),
)

# Single-use tickets that open a WebSocket where a browser cannot send a header.
tickets = Table(
    "tickets",
    METADATA,
    Column("digest", String, primary_key=True),  # sha256 of a 256-bit secret
    _tenant(),
    _project(),
    Column("expires_at", Float, nullable=False),
)

# Objects of deleted things: removed at once, and again later, when nobody can still write them.
garbage = Table(
    "garbage",
    METADATA,
    Column("prefix", String, primary_key=True),  # ends with "/" for all below, else one key
    Column("final_at", Float, nullable=False),
)


class Database:
    """One database, its tables made when missing.

    Args:
        url: SQLAlchemy's.
    """

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)
        with self.write() as connection:
            if not self.is_sqlite:
                # Several processes start at once; one of them makes the tables.
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7421)")
            METADATA.create_all(connection)

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file with one writer at a time."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that may write: committed at the end, undone by an exception."""
        with self.engine.connect() as connection:
            if self.is_sqlite:
                # Wait for the lock now, not at the first write, when it is too late to wait.
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                try:
                    yield connection
                except BaseException:
                    connection.exec_driver_sql("ROLLBACK")
                    raise
                connection.exec_driver_sql("COMMIT")
            else:
                with connection.begin():
                    yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reading."""
        with self.engine.connect() as connection:
            yield connection

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def _engine(url: str) -> Engine:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_engine(parsed, pool_pre_ping=True, pool_size=10, max_overflow=20)
    if parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed, isolation_level="AUTOCOMMIT", connect_args={"timeout": 30})

    @event.listens_for(engine, "connect")
    def _set_up(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return engine
