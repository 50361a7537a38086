"""What a job's life means for its project: written while the job is held, and only then.

Each function may run twice over the same job, as when the connection broke during a commit,
without anything being told twice.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from serving.jobs.control import mark_cancelled, undo_change
from serving.jobs.publish import Published, clip_news, clip_row_id
from serving.jobs.queue import Lease
from serving.services import Services
from serving.storage import database as db
from serving.storage import events


def begin(connection: Connection, lease: Lease) -> Row[Any]:
    """The project's row; a ``clip`` job's project runs from now on."""
    projects = db.projects
    row = connection.execute(select(projects).where(projects.c.id == lease.project_id)).one()
    if lease.kind == "clip" and row.state != "running":
        connection.execute(
            update(projects)
            .where(projects.c.id == lease.project_id)
            .values(state="running", started_at=row.started_at or time.time())
        )
        events.append(connection, lease.project_id, "project.started", {})
    return row


def show_progress(connection: Connection, lease: Lease, news: Mapping[str, Any]) -> None:
    """Progress of a project; ``news`` is the data of the event."""
    connection.execute(
        update(db.projects)
        .where(db.projects.c.id == lease.project_id)
        .values(phase=news["phase"], share=news["percent"] / 100, seconds_left=news["seconds_left"])
    )
    events.append(connection, lease.project_id, "project.progress", news)


def warn(connection: Connection, project_id: str, message: str) -> None:
    """A warning, kept with the project and told once."""
    warnings = connection.execute(
        select(db.projects.c.warnings).where(db.projects.c.id == project_id)
    ).scalar_one()
    if message in warnings:
        return
    connection.execute(
        update(db.projects)
        .where(db.projects.c.id == project_id)
        .values(warnings=[*warnings, message])
    )
    events.append(connection, project_id, "project.warning", {"message": message})


def saw_source(connection: Connection, lease: Lease, source: Mapping[str, Any]) -> None:
    """The source is an object whose bytes were read; it may have been a URL before."""
    connection.execute(
        update(db.projects).where(db.projects.c.id == lease.project_id).values(source=dict(source))
    )
    connection.execute(
        update(db.uploads)
        .where(db.uploads.c.object_key == source["key"], db.uploads.c.tenant_id == lease.tenant_id)
        .values(sha256=source["sha256"])
    )


def saw_media(connection: Connection, lease: Lease, media: Mapping[str, Any]) -> None:
    """What the source was found to be."""
    connection.execute(
        update(db.projects).where(db.projects.c.id == lease.project_id).values(media=dict(media))
    )


def finish_clips(
    services: Services,
    connection: Connection,
    lease: Lease,
    *,
    clip_ids: Collection[str],
    media: Mapping[str, Any],
    files: Mapping[str, str],
    stored_bytes: int,
    unused: Collection[str] = (),
) -> list[str]:
    """The project is done.

    Args:
        services: the queue.
        connection: in which the job is held.
        lease: the job.
        clip_ids: the library's ids of what was delivered.
        media: what the source is.
        files: of the whole talk, to object keys.
        stored_bytes: of everything that was made.
        unused: keys of files that a clip's row has lost.

    Returns:
        Keys of files that no row names any more.
    """
    clips = db.clips
    keep = {clip_row_id(lease.project_id, clip_id) for clip_id in clip_ids}
    rows = connection.execute(
        select(clips.c.id, clips.c.files, clips.c.revision).where(
            clips.c.project_id == lease.project_id
        )
    ).all()
    # What somebody has worked on is not taken from them.
    stale = [row for row in rows if row.id not in keep and row.revision == 1]
    connection.execute(delete(clips).where(clips.c.id.in_([row.id for row in stale])))
    _finish(
        services,
        connection,
        lease,
        {"state": "done", "clips": len(keep)},
        media=dict(media),
        files=dict(files),
        stored_bytes=stored_bytes,
    )
    kept = {key for row in rows if row not in stale for key in row.files.values()}
    removed = {key for row in stale for key in row.files.values()}
    return sorted((removed | set(unused)) - kept)


def finish_empty(
    services: Services, connection: Connection, lease: Lease, failure: Mapping[str, Any]
) -> None:
    """The talk holds nothing worth a clip; ``failure`` says why."""
    _finish(
        services,
        connection,
        lease,
        {"state": "empty", "clips": 0, "why": failure["message"]},
        failure=dict(failure),
    )


def finish_render(
    services: Services,
    connection: Connection,
    lease: Lease,
    clip: Published,
    stored_bytes: int,
) -> None:
    """The changed clip is ready."""
    row_id, revision = lease.payload["clip_id"], lease.payload["revision"]
    changed = connection.execute(
        update(db.clips)
        .where(db.clips.c.id == row_id, db.clips.c.revision == revision)
        .values(
            state="ready",
            record=clip.record,
            edit=clip.edit,
            files=clip.files,
            failure=None,
            updated_at=time.time(),
        )
    )
    connection.execute(
        update(db.projects)
        .where(db.projects.c.id == lease.project_id)
        .values(stored_bytes=stored_bytes)
    )
    if changed.rowcount == 1:  # else somebody has changed it again meanwhile
        news = clip_news(row_id, clip.record, revision)
        events.append(connection, lease.project_id, "clip.updated", news)
    services.queue.end(connection, lease, "done")


def fail(
    services: Services, connection: Connection, lease: Lease, failure: Mapping[str, Any]
) -> None:
    """The job has failed for good; one that was cancelled meanwhile is cancelled instead."""
    if _asked_to_stop(connection, lease):
        cancel(services, connection, lease)
        return
    if lease.kind == "render":
        row_id = lease.payload["clip_id"]
        connection.execute(
            update(db.clips)
            .where(db.clips.c.id == row_id, db.clips.c.revision == lease.payload["revision"])
            .values(state="failed", failure=dict(failure), updated_at=time.time())
        )
        news = {"clip_id": row_id, "failure": dict(failure)}
        events.append(connection, lease.project_id, "clip.failed", news)
    else:
        connection.execute(
            update(db.projects)
            .where(db.projects.c.id == lease.project_id)
            .values(
                state="failed",
                failure=dict(failure),
                seconds_left=None,
                finished_at=time.time(),
            )
        )
        events.append(connection, lease.project_id, "project.failed", {"failure": dict(failure)})
    services.queue.end(connection, lease, "failed", failure)


def try_again(
    services: Services,
    connection: Connection,
    lease: Lease,
    failure: Mapping[str, Any],
    after: float,
) -> None:
    """The attempt has failed; the next one is ``after`` seconds from now."""
    if _asked_to_stop(connection, lease):
        cancel(services, connection, lease)
        return
    message = (
        f"attempt {failure['attempts']} failed ({failure['cause']}): {failure['message']}; "
        f"trying again in {after:g} s"
    )
    warn(connection, lease.project_id, message)
    services.queue.put_back(connection, lease, after=after, failure=failure)


def cancel(services: Services, connection: Connection, lease: Lease) -> None:
    """The job was cancelled and nothing of it runs any more."""
    if lease.kind == "render":
        undo_change(connection, services.objects, lease.payload["clip_id"])
    else:
        mark_cancelled(connection, lease.project_id)
    services.queue.end(connection, lease, "cancelled")


def _finish(
    services: Services,
    connection: Connection,
    lease: Lease,
    news: Mapping[str, Any],
    **values: Any,
) -> None:
    connection.execute(
        update(db.projects)
        .where(db.projects.c.id == lease.project_id)
        .values(
            **{
                "state": news["state"],
                "phase": "",
                "share": 1.0,
                "seconds_left": None,
                "failure": None,
                "finished_at": time.time(),
                **values,
            }
        )
    )
    _charge(connection, lease)
    events.append(connection, lease.project_id, "project.completed", news)
    services.queue.end(connection, lease, "done")


def _charge(connection: Connection, lease: Lease) -> None:
    """Minutes of the talk, once per project however often it is done again."""
    usage, projects = db.usage, db.projects
    media = connection.execute(
        select(projects.c.media).where(projects.c.id == lease.project_id)
    ).scalar_one()
    known = connection.execute(
        select(usage.c.amount).where(
            usage.c.project_id == lease.project_id, usage.c.kind == "minutes"
        )
    ).one_or_none()
    if known is None:
        connection.execute(
            insert(usage).values(
                project_id=lease.project_id,
                kind="minutes",
                tenant_id=lease.tenant_id,
                amount=(media or {}).get("duration", 0.0) / 60,
                at=time.time(),
            )
        )


def _asked_to_stop(connection: Connection, lease: Lease) -> bool:
    return bool(
        connection.execute(
            select(db.jobs.c.cancel).where(db.jobs.c.id == lease.job_id)
        ).scalar_one()
    )
