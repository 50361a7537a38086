"""Every error becomes a problem document, whoever raised it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from sqlalchemy.exc import DataError, OperationalError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from serving.api.problems import MEDIA_TYPE, Problem
from talkreel.core.errors import InputError

_MAX_SHOWN = 120
_SECRET = re.compile(r"password|api_key|secret|token|ticket", re.IGNORECASE)
_CODES = {
    400: ("bad_request", "the request cannot be read: see the API document at /docs"),
    404: ("not_found", "there is nothing at this address: see the API document at /docs"),
    405: ("method_not_allowed", "this address does not take that method: see the Allow header"),
    413: ("payload_too_large", "the body is too large: send videos through /v1/uploads"),
}


def add_handlers(app: FastAPI) -> None:
    """Make ``app`` answer every exception that a handler raises with a problem document."""
    kinds = (Problem, RequestValidationError, HTTPException, InputError, OperationalError)
    for kind in (*kinds, DataError):
        app.add_exception_handler(kind, _answer)


def respond(problem: Problem) -> Response:
    """The problem as a response."""
    body = json.dumps(problem.document, ensure_ascii=False, allow_nan=False, default=str)
    return Response(
        body.encode("utf-8", "replace"),
        status_code=problem.status,
        headers=problem.headers,
        media_type=MEDIA_TYPE,
    )


def as_problem(error: Exception) -> Problem | None:
    """What the client is told of ``error``; None when it is a defect of ours."""
    match error:
        case Problem():
            return error
        case RequestValidationError():
            return _invalid(error.errors())
        case HTTPException():
            return _from_http(error)
        case InputError():
            return Problem(422, "invalid_input", str(error))
        case DataError():
            return Problem(
                422,
                "invalid_request",
                "a value holds what cannot be stored, such as a NUL character: send plain text",
            )
        case OperationalError():
            return Problem(
                503,
                "database_busy",
                "the database does not answer: try again",
                headers={"Retry-After": "2"},
            )
    return None


def internal(request_id: str) -> Problem:
    """The answer to a defect: nothing of the inside is shown."""
    return Problem(
        500,
        "internal_error",
        f"the server failed; it is logged under request {request_id}: try again, then report it",
    )


async def _answer(request: Request, error: Exception) -> Response:
    problem = as_problem(error)
    assert problem is not None
    if problem.status == 405:
        # The router names only the methods of the first route at an address.
        problem.headers["Allow"] = ", ".join(sorted(_methods(request)))
    return respond(problem)


def _methods(request: Request) -> set[str]:
    methods: set[str] = set()
    for route in iter_route_contexts(request.app.routes):
        pattern = getattr(route, "path_regex", None)
        if pattern is not None and pattern.match(request.url.path):
            methods |= route.methods or set()
    return methods


def _from_http(error: HTTPException) -> Problem:
    code, detail = _CODES.get(error.status_code, (f"http_{error.status_code}", str(error.detail)))
    return Problem(error.status_code, code, detail, headers=error.headers)


def _invalid(errors: Sequence[Mapping[str, Any]]) -> Problem:
    fields = [_field(error) for error in errors[:20]]
    first = fields[0]
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return Problem(
        422,
        "invalid_request",
        f"{first['field']}: {first['message']}, got {first['got']}{more}",
        errors=fields,
    )


def _field(error: Mapping[str, Any]) -> dict[str, str]:
    where = ".".join(str(part) for part in error.get("loc", ()))
    got = "***" if _SECRET.search(where) else _shown(error.get("input"))
    return {"field": where or "body", "message": str(error.get("msg", "")), "got": got}


def _shown(value: Any) -> str:
    """What was sent, in short; not what is inside of it, for that may be secret."""
    if isinstance(value, dict):
        return f"an object with {', '.join(sorted(map(str, value)))}"[:_MAX_SHOWN]
    if isinstance(value, list):
        return f"a list of {len(value)}"
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "…"
