"""Everything a part of the service needs, made once per process."""

from __future__ import annotations

from dataclasses import dataclass

from serving.jobs.queue import JobQueue
from serving.scoring.scores import Scorer
from serving.settings import Settings
from serving.storage.database import Database
from serving.storage.objects import ObjectStore


@dataclass(frozen=True, slots=True)
class Services:
    """What is shared.

    Attributes:
        settings: as started.
        database: metadata and the queue.
        objects: sources and results.
        queue: durable jobs.
        scorer: scores texts; None in processes that never do.
    """

    settings: Settings
    database: Database
    objects: ObjectStore
    queue: JobQueue
    scorer: Scorer | None = None


def open_services(settings: Settings, scorer: Scorer | None = None) -> Services:
    """Connect to everything ``settings`` names; folders and tables are made when missing."""
    settings.data.mkdir(parents=True, exist_ok=True)
    database = Database(settings.database)
    return Services(
        settings=settings,
        database=database,
        objects=ObjectStore(settings.objects),
        queue=JobQueue(database, lease_seconds=settings.lease_seconds),
        scorer=scorer,
    )
