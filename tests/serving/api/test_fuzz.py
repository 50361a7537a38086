"""Requests made up from the API document, sent by two tenants: no server error, no leak."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy import update
from starlette.testclient import TestClient

from serving.api.app import create_app
from serving.services import Services, open_services
from serving.settings import Settings
from serving.storage import database as db
from tests.serving.api.world import PlainScorer, Tenant, add_finished, add_tenant, clip_of
from tests.serving.servers import Postgres, postgres

__all__ = ["postgres"]

EXAMPLES = 6
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@schemathesis.serializer("application/offset+octet-stream")
def as_bytes(_context: Any, value: Any) -> dict[str, Any]:
    return {"data": value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")}


@dataclass(frozen=True)
class World:
    """An app, its two tenants, and what the first one has."""

    app: FastAPI
    services: Services
    mine: Tenant
    other: Tenant
    things: dict[str, str]

    def settle(self) -> None:
        """Let no job wait: the events of a project with one have no end."""
        with self.services.database.write() as connection:
            connection.execute(update(db.jobs).values(state="done"))


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    folder, url = tmp_path, ""
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        url = server.create(tmp_path.name)
    config = Settings(
        data=folder / "data", database_url=url, min_free_bytes=0, requests_per_minute=10**6
    )
    services = replace(open_services(config), scorer=PlainScorer())
    mine, other = add_tenant(services, "mine"), add_tenant(services, "other")
    project_id = add_finished(services, mine, folder / "made", clips=2)
    app = create_app(services)
    with TestClient(app, headers=mine.headers) as client:
        upload = client.post("/v1/uploads/presign", json={"name": "a.mp4", "length": 10}).json()
        hook = client.post("/v1/webhooks", json={"url": "https://example.com/hook"}).json()
        things = {
            "project_id": project_id,
            "clip_id": clip_of(project_id),
            "upload_id": upload["upload_id"],
            "id": hook["id"],
        }
        yield World(app, services, mine, other, things)
    services.database.close()


def test_made_up_requests(world: World) -> None:
    """Every operation but those that end what the others are about, or go out to the world."""
    schema = schemathesis.openapi.from_asgi("/openapi.json", world.app)
    tried = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.method.upper() != "DELETE" and not operation.path.endswith("/test"):
            tried += 1
            world.settle()
            _try(operation, world)
    assert tried > 20


def _try(operation: Any, world: World) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def send(case: Any) -> None:
        made_up = dict(case.path_parameters or {})
        known = {name: world.things.get(name, value) for name, value in made_up.items()}
        for tenant, parameters in (
            (world.mine, known),
            (world.mine, made_up),
            (world.other, known),
        ):
            case.path_parameters = parameters
            answer = case.call(headers=tenant.headers)
            case.validate_response(answer, checks=CHECKS)
            if tenant is world.other and parameters:
                assert answer.status_code >= 400, (operation.label, answer.status_code)
                assert world.mine.id not in answer.text

    send()
