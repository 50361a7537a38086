"""Requests that are tried again where that is safe, and answers that are checked."""

from __future__ import annotations

import json
import random
import secrets
from typing import Any, TypeVar
from urllib.parse import quote

from talkreel.client.errors import ApiError
from talkreel.client.records import read
from talkreel.client.steps import Broken, Call, Reply, Sleep, Steps

T = TypeVar("T")

ATTEMPTS = 6
_FIRST_WAIT_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 30.0
_SAFE = frozenset({"GET", "HEAD", "DELETE", "OPTIONS", "PUT"})
# The request may work later; with 429 it was not even looked at.
_BUSY = frozenset({502, 503, 504})
_TOO_MANY = 429
_IN_PROGRESS = "request_in_progress"


def post(path: str, body: Any = None, *, key: str | None = None) -> Call:
    """A POST that may be repeated: its ``Idempotency-Key`` is made here unless given."""
    headers = {"Idempotency-Key": key or secrets.token_urlsafe(18)}
    return Call("POST", path, headers=headers, json=body)


def fetched(call: Call, kind: type[T]) -> Steps[T]:
    """Send a request whose answer is a record.

    Raises:
        ApiError: it failed.
    """
    reply = yield from checked(call)
    return read_body(reply, kind)


def checked(call: Call) -> Steps[Reply]:
    """Send a request, again if need be; only a good answer comes back.

    Raises:
        ApiError: it failed.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            reply: Reply = yield call
        except Broken as error:
            if attempt == ATTEMPTS or not _is_repeatable(call):
                raise ApiError("unreachable", str(error)) from error
            yield Sleep(wait_seconds(attempt))
            continue
        if reply.status < 300:
            return reply
        error_ = problem(reply)
        if attempt == ATTEMPTS or not _worth_repeating(call, error_):
            raise error_
        yield Sleep(max(wait_seconds(attempt), retry_after(reply)))
    raise AssertionError("the last attempt returns or raises")


def problem(reply: Reply) -> ApiError:
    """The error that an answer stands for."""
    try:
        document = json.loads(reply.body)
        code, detail = str(document["code"]), str(document["detail"])
    except (ValueError, KeyError, TypeError):
        code, document = "unexpected_answer", None
        detail = f"the server answered {reply.status}, and not in the way of this API"
    return ApiError(code, detail, status=reply.status, problem=document)


def read_body(reply: Reply, kind: type[T]) -> T:
    """The record that an answer holds.

    Raises:
        ApiError: it is none.
    """
    return read_value(json_of(reply), kind, reply.status)


def read_value(value: Any, kind: type[T], status: int = 200) -> T:
    """A record from a part of an answer.

    Raises:
        ApiError: it is none.
    """
    try:
        return read(kind, value)
    except ValueError as error:
        raise ApiError("unexpected_answer", f"the server's answer is {error}", status=status) from (
            error
        )


def json_of(reply: Reply) -> Any:
    """The JSON that an answer holds.

    Raises:
        ApiError: it is none.
    """
    try:
        return json.loads(reply.body)
    except ValueError as error:
        raise ApiError(
            "unexpected_answer", "the server's answer is not JSON", status=reply.status
        ) from error


def wait_seconds(attempt: int) -> float:
    """How long to wait after a failed attempt: longer each time, and never in step with others."""
    longest = min(_LONGEST_WAIT_SECONDS, _FIRST_WAIT_SECONDS * 2.0 ** (attempt - 1))
    return longest * random.uniform(0.5, 1.0)


def retry_after(reply: Reply) -> float:
    """Seconds that the server asks to wait; 0 when it does not."""
    value = reply.headers.get("retry-after", "")
    return min(float(value), 10 * _LONGEST_WAIT_SECONDS) if value.isdecimal() else 0.0


def address(*parts: str) -> str:
    """A path of the API; a part is one segment of it, whatever it holds."""
    return "/v1/" + "/".join(quote(part, safe="") for part in parts)


def _is_repeatable(call: Call) -> bool:
    return call.method in _SAFE or "Idempotency-Key" in call.headers


def _worth_repeating(call: Call, error: ApiError) -> bool:
    if error.status == _TOO_MANY:
        return True
    return _is_repeatable(call) and (error.status in _BUSY or error.code == _IN_PROGRESS)
