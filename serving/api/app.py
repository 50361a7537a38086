"""The HTTP API as an ASGI application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio import CapacityLimiter
from fastapi import FastAPI, Response
from starlette.responses import JSONResponse

from serving.api import (
    clips,
    docs,
    events,
    health,
    openapi,
    projects,
    results,
    scoring,
    sessions,
    uploads,
    webhooks,
)
from serving.api.auth import Gate
from serving.api.edge import Edge
from serving.api.errors import add_handlers
from serving.api.idempotency import Ledger
from serving.api.limits import Limits
from serving.api.logs import set_up_logs
from serving.api.metrics import Metrics
from serving.api.tokens import Tokens
from serving.api.watch import Watch
from serving.services import Services
from serving.tracing import set_up_tracing

_SIGN_INS = 8
_ROUTERS = (
    projects.routes,
    clips.routes,
    results.routes,
    events.routes,
    uploads.routes,
    scoring.routes,
    sessions.routes,
    webhooks.router,
    health.routes,
)


def create_app(services: Services) -> FastAPI:
    """The whole API over these services; any number of processes may serve it at once."""
    set_up_logs()
    set_up_tracing("talkreel-api")
    watch, limits = Watch(services.database), Limits(services.settings)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await watch.close()
        await limits.close()

    # The pages at /docs are ours: FastAPI's load their scripts from elsewhere.
    app = FastAPI(
        title="talkreel",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    tokens = Tokens(services.database, services.settings.token_seconds)
    app.state.services = services
    app.state.watch = watch
    # Signing in waits in threads of its own, so that nobody else waits behind it.
    app.state.hashing = CapacityLimiter(_SIGN_INS)
    app.state.gate = Gate(services.database, tokens, limits)
    app.state.ledger = Ledger(services.database, services.settings)
    app.state.metrics = Metrics(services.database)
    add_handlers(app)
    secure = services.settings.url.startswith("https://")
    app.add_middleware(Edge, metrics=app.state.metrics, secure=secure)
    for router in _ROUTERS:
        app.include_router(router)
    _add_documents(app)
    return app


def _add_documents(app: FastAPI) -> None:
    document = openapi.describe(app)
    html = docs.page(document)
    types = openapi.typescript(document)
    app.openapi = lambda: document  # type: ignore[method-assign]

    @app.get("/openapi.json", include_in_schema=False)
    def show_document() -> JSONResponse:
        return JSONResponse(document)

    @app.get("/docs", include_in_schema=False)
    def show_docs() -> Response:
        headers = {"Content-Security-Policy": docs.POLICY}
        return Response(html, media_type="text/html", headers=headers)

    @app.get("/types.ts", include_in_schema=False)
    def show_types() -> Response:
        return Response(types, media_type="text/plain; charset=utf-8")
