"""Projects: make, list, show, cancel, do again, delete."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy import ColumnElement, Connection, Row, and_, func, or_, select

from serving.accounts import Principal
from serving.api import quotas, schemas, sources, views
from serving.api.auth import require
from serving.api.paging import MAX_PAGE, decode_cursor, encode_cursor
from serving.api.problems import Problem
from serving.api.routing import ServicesDep, id_for, router
from serving.jobs import control
from serving.storage import database as db
from serving.storage.garbage import delete_project

routes: APIRouter = router("projects")

Reader = Annotated[Principal, Depends(require("projects:read"))]
Writer = Annotated[Principal, Depends(require("projects:write"))]


def find_project(connection: Connection, tenant_id: str, project_id: str) -> Row[Any]:
    """A project of this tenant.

    Raises:
        Problem: 404; another tenant's is as unknown as one that never was.
    """
    projects = db.projects
    row = connection.execute(
        select(projects).where(projects.c.id == project_id, projects.c.tenant_id == tenant_id)
    ).one_or_none()
    if row is None:
        raise Problem(404, "project_not_found", f"there is no project {project_id[:100]!r}")
    return row


@routes.post("/projects", status_code=201, summary="Make clips of a video")
def create_project(
    request: Request,
    response: Response,
    body: schemas.NewProject,
    who: Writer,
    services: ServicesDep,
) -> schemas.Project:
    """Queue a project. Its clips appear one by one; watch its events or give a `webhook_url`."""
    project_id = id_for(request, "prj")
    request.state.project_id = project_id
    response.headers["Location"] = f"/v1/projects/{project_id}"
    with services.database.read() as connection:
        row = _one(connection, project_id)
        if row is not None:
            # The first try of this very request was cut off after it had done its work.
            return views.project(row, _clips(connection, [project_id]).get(project_id, 0))
    options = sources.check_options(body.options)
    url = None if body.webhook_url is None else sources.check_address(services, body.webhook_url)
    quotas.check_disk(services)
    source = sources.resolve(services, who.tenant_id, body.source)
    with services.database.write() as connection:
        quotas.check_project(connection, who.tenant_id)
        control.submit(services, connection, who.tenant_id, source, options, url, project_id)
        return views.project(find_project(connection, who.tenant_id, project_id), 0)


@routes.get("/projects", summary="List projects")
def list_projects(
    who: Reader,
    services: ServicesDep,
    source: Annotated[
        str | None,
        Query(max_length=2000, description="name, address, sha256, upload id or object key"),
    ] = None,
    state: schemas.State | None = None,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
) -> schemas.ProjectPage:
    """Newest first."""
    projects = db.projects
    wanted = [projects.c.tenant_id == who.tenant_id]
    if source is not None:
        wanted.append(_has_source(who.tenant_id, source))
    if state is not None:
        wanted.append(projects.c.state == state)
    if cursor is not None:
        wanted.append(projects.c.id < decode_cursor(cursor, str)[0])
    with services.database.read() as connection:
        rows = connection.execute(
            select(projects).where(and_(*wanted)).order_by(projects.c.id.desc()).limit(limit + 1)
        ).all()
        clips = _clips(connection, [row.id for row in rows])
    shown = [views.project(row, clips.get(row.id, 0)) for row in rows[:limit]]
    more = encode_cursor(rows[limit - 1].id) if len(rows) > limit else None
    return schemas.ProjectPage(projects=shown, next=more)


@routes.get("/projects/{project_id}", summary="Show a project")
def show_project(project_id: str, who: Reader, services: ServicesDep) -> schemas.Project:
    """State, progress, and why it failed if it did."""
    with services.database.read() as connection:
        row = find_project(connection, who.tenant_id, project_id)
        return views.project(row, _clips(connection, [row.id]).get(row.id, 0))


@routes.post("/projects/{project_id}/cancel", status_code=202, summary="Cancel a project")
def cancel_project(project_id: str, who: Writer, services: ServicesDep) -> schemas.Project:
    """Stop what waits or runs; what is ready stays. Cancelling twice is no error."""
    with services.database.write() as connection:
        row = find_project(connection, who.tenant_id, project_id)
        if row.state != "cancelled":
            _allowed(lambda: control.cancel(services, connection, project_id))
        row = find_project(connection, who.tenant_id, project_id)
        return views.project(row, _clips(connection, [row.id]).get(row.id, 0))


@routes.post("/projects/{project_id}/retry", status_code=202, summary="Do a project again")
def retry_project(project_id: str, who: Writer, services: ServicesDep) -> schemas.Project:
    """Go on from where it stopped: stages that were done are not done again."""
    quotas.check_disk(services)
    with services.database.write() as connection:
        row = find_project(connection, who.tenant_id, project_id)
        if row.state not in ("queued", "running"):
            quotas.check_project(connection, who.tenant_id)
            _allowed(lambda: control.retry(services, connection, project_id))
        row = find_project(connection, who.tenant_id, project_id)
        return views.project(row, _clips(connection, [row.id]).get(row.id, 0))


@routes.delete("/projects/{project_id}", status_code=204, summary="Delete a project")
def remove_project(project_id: str, who: Writer, services: ServicesDep) -> Response:
    """Cancel it and remove everything of it, its source too unless another project uses it."""
    with services.database.read() as connection:
        find_project(connection, who.tenant_id, project_id)
    delete_project(services, who.tenant_id, project_id)
    return Response(status_code=204)


def _allowed(action: Any) -> None:
    try:
        action()
    except control.WrongState as error:
        raise Problem(409, "wrong_state", str(error), state=error.state) from error


def _one(connection: Connection, project_id: str) -> Row[Any] | None:
    projects = db.projects
    return connection.execute(select(projects).where(projects.c.id == project_id)).one_or_none()


def _clips(connection: Connection, project_ids: list[str]) -> dict[str, int]:
    clips = db.clips.c
    rows = connection.execute(
        select(clips.project_id, func.count())
        .where(clips.project_id.in_(project_ids))
        .group_by(clips.project_id)
    )
    return {project_id: count for project_id, count in rows}


def _has_source(tenant_id: str, text: str) -> ColumnElement[bool]:
    source = db.projects.c.source
    key = source["key"].as_string()
    same = [source[name].as_string() == text for name in ("name", "url", "sha256")]
    folder = f"tenants/{tenant_id}/sources/{text}/"
    return or_(*same, key == text, key.startswith(folder, autoescape=True))
