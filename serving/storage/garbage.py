"""Deleting what is stored: written down first, so that a crash leaves nothing behind."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select

from serving.services import Services
from serving.storage import database as db

# A worker that has not noticed yet that its project is gone may still write for a while.
_LATE_WRITER_SECONDS = 600.0


def delete_project(services: Services, tenant_id: str, project_id: str) -> None:
    """Remove a project, its jobs, clips and events, and every object only it needs."""
    with services.database.write() as connection:
        services.queue.cancel(connection, project_id)
        projects = db.projects
        row = connection.execute(
            delete(projects)
            .where(projects.c.id == project_id, projects.c.tenant_id == tenant_id)
            .returning(projects.c.source)
        ).one_or_none()
        if row is None:
            return
        prefixes = [f"tenants/{tenant_id}/projects/{project_id}/"]
        prefixes.append(f"tenants/{tenant_id}/sources/{project_id}/")
        key = row.source.get("key")
        if key and not is_source(connection, tenant_id, key):
            connection.execute(delete(db.uploads).where(db.uploads.c.object_key == key))
            prefixes.append(key)
        discard(connection, prefixes)
    sweep(services, prefixes)


def is_source(connection: Connection, tenant_id: str, key: str) -> bool:
    """Whether a project is made of this object."""
    projects = db.projects.c
    count = connection.execute(
        select(func.count()).where(
            projects.tenant_id == tenant_id, projects.source["key"].as_string() == key
        )
    ).scalar_one()
    return bool(count)


def discard(connection: Connection, prefixes: list[str]) -> None:
    """Write down that these objects are to go."""
    for prefix in prefixes:
        connection.execute(delete(db.garbage).where(db.garbage.c.prefix == prefix))
        connection.execute(
            insert(db.garbage).values(prefix=prefix, final_at=time.time() + _LATE_WRITER_SECONDS)
        )


def sweep(services: Services, prefixes: list[str] | None = None) -> int:
    """Remove objects that are written down (all, or these); returns how many entries are done.

    An entry stays until nobody can write under it any more.
    """
    now = time.time()
    table = db.garbage
    with services.database.read() as connection:
        query = select(table)
        if prefixes is not None:
            query = query.where(table.c.prefix.in_(prefixes))
        rows = connection.execute(query).all()
    for row in rows:
        _remove(services, row)
    done = [row.prefix for row in rows if row.final_at <= now]
    if done:
        with services.database.write() as connection:
            connection.execute(delete(table).where(table.c.prefix.in_(done)))
    return len(done)


def _remove(services: Services, row: Row[Any]) -> None:
    if row.prefix.endswith("/"):
        services.objects.delete_under(row.prefix)
    else:
        services.objects.delete(row.prefix)
