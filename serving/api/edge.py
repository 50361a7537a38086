"""The outermost layer: request ids, headers, logs, figures, and the answer when all else fails."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, StatusCode
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.api import errors
from serving.api.logs import ACCESS, ERRORS, log
from serving.api.metrics import Metrics
from serving.net.headers import harmless
from serving.storage.ids import new_id
from serving.tracing import span

# Everything but uploads is JSON; a transcript of a day of talk fits.
MAX_BODY_BYTES = 16 << 20
UPLOADS = "/v1/uploads"
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
_SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}


class Edge:
    """ASGI layer around the whole application.

    Args:
        app: what is inside.
        metrics: where requests are counted.
        secure: whether clients reach us by https.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, *, secure: bool) -> None:
        self._app = app
        self._metrics = metrics
        self._added = dict(_SECURITY)
        if secure:
            self._added["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, WebSocket or the lifespan."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        scope["headers"] = harmless(scope["headers"])
        request_id = Headers(scope=scope).get("x-request-id") or new_id("req")
        scope.setdefault("state", {})["request_id"] = request_id
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
            return
        traces = (
            nullcontext(INVALID_SPAN)
            if scope["path"] in _QUIET
            else span(scope["method"], SpanKind.SERVER, Headers(scope=scope))
        )
        with traces as traced:
            await self._serve(scope, receive, send, request_id, traced)

    async def _serve(
        self, scope: Scope, receive: Receive, send: Send, request_id: str, traced: Span
    ) -> None:
        started = time.perf_counter()
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._add_headers(message, request_id, scope["state"].get("headers", {}))
            await send(message)

        try:
            await self._app(scope, _limited(scope, receive), answer)
        except ClientDisconnect:
            status = status or 499
        except Exception:
            log(ERRORS, "the server failed", error=True, request_id=request_id, path=scope["path"])
            if status:
                raise
            await errors.respond(errors.internal(request_id))(scope, receive, answer)
        finally:
            self._record(scope, status or 499, time.perf_counter() - started, request_id)
            _describe(traced, scope, status or 499, request_id)

    def _add_headers(self, message: Message, request_id: str, limits: Mapping[str, str]) -> None:
        message["headers"] = list(message.get("headers", ()))
        headers = MutableHeaders(raw=message["headers"])
        headers["X-Request-ID"] = request_id
        for name, value in {**self._added, **limits}.items():
            headers.setdefault(name, value)

    def _record(self, scope: Scope, status: int, seconds: float, request_id: str) -> None:
        route = getattr(scope.get("route"), "path_format", "none")
        self._metrics.count(scope["method"], route, status, seconds)
        if scope["path"] in _QUIET and status < 400:
            return
        principal = scope["state"].get("principal")
        client = scope.get("client")
        log(
            ACCESS,
            "request",
            request_id=request_id,
            method=scope["method"],
            route=route,
            path=scope["path"][:300],
            status=status,
            seconds=round(seconds, 4),
            tenant=principal.tenant_id if principal else None,
            by=principal.name if principal else None,
            project=_project(scope),
            client=client[0] if client else None,
        )


def _describe(traced: Span, scope: Scope, status: int, request_id: str) -> None:
    """Say in the request's span what is known by its end; ids and no more of the request."""
    route = getattr(scope.get("route"), "path_format", "")
    traced.update_name(f"{scope['method']} {route}".rstrip())
    traced.set_attributes(
        {
            "http.request.method": scope["method"],
            "http.route": route,
            "http.response.status_code": status,
            "talkreel.request": request_id,
        }
    )
    if status >= 500:
        traced.set_status(StatusCode.ERROR)


def _project(scope: Scope) -> Any:
    parameters = scope.get("path_params") or {}
    return scope["state"].get("project_id") or parameters.get("project_id")


def _limited(scope: Scope, receive: Receive) -> Receive:
    """``receive``, which refuses a body above the limit (uploads have their own)."""
    if scope["path"].startswith(UPLOADS):
        return receive
    total = 0

    async def limited() -> Message:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        if total > MAX_BODY_BYTES:
            raise HTTPException(413)
        return message

    return limited
