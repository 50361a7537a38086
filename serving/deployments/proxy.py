"""What Serve's HTTP proxy runs before it reads a request: clients do not steer it.

The proxy obeys some headers before the API sees them, so they are taken away in the proxy itself.
Ray imports ``middlewares`` where ``RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH`` names it.
"""

from __future__ import annotations

import os

from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.net.headers import harmless

VARIABLE = "RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH"
CALLBACK = f"{__name__}:middlewares"


class Unsteered:
    """ASGI layer that takes the headers away that choose timeouts, models or replicas.

    Args:
        app: the proxy.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if "headers" in scope:
            scope["headers"] = harmless(scope["headers"])
        await self._app(scope, receive, send)


def middlewares() -> list[Middleware]:
    """For Ray, which calls it once in each proxy."""
    return [Middleware(Unsteered)]


def is_guarded() -> bool:
    """Whether proxies started from this environment run it."""
    return os.environ.get(VARIABLE) == CALLBACK
