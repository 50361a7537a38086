"""Access tokens against a key, or an e-mail address and a password."""

from __future__ import annotations

from typing import Annotated, Literal

from anyio import CapacityLimiter, to_thread
from fastapi import Request
from pydantic import ConfigDict, Field, SecretStr, model_validator
from starlette.concurrency import run_in_threadpool

from serving.accounts import Principal, find_key, find_user
from serving.api.auth import Gate, address_of, unauthenticated
from serving.api.problems import Problem
from serving.api.routing import ServicesDep, router, unrepeatable
from serving.api.schemas import Given, Sent
from serving.passwords import MAX_LENGTH, Busy
from serving.services import Services

routes = router("tokens")


class Credentials(Sent):
    """An API key, or an e-mail address with its password; fewer scopes if wanted."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"api_key": "tk.key_….…"}]}
    )

    api_key: Annotated[SecretStr, Field(max_length=300)] | None = None
    email: Annotated[str, Field(max_length=254)] | None = None
    password: Annotated[SecretStr, Field(max_length=MAX_LENGTH)] | None = None
    scopes: list[Annotated[str, Field(max_length=50)]] | None = Field(None, max_length=50)

    @model_validator(mode="after")
    def _one(self) -> Credentials:
        by_user = self.email is not None and self.password is not None
        half = (self.email is None) != (self.password is None)
        if half or by_user == (self.api_key is not None):
            raise ValueError("give either api_key, or email and password")
        return self


class Token(Given):
    """A token for ``Authorization: Bearer``; ask for a new one when it ends."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"
    expires_in: int = Field(description="seconds")
    scope: str


@routes.post("/tokens", status_code=201, summary="Get an access token")
@unrepeatable
async def create_token(request: Request, body: Credentials, services: ServicesDep) -> Token:
    """Short-lived; for browsers and scripts that should not hold a key."""
    gate: Gate = request.app.state.gate
    address = address_of(request)
    who = [address] if body.email is None else [address, f"user {body.email.lower()}"]
    if body.email is not None:
        # A key has 256 bits and cannot be guessed; a password is not even looked at.
        await gate.limits.check_failures(*who)
    try:
        hashing: CapacityLimiter = request.app.state.hashing
        principal = await to_thread.run_sync(_known, services, body, limiter=hashing)
    except Busy as error:
        raise Problem(
            503,
            "busy",
            "too many sign in at once: try again",
            headers={"Retry-After": "2"},
        ) from error
    if principal is None:
        await gate.limits.check_failures(*who)
        await gate.limits.note_failure(*who)
        raise unauthenticated("this key, or this e-mail address and password, is not known")
    request.state.principal = principal
    request.state.headers = await gate.limits.take(principal.id)
    wanted = principal.scopes if body.scopes is None else frozenset(body.scopes)
    beyond = sorted(wanted - principal.scopes)
    if beyond:
        raise Problem(403, "missing_scope", f"you do not have the scopes {', '.join(beyond)}")
    token, seconds = await run_in_threadpool(gate.tokens.issue, principal, wanted)
    return Token(access_token=token, expires_in=seconds, scope=" ".join(sorted(wanted)))


def _known(services: Services, body: Credentials) -> Principal | None:
    if body.api_key is not None:
        with services.database.read() as connection:
            return find_key(connection, body.api_key.get_secret_value())
    assert body.email is not None
    assert body.password is not None
    return find_user(services.database, body.email, body.password.get_secret_value())
