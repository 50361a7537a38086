"""Clips: list, show, download, change."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Literal

from fastapi import Depends, Header, Query, Request, Response
from sqlalchemy import Connection, Row, and_, or_, select

from serving.accounts import Principal
from serving.api import quotas, schemas, views
from serving.api.auth import require
from serving.api.files import described, send_object
from serving.api.paging import MAX_PAGE, decode_cursor, encode_cursor
from serving.api.problems import Problem
from serving.api.projects import find_project
from serving.api.routing import ServicesDep, router
from serving.edits import Change, change_edit
from serving.jobs import control
from serving.services import Services
from serving.storage import database as db
from talkreel.core.analysis import Analysis
from talkreel.core.edits import SCHEMA, Edit
from talkreel.core.errors import InputError
from talkreel.core.jsonio import document, read_document
from talkreel.core.spans import Span
from talkreel.pipeline.presets import PRESETS
from talkreel.store.analysis import read_analysis

routes = router("clips")

Reader = Annotated[Principal, Depends(require("projects:read"))]
Writer = Annotated[Principal, Depends(require("projects:write"))]
Kind = Literal["cover", "srt", "vtt", "words", "edit"]
_VIDEO = described(views.FILES["video"])
_SIDECARS = described(*(kind for name, kind in views.FILES.items() if name != "video"))


@routes.get("/projects/{project_id}/clips", summary="List a project's clips")
def list_clips(
    project_id: str,
    who: Reader,
    services: ServicesDep,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
) -> schemas.ClipPage:
    """Best first: in order of rank, then id."""
    clips = db.clips
    wanted = [clips.c.project_id == project_id, clips.c.tenant_id == who.tenant_id]
    if cursor is not None:
        rank, after = decode_cursor(cursor, int, str)
        later = and_(clips.c.rank == rank, clips.c.id > after)
        wanted.append(or_(clips.c.rank > rank, later))
    with services.database.read() as connection:
        find_project(connection, who.tenant_id, project_id)
        rows = connection.execute(
            select(clips).where(*wanted).order_by(clips.c.rank, clips.c.id).limit(limit + 1)
        ).all()
    last = rows[limit - 1] if len(rows) > limit else None
    return schemas.ClipPage(
        clips=[views.clip(row) for row in rows[:limit]],
        next=encode_cursor(last.rank, last.id) if last else None,
    )


@routes.get("/clips/{clip_id}", summary="Show a clip")
def show_clip(
    request: Request, response: Response, clip_id: str, who: Reader, services: ServicesDep
) -> schemas.Clip:
    """Scores with their reasons, files, and what was measured on the video."""
    with services.database.read() as connection:
        row = find_clip(connection, who.tenant_id, clip_id)
    request.state.project_id = row.project_id
    response.headers["ETag"] = _etag(row.revision)
    return views.clip(row)


@routes.get(
    "/clips/{clip_id}/download",
    summary="Download a clip",
    response_class=Response,
    responses=_VIDEO,
)
def download_clip(request: Request, clip_id: str, who: Reader, services: ServicesDep) -> Response:
    """The video (MP4); ranges and conditional requests are understood."""
    return _send(request, services, who, clip_id, "video")


@routes.get(
    "/clips/{clip_id}/files/{kind}",
    summary="Download what goes with a clip",
    response_class=Response,
    responses=_SIDECARS,
)
def download_file(
    request: Request, clip_id: str, kind: Kind, who: Reader, services: ServicesDep
) -> Response:
    """Cover picture, captions as SubRip or WebVTT, or the edit."""
    return _send(request, services, who, clip_id, kind)


@routes.head("/clips/{clip_id}/download", include_in_schema=False)
def head_clip(request: Request, clip_id: str, who: Reader, services: ServicesDep) -> Response:
    """Size and tag of the video."""
    return _send(request, services, who, clip_id, "video")


@routes.head("/clips/{clip_id}/files/{kind}", include_in_schema=False)
def head_file(
    request: Request, clip_id: str, kind: Kind, who: Reader, services: ServicesDep
) -> Response:
    """Size and tag of a file."""
    return _send(request, services, who, clip_id, kind)


@routes.patch("/clips/{clip_id}", status_code=202, summary="Change a clip")
def change_clip(
    request: Request,
    response: Response,
    clip_id: str,
    body: schemas.ClipChange,
    who: Writer,
    services: ServicesDep,
    if_match: Annotated[
        str | None, Header(max_length=100, description="the ETag of the clip that was changed")
    ] = None,
) -> schemas.Clip:
    """Render this clip again, changed. Until that is done its present files stay."""
    quotas.check_disk(services)
    with services.database.read() as connection:
        row = find_clip(connection, who.tenant_id, clip_id)
        project = find_project(connection, who.tenant_id, row.project_id)
    request.state.project_id = row.project_id
    _check_match(if_match, row.revision)
    edit = _changed(services, project, row, body)
    with services.database.write() as connection:
        now = find_clip(connection, who.tenant_id, clip_id, lock=True)
        if now.revision != row.revision:
            raise _outdated(now.revision)
        control.change_clip(services, connection, now, document(edit, SCHEMA))
        now = find_clip(connection, who.tenant_id, clip_id)
    response.headers["ETag"] = _etag(now.revision)
    return views.clip(now)


def find_clip(
    connection: Connection, tenant_id: str, clip_id: str, *, lock: bool = False
) -> Row[Any]:
    """A clip of this tenant.

    Raises:
        Problem: 404.
    """
    clips = db.clips
    query = select(clips).where(clips.c.id == clip_id, clips.c.tenant_id == tenant_id)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise Problem(404, "clip_not_found", f"there is no clip {clip_id[:100]!r}")
    return row


def load_analysis(services: Services, project: Row[Any]) -> Analysis:
    """What was perceived in a project's video.

    Raises:
        Problem: 409, it is not there yet.
    """
    files = project.files
    if "analysis" not in files:
        raise Problem(409, "not_ready", "the analysis is not there yet: wait until it is done")
    with TemporaryDirectory(prefix="talkreel-") as folder:
        path = Path(folder) / "analysis.json"
        try:
            services.objects.fetch(files["arrays"], path.with_suffix(".npz"))
            return read_analysis(services.objects.fetch(files["analysis"], path))
        except FileNotFoundError as error:
            raise Problem(404, "file_not_found", "the analysis is gone") from error


def _changed(
    services: Services, project: Row[Any], row: Row[Any], body: schemas.ClipChange
) -> Edit:
    edit = read_document(Edit, row.edit, SCHEMA)
    try:
        change = Change(
            title=body.title,
            spans=tuple(Span(*span) for span in body.spans) if body.spans else None,
            style=body.captions.style if body.captions else None,
            words={fix.index: fix.text for fix in body.captions.words} if body.captions else {},
            crop=body.crop.box if body.crop else None,
            aspect=body.aspect,
        )
        preset = PRESETS[project.options.get("preset", "default")]
        return change_edit(edit, change, load_analysis(services, project), preset)
    except (InputError, ValueError) as error:
        raise Problem(422, "invalid_change", str(error)) from error


def _send(
    request: Request, services: Services, who: Principal, clip_id: str, kind: str
) -> Response:
    with services.database.read() as connection:
        row = find_clip(connection, who.tenant_id, clip_id)
    request.state.project_id = row.project_id
    if kind == "edit":
        text = json.dumps(row.edit, ensure_ascii=False, indent=1)
        return Response(text, media_type="application/json", headers={"ETag": _etag(row.revision)})
    key = row.files.get(kind)
    if key is None:
        raise Problem(404, "file_not_found", f"this clip has no {kind}")
    suffix = Path(key).suffix
    return send_object(
        request, services.objects, key, views.FILES[kind], f"{row.rank:02d}-{row.id}{suffix}"
    )


def _check_match(if_match: str | None, revision: int) -> None:
    if if_match is None or if_match.strip() == "*":
        return
    if _etag(revision) not in {tag.strip().removeprefix("W/") for tag in if_match.split(",")}:
        raise _outdated(revision)


def _outdated(revision: int) -> Problem:
    return Problem(
        412,
        "clip_changed",
        f"the clip has changed meanwhile and is at revision {revision}: look at it, then change it",
        headers={"ETag": _etag(revision)},
        revision=revision,
    )


def _etag(revision: int) -> str:
    return f'"r{revision}"'
