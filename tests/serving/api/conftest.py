from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from serving.api.app import create_app
from serving.services import Services
from tests.serving.api.world import PlainScorer, Tenant, add_finished, add_tenant


@pytest.fixture
def scored(services: Services) -> Services:
    return replace(services, scorer=PlainScorer())


@pytest.fixture
def app(scored: Services) -> FastAPI:
    return create_app(scored)


@pytest.fixture
def mine(scored: Services) -> Tenant:
    return add_tenant(scored, "mine")


@pytest.fixture
def other(scored: Services) -> Tenant:
    return add_tenant(scored, "other")


@pytest.fixture
def anyone(app: FastAPI) -> Iterator[TestClient]:
    """A client without a key."""
    with TestClient(app) as client:
        yield client


@pytest.fixture
def client(app: FastAPI, mine: Tenant) -> Iterator[TestClient]:
    with TestClient(app, headers=mine.headers) as opened:
        yield opened


@pytest.fixture
def stranger(app: FastAPI, other: Tenant) -> Iterator[TestClient]:
    """A client of another tenant."""
    with TestClient(app, headers=other.headers) as opened:
        yield opened


@pytest.fixture
def finished(scored: Services, mine: Tenant, tmp_path: Path) -> str:
    """A project that is done, with three clips."""
    return add_finished(scored, mine, tmp_path / "made", clips=3)


@pytest.fixture
def rendered(scored: Services) -> Callable[[str], None]:
    """Ends the rendering of a changed clip, as a worker would."""

    def end(clip_id: str) -> None:
        from sqlalchemy import update

        from serving.storage import database as db

        with scored.database.write() as connection:
            connection.execute(
                update(db.clips).where(db.clips.c.id == clip_id).values(state="ready")
            )
            connection.execute(update(db.jobs).values(state="done"))

    return end
