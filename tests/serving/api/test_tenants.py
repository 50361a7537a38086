"""One tenant never sees or changes anything of another's, on any route there is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from sqlalchemy import select
from starlette.testclient import TestClient

from serving.api.tus import VERSION
from serving.services import Services
from serving.storage import database as db
from tests.serving.api.world import Tenant, add_finished, add_queued, clip_of

TUS = {"Tus-Resumable": VERSION, "Content-Type": "application/offset+octet-stream"}
# Routes that say the same to everybody, and need no key.
OPEN = {
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("GET", "/docs"),
    ("GET", "/openapi.json"),
    ("GET", "/types.ts"),
    ("OPTIONS", "/v1/uploads"),
    ("OPTIONS", "/v1/uploads/{_upload_id}"),
    ("POST", "/v1/tokens"),  # takes its key in the body
}
# What makes these routes work for their owner: without it a 404 would prove nothing.
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/v1/projects"): {"json": {"source": {"url": "https://example.com/a.mp4"}}},
    ("POST", "/v1/score"): {"json": {"text": "Hello"}},
    ("POST", "/v1/hooks/rank"): {"json": {"hooks": ["a", "b"]}},
    ("POST", "/v1/uploads"): {"headers": TUS | {"Upload-Length": "10"}},
    ("POST", "/v1/uploads/presign"): {"json": {"name": "a.mp4", "length": 10}},
    ("POST", "/v1/webhooks"): {"json": {"url": "https://example.com/hook"}},
    ("PATCH", "/v1/clips/{clip_id}"): {"json": {"title": "Mine"}},
    ("HEAD", "/v1/uploads/{upload_id}"): {"headers": TUS},
    ("PATCH", "/v1/uploads/{upload_id}"): {
        "headers": TUS | {"Upload-Offset": "0"},
        "content": b"x",
    },
}
# Done last.
ENDING = {"DELETE"}


def routes(app: FastAPI) -> Iterator[tuple[str, str]]:
    for route in iter_route_contexts(app.routes):
        for method in sorted(route.methods or ()):
            assert route.path is not None
            yield method, route.path


@pytest.fixture
def things(client: TestClient, scored: Services, mine: Tenant, tmp_path: Path) -> dict[str, str]:
    """One of everything, by the names that the routes have for them."""
    finished = add_finished(scored, mine, tmp_path / "a")
    made = client.post("/v1/uploads", headers=TUS | {"Upload-Length": "10"})
    hook = client.post("/v1/webhooks", json={"url": "https://example.com/secret-hook"})
    assert hook.status_code == 201, hook.text
    add_queued(scored, mine, "secret-name.mp4")
    with scored.database.read() as connection:
        delivery = connection.execute(select(db.deliveries.c.id)).scalar_one()
    return {
        "project_id": finished,
        "clip_id": clip_of(finished),
        "upload_id": made.headers["location"].rsplit("/", 1)[1],
        "webhooks": hook.json()["id"],
        "deliveries": delivery,
        "kind": "cover",
    }


def address(path: str, things: dict[str, str]) -> str:
    return "/".join(things[name] if part.startswith("{") else part for part, name in parts(path))


def parts(path: str) -> list[tuple[str, str]]:
    """The parts of a path, each with the name of the thing it stands for if it is a place."""
    whole = path.split("/")
    return [
        (part, before if part == "{id}" else part.strip("{}"))
        for before, part in zip(["", *whole], whole, strict=False)
    ]


def test_every_route_is_known_here(app: FastAPI, things: dict[str, str]) -> None:
    """A new route must name its things as the old ones do, or be put into OPEN."""
    known = set(things)
    for method, path in routes(app):
        named = {name for part, name in parts(path) if part.startswith("{")}
        assert (method, path) in OPEN or named <= known, path


def test_every_route_asks_who_is_there(
    app: FastAPI, anyone: TestClient, things: dict[str, str]
) -> None:
    for method, path in routes(app):
        if (method, path) in OPEN:
            continue
        answer = anyone.request(method, address(path, things), **BODIES.get((method, path), {}))
        assert answer.status_code == 401, (method, path)


def test_everything_of_others_is_404(
    app: FastAPI,
    client: TestClient,
    stranger: TestClient,
    scored: Services,
    things: dict[str, str],
) -> None:
    before = _contents(scored)
    checked = 0
    for method, path in routes(app):
        if "{" not in path or (method, path) in OPEN:
            continue
        answer = stranger.request(method, address(path, things), **BODIES.get((method, path), {}))
        assert answer.status_code == 404, (method, path, answer.status_code, answer.text)
        checked += 1
    assert checked >= 15
    assert _contents(scored) == before
    score = stranger.post("/v1/score", json={"clip_id": things["clip_id"]})
    assert score.status_code == 404
    used = stranger.post("/v1/projects", json={"source": {"upload_id": things["upload_id"]}})
    assert used.status_code == 404


def test_the_owner_is_not_refused(app: FastAPI, client: TestClient, things: dict[str, str]) -> None:
    """The same requests work for the owner: the 404s above are not for another reason."""
    ordered = sorted(routes(app), key=lambda route: route[0] in ENDING)
    for method, path in ordered:
        # A stream has no end here, and a test of a webhook goes out to the world.
        if (method, path) in OPEN or path.endswith(("/events", "/ws", "/test")):
            continue
        arguments = BODIES.get((method, path), {})
        answer = client.request(method, address(path, things), **arguments)
        assert answer.status_code not in (401, 403, 404, 405, 500), (method, path, answer.text)


def test_lists_hold_nothing_of_others(
    client: TestClient, stranger: TestClient, things: dict[str, str]
) -> None:
    for url in ("/v1/projects", "/v1/webhooks"):
        assert "secret" in client.get(url).text
        theirs = stranger.get(url)
        assert theirs.status_code == 200
        assert "secret" not in theirs.text


def test_logs_and_figures_name_no_tenant(
    client: TestClient, anyone: TestClient, mine: Tenant, things: dict[str, str]
) -> None:
    client.get(f"/v1/projects/{things['project_id']}")
    page = anyone.get("/metrics").text
    assert mine.id not in page
    assert things["project_id"] not in page
    assert 'route="/v1/projects/{project_id}"' in page


def _contents(services: Services) -> str:
    """All rows of what belongs to tenants."""
    tables = (db.projects, db.jobs, db.clips, db.events, db.uploads, db.webhook_endpoints)
    with services.database.read() as connection:
        rows = [[list(row) for row in connection.execute(select(table))] for table in tables]
    return json.dumps(rows, default=str)
