"""What clients ask of projects: start, cancel, do again, change a clip.

Every function works in the caller's transaction, so that a request is kept whole or not at all.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from serving.services import Services
from serving.storage import database as db
from serving.storage import events
from serving.storage.ids import new_id
from serving.storage.objects import ObjectStore

_LOG = logging.getLogger(__name__)
RETRYABLE_STATES = ("failed", "cancelled", "empty")


class WrongState(Exception):
    """The project is in a state in which this cannot be done.

    Args:
        state: the state it is in.
        message: what is allowed.
    """

    def __init__(self, state: str, message: str) -> None:
        super().__init__(message)
        self.state = state


def submit(
    services: Services,
    connection: Connection,
    tenant_id: str,
    source: Mapping[str, Any],
    options: Mapping[str, Any],
    webhook_url: str | None = None,
    project_id: str | None = None,
) -> str:
    """Add a project and its job; returns the project's id (new unless it is given)."""
    project_id = project_id or new_id("prj")
    connection.execute(
        insert(db.projects).values(
            id=project_id,
            tenant_id=tenant_id,
            source=dict(source),
            options=dict(options),
            webhook_url=webhook_url,
            state="queued",
            warnings=[],
            files={},
            created_at=time.time(),
        )
    )
    services.queue.enqueue(connection, project_id=project_id, tenant_id=tenant_id, kind="clip")
    events.append(connection, project_id, "project.queued", {})
    return project_id


def cancel(services: Services, connection: Connection, project_id: str) -> str:
    """Cancel everything that waits or runs for a project.

    Returns:
        ``cancelled`` when nothing of it ran, else ``stopping``: its worker says when it is done.

    Raises:
        KeyError: no such project.
        WrongState: nothing waits or runs.
    """
    # Jobs before projects, as the workers lock them.
    jobs = connection.execute(
        select(db.jobs.c.kind, db.jobs.c.state, db.jobs.c.payload)
        .where(db.jobs.c.project_id == project_id, db.jobs.c.state.in_(("queued", "running")))
        .with_for_update()
    ).all()
    if not jobs:
        state = _state(connection, project_id)
        raise WrongState(
            state, f"this project is {state}: only one that waits or runs is cancelled"
        )
    services.queue.cancel(connection, project_id)
    running = [job for job in jobs if job.state == "running"]
    for job in jobs:
        if job.kind == "render" and job.state == "queued":
            undo_change(connection, services.objects, job.payload["clip_id"])
    waited = any(job.kind == "clip" and job.state == "queued" for job in jobs)
    if waited and not any(job.kind == "clip" for job in running):
        mark_cancelled(connection, project_id)
    return "stopping" if running else "cancelled"


def retry(services: Services, connection: Connection, project_id: str) -> str:
    """Queue a project again, to go on from the stages that are done; returns the job's id.

    Raises:
        KeyError: no such project.
        WrongState: it is neither failed nor cancelled nor empty.
    """
    projects = db.projects
    row = connection.execute(
        update(projects)
        .where(projects.c.id == project_id, projects.c.state.in_(RETRYABLE_STATES))
        .values(
            state="queued",
            phase="",
            share=0.0,
            seconds_left=None,
            failure=None,
            warnings=[],
            finished_at=None,
        )
        .returning(projects.c.tenant_id)
    ).one_or_none()
    if row is None:
        state = _state(connection, project_id)
        raise WrongState(
            state,
            f"this project is {state}: only one that is {', '.join(RETRYABLE_STATES[:-1])} or "
            f"{RETRYABLE_STATES[-1]} can be done again",
        )
    job_id = services.queue.enqueue(
        connection, project_id=project_id, tenant_id=row.tenant_id, kind="clip"
    )
    events.append(connection, project_id, "project.retried", {})
    return job_id


def change_clip(
    services: Services, connection: Connection, clip: Row[Any], edit: Mapping[str, Any]
) -> int:
    """Queue a changed clip for rendering; returns the revision it will be.

    Until it is rendered the clip keeps its files; its ``edit`` is what was asked for last.

    Args:
        services: the queue.
        connection: the caller's transaction.
        clip: a row of the clips table.
        edit: a whole ``edit/1`` document.
    """
    revision = connection.execute(
        update(db.clips)
        .where(db.clips.c.id == clip.id)
        .values(
            revision=db.clips.c.revision + 1,
            state="rendering",
            edit=dict(edit),
            failure=None,
            updated_at=time.time(),
        )
        .returning(db.clips.c.revision)
    ).scalar_one()
    services.queue.enqueue(
        connection,
        project_id=clip.project_id,
        tenant_id=clip.tenant_id,
        kind="render",
        payload={"clip_id": clip.id, "edit": dict(edit), "revision": revision},
    )
    return int(revision)


def mark_cancelled(connection: Connection, project_id: str) -> None:
    """Write down that a project was cancelled; what is ready of it stays."""
    connection.execute(
        update(db.projects)
        .where(db.projects.c.id == project_id)
        .values(state="cancelled", seconds_left=None, finished_at=time.time())
    )
    events.append(connection, project_id, "project.cancelled", {})


def undo_change(connection: Connection, objects: ObjectStore, clip_id: str) -> None:
    """Let a clip whose change was cancelled be what its files are."""
    files = connection.execute(
        select(db.clips.c.files).where(db.clips.c.id == clip_id)
    ).scalar_one_or_none()
    if files is None:
        return
    changes: dict[str, Any] = {"state": "ready", "updated_at": time.time()}
    try:
        changes["edit"] = json.loads(b"".join(objects.read(files["edit"])))
    except FileNotFoundError:
        _LOG.warning("%s: its edit is not in the object store", clip_id)
    connection.execute(update(db.clips).where(db.clips.c.id == clip_id).values(**changes))


def _state(connection: Connection, project_id: str) -> str:
    state = connection.execute(
        select(db.projects.c.state).where(db.projects.c.id == project_id)
    ).scalar_one_or_none()
    if state is None:
        raise KeyError(project_id)
    return str(state)
