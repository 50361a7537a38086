"""Routes of the API: every POST may be repeated safely with an Idempotency-Key."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from serving.api.auth import authenticate
from serving.api.errors import as_problem, respond
from serving.api.idempotency import Claim, Ledger
from serving.api.problems import Problem
from serving.services import Services
from serving.storage.ids import new_id

KEY_HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotency-Replayed"
MAX_KEY = 255
STREAMED = "application/offset+octet-stream"
# Headers that belong to the answer itself; the others are made anew.
_KEPT_HEADERS = ("content-type", "location", "etag", "upload-offset", "upload-expires")

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class Route(APIRoute):
    """A route whose POST answers are kept and replayed."""

    def get_route_handler(self) -> Handler:
        """The handler, with replay around it for POST."""
        handler = super().get_route_handler()
        if "POST" not in (self.methods or ()) or not is_repeatable(self.endpoint):
            return handler

        async def handle(request: Request) -> Response:
            key = request.headers.get(KEY_HEADER)
            return await handler(request) if key is None else await _once(request, key, handler)

        return handle


def unrepeatable(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a POST that hands out what opens doors at once: its answers are never kept."""
    endpoint.unrepeatable = True  # type: ignore[attr-defined]
    return endpoint


def is_repeatable(endpoint: Callable[..., Any] | None) -> bool:
    """Whether a POST's answers are kept."""
    return not getattr(endpoint, "unrepeatable", False)


def router(tag: str) -> APIRouter:
    """A router of such routes."""
    return APIRouter(prefix="/v1", tags=[tag], route_class=Route)


async def services_of(request: Request) -> Services:
    """What the application was made with."""
    services: Services = request.app.state.services
    return services


ServicesDep = Annotated[Services, Depends(services_of)]


def id_for(request: Request, kind: str) -> str:
    """An id for what a request makes: the same when the request is repeated with its key.

    So a request that was cut off after it had done its work is not done twice.
    """
    claim: Claim | None = getattr(request.state, "claim", None)
    return claim.id(kind) if claim else new_id(kind)


async def _once(request: Request, key: str, handler: Handler) -> Response:
    if not 1 <= len(key) <= MAX_KEY or not key.isprintable() or not key.isascii():
        problem = Problem(
            400, "bad_idempotency_key", f"{KEY_HEADER} is 1 to {MAX_KEY} printable characters"
        )
        return respond(problem)
    try:
        principal = await authenticate(request)
        fingerprint = await _fingerprint(request)
        ledger: Ledger = request.app.state.ledger
        claim = await run_in_threadpool(ledger.claim, principal.tenant_id, key, fingerprint)
    except Problem as problem:
        return respond(problem)
    if claim.kept is not None:
        return _replay(claim)
    request.state.claim = claim
    response = None
    try:
        response = await _answered(request, handler)
    finally:
        await run_in_threadpool(_settle, ledger, claim, response)
    return response


async def _answered(request: Request, handler: Handler) -> Response:
    try:
        return await handler(request)
    except Exception as error:
        problem = as_problem(error)
        if problem is None:
            raise
        return respond(problem)


def _settle(ledger: Ledger, claim: Claim, response: Response | None) -> None:
    """Keep what was done; a refusal did nothing, so repeating it is safe and may go better."""
    if response is None or response.status_code >= 500:
        ledger.leave(claim)
    elif response.status_code >= 400:
        ledger.release(claim)
    else:
        headers = {n: response.headers[n] for n in _KEPT_HEADERS if n in response.headers}
        ledger.keep(claim, response.status_code, headers, bytes(response.body).decode())


def _replay(claim: Claim) -> Response:
    assert claim.kept is not None
    status, headers, body = claim.kept
    return Response(body.encode(), status_code=status, headers={**headers, REPLAYED_HEADER: "true"})


async def _fingerprint(request: Request) -> str:
    digest = hashlib.sha256(f"{request.method} {request.url.path}?{request.url.query}\n".encode())
    content_type = request.headers.get("content-type", "")
    for name in ("upload-length", "upload-metadata"):
        digest.update(f"{name}: {request.headers.get(name, '')}\n".encode())
    # The bytes of a file are not part of it: they go to disk as they come.
    if content_type.split(";")[0].strip().lower() != STREAMED:
        digest.update(await request.body())
    return digest.hexdigest()
