"""What a tenant may still ask for."""

from __future__ import annotations

import shutil
import time
from datetime import UTC, datetime

from sqlalchemy import Connection, func, select

from serving.api.problems import Problem
from serving.services import Services
from serving.storage import database as db


def check_disk(services: Services, more: int = 0) -> None:
    """Refuse work that the disk has no room for.

    Args:
        services: settings say where and how much must stay free.
        more: bytes that are about to be written.

    Raises:
        Problem: 507.
    """
    free = shutil.disk_usage(services.settings.data).free
    if free - more < services.settings.min_free_bytes:
        raise Problem(
            507,
            "disk_full",
            "the server is short of disk space: try again later, or delete projects",
            headers={"Retry-After": "60"},
        )


def check_project(connection: Connection, tenant_id: str) -> None:
    """Refuse another project of a tenant that has used up what it may.

    Raises:
        Problem: 429 for waiting projects, 402 for minutes and bytes.
    """
    tenant = connection.execute(select(db.tenants).where(db.tenants.c.id == tenant_id)).one()
    projects = db.projects.c
    queued = connection.execute(
        select(func.count()).where(projects.tenant_id == tenant_id, projects.state == "queued")
    ).scalar_one()
    if queued >= tenant.max_queued:
        raise Problem(
            429,
            "too_many_queued",
            f"{queued} projects wait, which is the most you may queue: wait for one to start",
            headers={"Retry-After": "30"},
        )
    minutes = minutes_used(connection, tenant_id)
    if minutes >= tenant.max_minutes_per_month:
        raise Problem(
            402,
            "minutes_used_up",
            f"{minutes:.0f} of {tenant.max_minutes_per_month:g} minutes of this month are used: "
            "wait for the next month (UTC) or ask for more",
        )
    check_storage(connection, tenant_id, 0, int(tenant.max_stored_bytes))


def check_storage(
    connection: Connection, tenant_id: str, more: int, limit: int | None = None
) -> None:
    """Refuse ``more`` bytes on top of what a tenant stores.

    Raises:
        Problem: 402.
    """
    if limit is None:
        limit = connection.execute(
            select(db.tenants.c.max_stored_bytes).where(db.tenants.c.id == tenant_id)
        ).scalar_one()
    stored = stored_bytes(connection, tenant_id)
    if stored + more > limit:
        raise Problem(
            402,
            "storage_used_up",
            f"{stored / 1e9:.2f} GB are stored and {limit / 1e9:.2f} GB are allowed: delete "
            "projects or uploads, or ask for more",
        )


def minutes_used(connection: Connection, tenant_id: str, now: float | None = None) -> float:
    """Minutes of video processed since the month began (UTC)."""
    today = datetime.fromtimestamp(now or time.time(), UTC)
    month = today.replace(day=1, hour=0, minute=0, second=0, microsecond=0).timestamp()
    usage = db.usage.c
    amount = connection.execute(
        select(func.sum(usage.amount)).where(
            usage.tenant_id == tenant_id, usage.kind == "minutes", usage.at >= month
        )
    ).scalar_one()
    return float(amount or 0.0)


def stored_bytes(connection: Connection, tenant_id: str) -> int:
    """Bytes of a tenant's uploads, whole or under way, and results."""
    projects, uploads = db.projects.c, db.uploads.c
    results = connection.execute(
        select(func.sum(projects.stored_bytes)).where(projects.tenant_id == tenant_id)
    ).scalar_one()
    sources = connection.execute(
        select(func.sum(uploads.length)).where(uploads.tenant_id == tenant_id)
    ).scalar_one()
    return int(results or 0) + int(sources or 0)
