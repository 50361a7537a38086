"""Figures for Prometheus: of requests in this process, and of jobs as the database has them."""

from __future__ import annotations

import time
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from serving.jobs.queue import KINDS
from serving.storage import database as db
from serving.storage.database import Database

_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_STATES = ("queued", "running", "done", "failed", "cancelled")
# Time to the first clip is taken over the projects of the last day.
_RECENT_SECONDS = 24 * 3600.0


class Metrics:
    """Counters of one application. No label names a tenant, a project or a path."""

    def __init__(self, database: Database) -> None:
        self._registry = CollectorRegistry()
        labels = ("method", "route", "status")
        self._requests = Counter(
            "talkreel_requests", "Answered requests.", labels, registry=self._registry
        )
        self._latency = Histogram(
            "talkreel_request_seconds",
            "Time to the end of the answer.",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._registry.register(_Jobs(database))

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Note an answered request."""
        known = method if method in _METHODS else "other"
        self._requests.labels(known, route, str(status)).inc()
        self._latency.labels(known, route).observe(seconds)

    def page(self) -> bytes:
        """All figures in Prometheus' text format."""
        return generate_latest(self._registry)


class _Jobs(Collector):
    """Figures read from the database when asked for."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def describe(self) -> Iterable[Metric]:
        # Nothing to read at registration.
        return ()

    def collect(self) -> Iterable[Metric]:
        now = time.time()
        jobs = db.jobs.c
        with self._database.read() as connection:
            rows = connection.execute(
                select(jobs.kind, jobs.state, func.count(), func.min(jobs.created_at)).group_by(
                    jobs.kind, jobs.state
                )
            ).all()
            first = (
                select(func.min(db.events.c.at) - db.projects.c.created_at)
                .join(db.projects, db.projects.c.id == db.events.c.project_id)
                .where(
                    db.events.c.type == "clip.ready",
                    db.projects.c.created_at > now - _RECENT_SECONDS,
                )
                .group_by(db.projects.c.id, db.projects.c.created_at)
            )
            waits = sorted(connection.execute(first).scalars())
        yield from _job_figures({(k, s): (n, at) for k, s, n, at in rows}, now)
        yield _first_clip(waits)


def _job_figures(rows: dict[tuple[str, str], tuple[int, float]], now: float) -> Iterable[Metric]:
    count = GaugeMetricFamily("talkreel_jobs", "Jobs by state.", labels=("kind", "state"))
    age = GaugeMetricFamily(
        "talkreel_jobs_oldest_seconds", "Age of the oldest job.", labels=("kind", "state")
    )
    for kind in KINDS:
        for state in _STATES:
            number, oldest = rows.get((kind, state), (0, now))
            count.add_metric((kind, state), number)
            if state in ("queued", "running"):
                age.add_metric((kind, state), max(0.0, now - oldest))
    yield count
    yield age


def _first_clip(waits: list[float]) -> Metric:
    metric = GaugeMetricFamily(
        "talkreel_first_clip_seconds",
        "From the request to the first clip, projects of the last day.",
        labels=("quantile",),
    )
    for quantile in (0.5, 0.9, 0.99):
        if waits:
            metric.add_metric(
                (str(quantile),), waits[min(len(waits) - 1, int(quantile * len(waits)))]
            )
    return metric
