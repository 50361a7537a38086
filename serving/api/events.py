"""What happens in a project: server-sent events, a WebSocket, and pages for polling."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import re
import secrets
import time
from contextlib import aclosing
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, Header, Query, Request, Response, WebSocket
from sqlalchemy import delete, insert
from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocketDisconnect

from serving.accounts import Principal
from serving.api import schemas
from serving.api.auth import (
    Bearer,
    Gate,
    authenticate,
    check_scope,
    require,
    unauthenticated,
)
from serving.api.problems import Problem
from serving.api.projects import find_project
from serving.api.routing import ServicesDep, router, unrepeatable
from serving.api.stream import EventStream, as_json
from serving.api.watch import Watch
from serving.services import Services
from serving.storage import database as db
from serving.storage import events

routes = router("events")

HEARTBEAT_SECONDS = 15.0
TICKET_SECONDS = 30.0
_AUTH_SECONDS = 10.0
_SCOPE = "projects:read"
# WebSocket close codes of ours, after HTTP's.
_UNAUTHENTICATED, _FORBIDDEN, _NOT_FOUND, _TOO_MANY = 4401, 4403, 4404, 4429
_NUMBER = re.compile(r"\d{1,9}\Z", re.ASCII)

Reader = Annotated[Principal, Depends(require(_SCOPE))]
_SSE = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "description": "the event's number, for Last-Event-ID"},
        "event": {"type": "string", "enum": list(events.TYPES)},
        "data": {"type": "string", "description": "the event as JSON"},
        "retry": {"type": ["integer", "string"]},
    },
}
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"schema": _SSE}}},
    204: {"description": "Nothing more will come: EventSource stops"},
}


class Ticket(schemas.Given):
    """Opens one WebSocket or one stream, once, soon: `…/ws?ticket=` or `…/events?ticket=`."""

    ticket: str
    expires_at: float


async def _watcher(
    request: Request,
    project_id: str,
    services: ServicesDep,
    _bearer: Bearer = None,
    ticket: Annotated[
        str | None, Query(max_length=100, description="instead of a key, for EventSource")
    ] = None,
) -> str:
    """The tenant who may watch this project."""
    if ticket is None:
        who = await authenticate(request)
        check_scope(request, who, _SCOPE)
        return who.tenant_id
    tenant_id = await run_in_threadpool(_redeem, services, ticket, project_id)
    if tenant_id is None:
        raise unauthenticated("this ticket is unknown, used or too old: ask for a new one")
    return tenant_id


@routes.get(
    "/projects/{project_id}/events",
    summary="Watch a project",
    response_model=schemas.EventPage,
    responses=_STREAM,
)
async def watch_project(
    request: Request,
    project_id: str,
    tenant_id: Annotated[str, Depends(_watcher)],
    services: ServicesDep,
    after: Annotated[int | None, Query(ge=0, le=2**31, description="events after this")] = None,
    limit: Annotated[int, Query(ge=1, le=500, description="of a page (JSON)")] = 200,
    last_event_id: Annotated[str | None, Header(max_length=20)] = None,
) -> Response:
    """Server-sent events from the beginning, or after `Last-Event-ID` or `?after=`, to the last.

    With `Accept: application/json` one page, for polling. EventSource in a browser takes a
    `ticket`; when it is cut off, take a new one and go on with `after`.
    """
    await run_in_threadpool(_check, services, tenant_id, project_id)
    # A reconnecting EventSource repeats its address: what it has seen since counts.
    start = max(after or 0, _number(last_event_id))
    watch: Watch = request.app.state.watch
    if "text/event-stream" not in request.headers.get("accept", "*/*") and _wants_json(request):
        page = await run_in_threadpool(_page, services, watch, tenant_id, project_id, start, limit)
        return Response(page.model_dump_json(), media_type="application/json")
    if start and await run_in_threadpool(watch.has_ended, project_id, start):
        # EventSource comes back after the end; only this stops it.
        return Response(status_code=204)
    return EventStream(watch.events(tenant_id, project_id, start, HEARTBEAT_SECONDS))


@routes.post("/projects/{project_id}/tickets", status_code=201, summary="Get a ticket to watch")
@unrepeatable
def create_ticket(project_id: str, who: Reader, services: ServicesDep) -> Ticket:
    """For browsers, whose sockets and streams cannot send a key: one use within 30 seconds."""
    _check(services, who.tenant_id, project_id)
    ticket, until = secrets.token_urlsafe(32), time.time() + TICKET_SECONDS
    with services.database.write() as connection:
        connection.execute(
            insert(db.tickets).values(
                digest=_digest(ticket),
                tenant_id=who.tenant_id,
                project_id=project_id,
                expires_at=until,
            )
        )
    return Ticket(ticket=ticket, expires_at=until)


@routes.websocket("/projects/{project_id}/ws")
async def watch_socket(socket: WebSocket, project_id: str) -> None:
    """The same events, one JSON object per message.

    Without ``?ticket=`` the first message is ``{"token": "<key or access token>", "after": 0}``.
    """
    services: Services = socket.app.state.services
    if not _same_origin(socket, services.settings.url):
        await socket.close(_FORBIDDEN, "another origin")
        return
    await socket.accept()
    try:
        admitted = await _admit(socket, services, project_id)
        if admitted is not None:
            await _feed(socket, *admitted, project_id)
            await socket.close()
    except WebSocketDisconnect:
        return


async def _admit(socket: WebSocket, services: Services, project_id: str) -> tuple[str, int] | None:
    """The tenant and the number to begin after; None when the socket was closed."""
    ticket = socket.query_params.get("ticket")
    if ticket is not None:
        tenant_id = await run_in_threadpool(_redeem, services, ticket, project_id)
        if tenant_id is None:
            await socket.close(_UNAUTHENTICATED, "this ticket is unknown, used or too old")
            return None
        return tenant_id, _number(socket.query_params.get("after"))
    try:
        text = await asyncio.wait_for(socket.receive_text(), _AUTH_SECONDS)
        message = json.loads(text)
        token, after = str(message["token"]), int(message.get("after", 0))
    except (TimeoutError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        await socket.close(_UNAUTHENTICATED, 'send {"token": "…"} first')
        return None
    try:
        gate: Gate = socket.app.state.gate
        who = await gate.admit(socket, token)
        check_scope(socket, who, _SCOPE)
        await run_in_threadpool(_check, services, who.tenant_id, project_id)
    except Problem as problem:
        codes = {403: _FORBIDDEN, 404: _NOT_FOUND, 429: _TOO_MANY}
        await socket.close(codes.get(problem.status, _UNAUTHENTICATED), problem.code)
        return None
    return who.tenant_id, max(0, min(after, 2**31))


async def _feed(socket: WebSocket, tenant_id: str, after: int, project_id: str) -> None:
    watch: Watch = socket.app.state.watch
    gone = asyncio.create_task(_until_gone(socket))
    feed = asyncio.create_task(_send_all(socket, watch, tenant_id, after, project_id))
    try:
        await asyncio.wait({gone, feed}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (gone, feed):
            task.cancel()
        await asyncio.gather(gone, feed, return_exceptions=True)
    if feed.cancelled():
        raise WebSocketDisconnect(1001)
    error = feed.exception()
    if error is not None:
        # Too slow counts as gone; it comes back with the last number it has seen.
        raise WebSocketDisconnect(1001) if isinstance(error, TimeoutError) else error


async def _send_all(
    socket: WebSocket, watch: Watch, tenant_id: str, after: int, project_id: str
) -> None:
    batches = watch.events(tenant_id, project_id, after, HEARTBEAT_SECONDS)
    async with aclosing(batches) as open_batches:  # type: ignore[type-var]
        async for batch in open_batches:
            messages = [as_json(event) for event in batch] or [{"type": "heartbeat"}]
            for message in messages:
                await asyncio.wait_for(socket.send_json(message), 2 * HEARTBEAT_SECONDS)


async def _until_gone(socket: WebSocket) -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while True:
            await socket.receive()


def _page(
    services: Services, watch: Watch, tenant_id: str, project_id: str, after: int, limit: int
) -> schemas.EventPage:
    with services.database.read() as connection:
        batch = events.read(connection, tenant_id, project_id, after, limit)
    shown = [
        schemas.EventView(number=e.number, type=e.type, data=dict(e.data), at=e.at) for e in batch
    ]
    number = batch[-1].number if batch else after
    return schemas.EventPage(events=shown, next=number, ended=watch.has_ended(project_id, number))


def _check(services: Services, tenant_id: str, project_id: str) -> None:
    with services.database.read() as connection:
        find_project(connection, tenant_id, project_id)


def _redeem(services: Services, ticket: str, project_id: str) -> str | None:
    table = db.tickets
    with services.database.write() as connection:
        row = connection.execute(
            delete(table)
            .where(table.c.digest == _digest(ticket))
            .returning(table.c.tenant_id, table.c.project_id, table.c.expires_at)
        ).one_or_none()
    if row is None or row.project_id != project_id or row.expires_at <= time.time():
        return None
    return str(row.tenant_id)


def _wants_json(request: Request) -> bool:
    return "application/json" in request.headers.get("accept", "")


def _number(text: str | None) -> int:
    return int(text) if text is not None and _NUMBER.match(text) else 0


def _same_origin(socket: WebSocket, url: str) -> bool:
    """Browsers say where a page comes from; others say nothing."""
    origin = socket.headers.get("origin")
    if origin is None:
        return True
    host = urlsplit(origin).netloc
    return host in (socket.headers.get("host"), urlsplit(url).netloc)


def _digest(ticket: str) -> str:
    return hashlib.sha256(ticket.encode("utf-8", "replace")).hexdigest()
