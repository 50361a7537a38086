"""What the service promises, looked for in its database, its object store and its customer."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from sqlalchemy import select

from experiments.benchmarks.serving.customer import Customer, Receiver
from serving.api.quotas import minutes_used
from serving.services import Services
from serving.storage import database as db

_ONCE = ("project.queued", "project.started", "project.completed", "clip.ready")
_NEVER = ("clip.updated", "project.failed", "project.cancelled")
# So the minutes of a quota, whose sum is taken in another order, may differ.
_ROUNDING = 1e-6


def broken(
    services: Services, tenant: str, customer: Customer, receiver: Receiver
) -> dict[str, int]:
    """How often each promise was broken.

    Args:
        services: of the server, which has nothing to do any more.
        tenant: the customer's.
        customer: who ordered.
        receiver: of its webhooks.
    """
    return {
        **_jobs(services, customer),
        **_news(services, customer),
        **_webhooks(services, receiver),
        **_quota(services, tenant),
        **_left_behind(services, tenant),
    }


def _jobs(services: Services, customer: Customer) -> dict[str, int]:
    with services.database.read() as connection:
        projects = connection.execute(select(db.projects.c.id)).scalars().all()
        jobs = connection.execute(select(db.jobs.c.project_id, db.jobs.c.state)).all()
    orders = customer.orders.values()
    rows = Counter(job.project_id for job in jobs if job.state == "done")
    return {
        "accepted jobs that did not succeed": sum(order.state != "done" for order in orders),
        "accepted jobs that have not exactly one row, and done": sum(
            rows[order.project] != 1 for order in orders
        )
        + len(jobs)
        - rows.total(),
        "requests that, repeated under their key, made another project": sum(
            same != order.project for order in orders for same in order.repeats
        )
        + len(set(projects) ^ {order.project for order in orders}),
    }


def _news(services: Services, customer: Customer) -> dict[str, int]:
    told, never, gaps = Counter[tuple[str, str, str]](), 0, 0
    with services.database.read() as connection:
        log = connection.execute(
            select(db.events.c.project_id, db.events.c.number, db.events.c.type, db.events.c.data)
        ).all()
    written = Counter(event.project_id for event in log)
    for event in log:
        never += event.type in _NEVER
        if event.type in _ONCE:
            told[(event.project_id, event.type, event.data.get("clip_id", ""))] += 1
    for order in customer.orders.values():
        numbers = [event.number for event in order.events]
        gaps += numbers != list(range(1, written[order.project] + 1))
    return {
        "news told twice": sum(count - 1 for count in told.values()),
        "news that no undisturbed run has": never,
        "watchers who missed events or had some twice": gaps,
    }


def _webhooks(services: Services, receiver: Receiver) -> dict[str, int]:
    with services.database.read() as connection:
        rows = connection.execute(select(db.deliveries.c.id, db.deliveries.c.event_id)).all()
        wanted = connection.execute(
            select(db.events.c.id).where(db.events.c.type != "project.progress")
        ).scalars()
        expected = set(wanted)
    events = [row.event_id for row in rows]
    return {
        "events without exactly one webhook": len(set(events) ^ expected)
        + len(events)
        - len(set(events)),
        "webhooks that did not come": len({row.id for row in rows} - set(receiver.bodies)),
        "webhooks that nothing planned": len(set(receiver.bodies) - {row.id for row in rows}),
        "webhooks whose body changed between tries": sum(
            len(set(bodies)) != 1 for bodies in receiver.bodies.values()
        ),
        "webhooks signed wrongly": receiver.forged,
    }


def undelivered(services: Services) -> int:
    """How many webhooks are still to be sent."""
    query = select(db.deliveries.c.id).where(db.deliveries.c.state == "waiting")
    with services.database.read() as connection:
        return len(connection.execute(query).all())


def _quota(services: Services, tenant: str) -> dict[str, int]:
    with services.database.read() as connection:
        media = dict(connection.execute(select(db.projects.c.id, db.projects.c.media)).all())
        usage = Counter(connection.execute(select(db.usage.c.project_id)).scalars())
        used = minutes_used(connection, tenant)
    due = sum(float(known["duration"]) for known in media.values()) / 60
    return {
        "jobs not charged for exactly once": sum(usage[project] != 1 for project in media)
        + len(set(usage) - set(media)),
        "quotas that are not the sum of all jobs": int(abs(used - due) > _ROUNDING),
    }


def _left_behind(services: Services, tenant: str) -> dict[str, int]:
    with services.database.read() as connection:
        files = connection.execute(select(db.clips.c.files)).scalars().all()
        files += connection.execute(select(db.projects.c.files)).scalars().all()
    named = {key for row in files for key in row.values()}
    data = services.settings.data
    root = data / "objects"
    there = _files(root / f"tenants/{tenant}/projects", root)
    return {
        "files of results that nothing names": len(there - named),
        "results that are named and not there": len(named - there),
        "work folders left": len(list((data / "work").glob("*"))),
    }


def _files(folder: Path, root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in folder.rglob("*") if path.is_file()}
