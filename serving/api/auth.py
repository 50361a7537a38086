"""Who asks, and whether they may."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from serving.accounts import SCOPES, Principal, find_key
from serving.api.limits import Limits
from serving.api.logs import ACCESS, log
from serving.api.problems import Problem
from serving.api.tokens import Tokens
from serving.storage.database import Database

_BEARER = HTTPBearer(
    auto_error=False,
    description="An API key (`tk.…`) or an access token from `POST /v1/tokens`.",
)
Bearer = Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)]
_KEY_PREFIX = "tk."


class Gate:
    """Tells who a bearer is.

    Args:
        database: of keys and users.
        tokens: reads access tokens.
        limits: counts requests and failures.
    """

    def __init__(self, database: Database, tokens: Tokens, limits: Limits) -> None:
        self._database = database
        self.tokens = tokens
        self.limits = limits

    async def admit(self, connection: HTTPConnection, bearer: str) -> Principal:
        """Who holds ``bearer``; the request is counted.

        Raises:
            Problem: 401 or 429.
        """
        principal = await run_in_threadpool(self._find, bearer)
        if principal is None:
            # Only who fails is slowed: others at the same address (a proxy's) are not locked out.
            address = address_of(connection)
            await self.limits.check_failures(address)
            await self.limits.note_failure(address)
            raise unauthenticated("this key or token is unknown, expired or revoked")
        connection.state.principal = principal
        connection.state.headers = await self.limits.take(principal.id)
        return principal

    def _find(self, bearer: str) -> Principal | None:
        if not bearer.startswith(_KEY_PREFIX):
            return self.tokens.read(bearer)
        with self._database.read() as connection:
            return find_key(connection, bearer)


def require(scope: str) -> Callable[..., Awaitable[Principal]]:
    """A dependency: who asks, if they may do what ``scope`` names."""
    if scope not in SCOPES:
        raise ValueError(f"no scope {scope!r}")

    async def check(
        request: Request,
        _bearer: Bearer = None,
    ) -> Principal:
        principal = await authenticate(request)
        check_scope(request, principal, scope)
        return principal

    return check


async def authenticate(request: Request) -> Principal:
    """Who asks, found once per request.

    Raises:
        Problem: 401 or 429.
    """
    known: Principal | None = getattr(request.state, "principal", None)
    if known is not None:
        return known
    kind, _, bearer = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not bearer.strip():
        raise unauthenticated("send `Authorization: Bearer` with an API key or an access token")
    gate: Gate = request.app.state.gate
    return await gate.admit(request, bearer.strip())


def check_scope(connection: HTTPConnection, principal: Principal, scope: str) -> None:
    """Raise 403 unless ``principal`` has ``scope``."""
    if scope in principal.scopes:
        return
    log(
        ACCESS,
        "refused: scope",
        request_id=connection.state.request_id,
        tenant=principal.tenant_id,
        by=principal.name,
        scope=scope,
    )
    has = ", ".join(sorted(principal.scopes)) or "none"
    raise Problem(
        403, "missing_scope", f"this needs the scope {scope}; this key or token has: {has}"
    )


def unauthenticated(detail: str) -> Problem:
    """401 with what to send."""
    return Problem(401, "unauthenticated", detail, headers={"WWW-Authenticate": "Bearer"})


def address_of(connection: HTTPConnection) -> str:
    """Where the request comes from."""
    return connection.client.host if connection.client else "unknown"
