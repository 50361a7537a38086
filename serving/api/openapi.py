"""The API document: what FastAPI writes, with our errors and headers on every operation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import iter_route_contexts

from serving.api.problems import MEDIA_TYPE
from serving.api.routing import KEY_HEADER, MAX_KEY, is_repeatable
from serving.api.typescript import to_typescript

DESCRIPTION = """Long talking videos in; ranked, reframed, captioned clips out.

1. Send a video to `/v1/uploads` (tus), or name its https address.
2. `POST /v1/projects` with what is to be made of it.
3. Watch `/v1/projects/{id}/events`, poll, or give a `webhook_url`: clips appear one by one.
4. `GET /v1/projects/{id}/clips`, then download them; change one with `PATCH /v1/clips/{id}`.

Errors are problem documents (RFC 9457) with a `code` that stays the same. Every POST but those for
tokens and tickets takes an `Idempotency-Key`. Times are seconds since 1970 (UTC) or seconds of the
source video.
"""
_PROBLEM: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": "An error. `code` is stable, `detail` is for people.",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
    },
    "additionalProperties": True,
    "examples": [
        {
            "type": "urn:talkreel:problem:project_not_found",
            "title": "Not Found",
            "status": 404,
            "code": "project_not_found",
            "detail": "there is no project 'prj_x'",
        }
    ],
}
_ERROR = {
    "description": "A problem document",
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_IDEMPOTENCY = {
    "name": KEY_HEADER,
    "in": "header",
    "required": False,
    "description": "The same key with the same body is done once; its answer is replayed.",
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY, "pattern": "^[!-~]+$"},
}
_TUS = {
    "name": "Tus-Resumable",
    "in": "header",
    "required": True,
    "schema": {"type": "string", "const": "1.0.0"},
}
# Where an answer names a thing: operation, status, where its id is, and the address of the thing.
_NAMED_IN = (
    ("post", "/v1/uploads/presign", "201", "upload_id", "/v1/uploads/{upload_id}"),
    ("post", "/v1/projects", "201", "id", "/v1/projects/{project_id}"),
    ("get", "/v1/projects", "200", "projects/0/id", "/v1/projects/{project_id}"),
    ("get", "/v1/projects/{project_id}/clips", "200", "clips/0/id", "/v1/clips/{clip_id}"),
    ("post", "/v1/webhooks", "201", "id", "/v1/webhooks/{id}"),
)


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI 3.1 document of ``app``."""
    document = get_openapi(
        title="talkreel",
        version="1.0.0",
        openapi_version="3.1.0",
        description=DESCRIPTION,
        routes=app.routes,
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = _PROBLEM
    repeatable = {
        route.unique_id
        for route in iter_route_contexts(app.routes)
        if "POST" in (route.methods or ()) and is_repeatable(route.endpoint)
    }
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for method, operation in _operations(document):
        responses = operation["responses"]
        responses.pop("422", None)
        responses.update({"4XX": _ERROR, "5XX": _ERROR})
        if method == "post" and operation["operationId"] in repeatable:
            operation.setdefault("parameters", []).append(_IDEMPOTENCY)
        _name_tus(operation)
    _link(document["paths"])
    return document


def typescript(document: dict[str, Any]) -> str:
    """The types of all bodies as TypeScript."""
    return to_typescript(document["components"]["schemas"])


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in document["paths"].values():
        yield from path.items()


def _name_tus(operation: dict[str, Any]) -> None:
    parameters = operation.get("parameters", [])
    for number, parameter in enumerate(parameters):
        if parameter["name"].lower() == "tus-resumable":
            parameters[number] = _TUS


def _link(paths: dict[str, Any]) -> None:
    """Say which operations take what an answer names."""
    for method, path, status, pointer, address in _NAMED_IN:
        value = f"$response.body#/{pointer}"
        name = address.partition("{")[2].removesuffix("}")
        links: dict[str, Any] = {
            operation["operationId"]: {
                "operationId": operation["operationId"],
                "parameters": {f"path.{name}": value},
            }
            for target, operations in paths.items()
            if target.startswith(address)
            for operation in operations.values()
        }
        if name == "upload_id":
            project = paths["/v1/projects"]["post"]["operationId"]
            body = {"source": {"upload_id": value}}
            links[project] = {"operationId": project, "requestBody": body}
        paths[path][method]["responses"][status]["links"] = links
