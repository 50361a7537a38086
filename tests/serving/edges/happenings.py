"""Projects without jobs, and events of theirs, for tests of what is told of them."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import insert

from serving.services import Services
from serving.storage import database as db
from serving.storage import events
from serving.storage.ids import new_id


def add_project(services: Services, tenant: str, webhook_url: str | None = None) -> str:
    """A queued project; returns its id."""
    project_id = new_id("prj")
    with services.database.write() as connection:
        connection.execute(
            insert(db.projects).values(
                id=project_id,
                tenant_id=tenant,
                source={},
                options={},
                webhook_url=webhook_url,
                state="queued",
                created_at=time.time(),
            )
        )
    return project_id


def happens(services: Services, project_id: str, type_: str = "clip.ready", **data: Any) -> None:
    """Write an event."""
    with services.database.write() as connection:
        events.append(connection, project_id, type_, data)
