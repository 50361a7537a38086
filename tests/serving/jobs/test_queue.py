"""The durable queue, on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
import time
from collections import Counter

import pytest
from sqlalchemy import func, select, update

from serving.accounts import create_tenant
from serving.jobs import control
from serving.jobs.queue import FencedOut, JobQueue, Lease
from serving.services import Services
from serving.storage import database as db
from serving.storage.ids import new_id

SOURCE = {"kind": "object", "key": "k", "name": "talk.mp4"}


def add_tenant(services: Services, max_concurrent: int = 100) -> str:
    settings = services.settings.model_copy(update={"max_concurrent_projects": max_concurrent})
    with services.database.write() as connection:
        return create_tenant(connection, new_id("name"), settings)


def submit(services: Services, tenant: str, count: int = 1) -> list[str]:
    with services.database.write() as connection:
        return [control.submit(services, connection, tenant, SOURCE, {}) for _ in range(count)]


def lease(services: Services, owner: str = "w") -> Lease:
    found = services.queue.lease(owner)
    assert found is not None
    return found


def end(services: Services, held: Lease, state: str = "done") -> None:
    with services.queue.holding(held) as connection:
        services.queue.end(connection, held, state)


def test_a_job_is_held_by_one_worker_until_it_ends(any_services: Services) -> None:
    (project,) = submit(any_services, add_tenant(any_services))
    held = lease(any_services)
    assert (held.project_id, held.kind, held.attempt, held.failures) == (project, "clip", 1, 0)
    assert any_services.queue.lease("other") is None
    end(any_services, held)
    assert any_services.queue.lease("other") is None
    with pytest.raises(FencedOut):
        any_services.queue.extend(held)


def test_a_thousand_jobs_of_one_tenant_delay_another_by_at_most_one(
    any_services: Services,
) -> None:
    greedy, modest = add_tenant(any_services), add_tenant(any_services)
    submit(any_services, greedy, 1000)
    first = lease(any_services)  # the greedy one's work is under way
    (wanted,) = submit(any_services, modest)
    second = lease(any_services)
    assert second.project_id == wanted
    end(any_services, first)
    end(any_services, second)
    submit(any_services, modest, 3)
    turns = []
    for _ in range(6):
        held = lease(any_services)
        turns.append(held.tenant_id)
        end(any_services, held)
    assert turns == [greedy, modest] * 3


def test_a_tenant_runs_no_more_at_once_than_allowed(any_services: Services) -> None:
    tenant = add_tenant(any_services, max_concurrent=2)
    submit(any_services, tenant, 5)
    one, _ = lease(any_services), lease(any_services)
    assert any_services.queue.lease("w") is None
    end(any_services, one)
    assert any_services.queue.lease("w") is not None
    assert any_services.queue.lease("w") is None


def expire(services: Services, held: Lease) -> None:
    with services.database.write() as connection:
        connection.execute(
            update(db.jobs).where(db.jobs.c.id == held.job_id).values(leased_until=time.time() - 1)
        )


def test_a_lost_job_goes_to_another_and_the_first_can_write_nothing(
    any_services: Services,
) -> None:
    submit(any_services, add_tenant(any_services), 2)
    paused = lease(any_services, "paused")
    expire(any_services, paused)
    heir = lease(any_services, "heir")
    assert (heir.job_id, heir.attempt) == (paused.job_id, 2)
    assert heir.fence > paused.fence
    with pytest.raises(FencedOut), any_services.queue.holding(paused):
        pytest.fail("a paused worker got to write")
    with pytest.raises(FencedOut):
        any_services.queue.extend(paused)
    with pytest.raises(FencedOut):
        any_services.queue.asked_to_stop(paused)
    assert any_services.queue.extend(heir) is False
    end(any_services, heir)


def test_a_renewed_lease_does_not_run_out(any_services: Services) -> None:
    submit(any_services, add_tenant(any_services))
    held = lease(any_services)
    expire(any_services, held)
    any_services.queue.extend(held)
    assert any_services.queue.lease("other") is None


def test_a_failed_attempt_waits_and_is_counted(any_services: Services) -> None:
    submit(any_services, add_tenant(any_services))
    held = lease(any_services)
    with any_services.queue.holding(held) as connection:
        any_services.queue.put_back(connection, held, after=0.4, failure={"attempts": 1})
    assert any_services.queue.lease("w") is None
    time.sleep(0.5)
    again = lease(any_services)
    assert (again.attempt, again.failures) == (2, 1)


def test_a_job_given_back_counts_no_attempt(any_services: Services) -> None:
    submit(any_services, add_tenant(any_services))
    held = lease(any_services)
    with any_services.queue.holding(held) as connection:
        any_services.queue.give_back(connection, held)
    again = lease(any_services)
    assert (again.attempt, again.failures) == (1, 0)
    assert again.fence > held.fence


def test_cancelling_ends_what_waits_and_asks_what_runs(any_services: Services) -> None:
    tenant = add_tenant(any_services)
    waiting, running = submit(any_services, tenant, 2)
    # The older one is taken first.
    held = lease(any_services)
    assert held.project_id == waiting
    waiting, running = running, waiting
    with any_services.database.write() as connection:
        assert control.cancel(any_services, connection, waiting) == "cancelled"
        assert control.cancel(any_services, connection, running) == "stopping"
    assert any_services.queue.asked_to_stop(held) is True
    assert any_services.queue.extend(held) is True
    assert any_services.queue.lease("w") is None
    with any_services.database.write() as connection:
        with pytest.raises(control.WrongState, match="is cancelled: only one that waits"):
            control.cancel(any_services, connection, waiting)
        with pytest.raises(KeyError):
            control.cancel(any_services, connection, "prj_none")


def test_what_failed_is_done_again_and_what_runs_is_not(any_services: Services) -> None:
    tenant = add_tenant(any_services)
    (project,) = submit(any_services, tenant)
    with any_services.database.write() as connection:
        with pytest.raises(control.WrongState, match="is queued: only one that is failed"):
            control.retry(any_services, connection, project)
        control.cancel(any_services, connection, project)
        job = control.retry(any_services, connection, project)
        state = connection.execute(
            select(db.projects.c.state).where(db.projects.c.id == project)
        ).scalar_one()
    assert state == "queued"
    assert lease(any_services).job_id == job


def test_a_rolled_back_request_leaves_no_job(any_services: Services) -> None:
    tenant = add_tenant(any_services)

    def fail_after_submitting() -> None:
        with any_services.database.write() as connection:
            control.submit(any_services, connection, tenant, SOURCE, {})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_after_submitting()
    assert any_services.queue.lease("w") is None


def test_hammering_workers_never_hold_one_job_at_once(any_services: Services) -> None:
    # However busy this machine is, no lease runs out meanwhile.
    queue = JobQueue(any_services.database, lease_seconds=600.0)
    tenants = [add_tenant(any_services, max_concurrent=2) for _ in range(3)]
    for tenant in tenants:
        submit(any_services, tenant, 12)
    taken: Counter[str] = Counter()
    at_once: dict[str, set[str]] = {tenant: set() for tenant in tenants}
    most: Counter[str] = Counter()
    lock = threading.Lock()

    def hammer(name: str) -> None:
        while True:
            held = queue.lease(name)
            if held is None:
                with lock:
                    if sum(taken.values()) >= 36:
                        return
                time.sleep(0.002)
                continue
            with lock:
                taken[held.job_id] += 1
                at_once[held.tenant_id].add(held.job_id)
                most[held.tenant_id] = max(most[held.tenant_id], len(at_once[held.tenant_id]))
            time.sleep(0.001)
            with lock:
                at_once[held.tenant_id].discard(held.job_id)
            end(any_services, held)

    threads = [threading.Thread(target=hammer, args=(f"w{i}",)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(taken) == 36
    assert set(taken.values()) == {1}
    assert max(most.values()) <= 2
    with any_services.database.read() as connection:
        states = connection.execute(
            select(db.jobs.c.state, func.count()).group_by(db.jobs.c.state)
        ).all()
    assert [tuple(row) for row in states] == [("done", 36)]


def test_unknown_kinds_are_refused(services: Services) -> None:
    queue = JobQueue(services.database)
    with (
        services.database.write() as connection,
        pytest.raises(ValueError, match="no job kind 'polish'"),
    ):
        queue.enqueue(connection, project_id="p", tenant_id="t", kind="polish")
