"""Any sequence of what workers and clients do leaves the queue as a plain model says."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule
from sqlalchemy import select, update

from serving.accounts import create_tenant
from serving.jobs import control
from serving.jobs.queue import FencedOut, Lease
from serving.services import open_services
from serving.settings import Settings
from serving.storage import database as db

TENANTS = 3
MOST_AT_ONCE = 2


@dataclass
class Job:
    tenant: str
    number: int
    state: str = "queued"
    failures: int = 0
    fence: int = 0
    expired: bool = False
    cancel: bool = False


@dataclass
class Model:
    jobs: dict[str, Job] = field(default_factory=dict)
    served: dict[str, int] = field(default_factory=dict)
    clock: int = 0

    def expected(self) -> str | None:
        """The job that comes next: lost ones, then in turn."""
        lost = [(j.number, i) for i, j in self.jobs.items() if j.state == "running" and j.expired]
        if lost:
            return min(lost)[1]
        ready = []
        for tenant in self.served:
            running = sum(j.tenant == tenant and j.state == "running" for j in self.jobs.values())
            waiting = [
                (j.number, i)
                for i, j in self.jobs.items()
                if j.tenant == tenant and j.state == "queued"
            ]
            if waiting and running < MOST_AT_ONCE:
                number, job = min(waiting)
                ready.append((running, self.served[tenant], number, job))
        return min(ready)[3] if ready else None


class QueueMachine(RuleBasedStateMachine):
    leases = Bundle("leases")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        chosen = Settings(data=Path(self.folder.name), max_concurrent_projects=MOST_AT_ONCE)
        self.services = open_services(chosen)
        self.model = Model()
        with self.services.database.write() as connection:
            for number in range(TENANTS):
                tenant = create_tenant(connection, f"t{number}", chosen)
                self.model.served[tenant] = 0

    def teardown(self) -> None:
        self.services.database.close()
        self.folder.cleanup()

    @rule(which=st.integers(0, TENANTS - 1))
    def submit(self, which: int) -> None:
        tenant = list(self.model.served)[which]
        with self.services.database.write() as connection:
            project = control.submit(self.services, connection, tenant, {"kind": "object"}, {})
            job = connection.execute(
                select(db.jobs.c.id).where(db.jobs.c.project_id == project)
            ).scalar_one()
        self.model.jobs[job] = Job(tenant, len(self.model.jobs))

    @rule(target=leases)
    def lease(self) -> Lease | None:
        expected = self.model.expected()
        held = self.services.queue.lease("w")
        assert (held and held.job_id) == expected
        if held is None:
            return None
        job = self.model.jobs[held.job_id]
        assert held.fence > job.fence
        assert held.failures == job.failures
        job.state, job.fence, job.expired = "running", held.fence, False
        self.model.clock += 1
        self.model.served[job.tenant] = self.model.clock
        return held

    @rule(held=leases, how=st.sampled_from(["done", "failed", "back", "again", "extend"]))
    def write(self, held: Lease | None, how: str) -> None:
        if held is None:
            return
        job, queue = self.model.jobs[held.job_id], self.services.queue
        ours = job.state == "running" and job.fence == held.fence
        try:
            if how == "extend":
                assert queue.extend(held) is job.cancel
            else:
                with queue.holding(held) as connection:
                    if how == "back":
                        queue.give_back(connection, held)
                    elif how == "again":
                        failure = {"attempts": held.failures + 1}
                        queue.put_back(connection, held, after=0.0, failure=failure)
                    else:
                        queue.end(connection, held, how)
        except FencedOut:
            assert not ours
            return
        assert ours
        job.expired = False
        if how == "again":
            job.failures = held.failures + 1
        if how != "extend":
            job.state = "queued" if how in ("back", "again") else how

    @rule(held=leases)
    def let_it_run_out(self, held: Lease | None) -> None:
        if held is None:
            return
        job = self.model.jobs[held.job_id]
        if job.state == "running" and job.fence == held.fence:
            with self.services.database.write() as connection:
                connection.execute(
                    update(db.jobs)
                    .where(db.jobs.c.id == held.job_id)
                    .values(leased_until=time.time() - 1)
                )
            job.expired = True

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        if not self.model.jobs:
            return
        job_id = data.draw(st.sampled_from(sorted(self.model.jobs)))
        job = self.model.jobs[job_id]
        with self.services.database.write() as connection:
            project = connection.execute(
                select(db.jobs.c.project_id).where(db.jobs.c.id == job_id)
            ).scalar_one()
            waiting, running = self.services.queue.cancel(connection, project)
        assert (waiting, running) == (job.state == "queued", job.state == "running")
        if waiting:
            job.state = "cancelled"
        if running:
            job.cancel = True

    @invariant()
    def the_table_is_as_the_model_says(self) -> None:
        with self.services.database.read() as connection:
            rows = connection.execute(select(db.jobs.c.id, db.jobs.c.state, db.jobs.c.fence)).all()
        assert {row.id: (row.state, row.fence) for row in rows} == {
            job_id: (job.state, job.fence) for job_id, job in self.model.jobs.items()
        }


TestQueue = QueueMachine.TestCase
TestQueue.settings = settings(
    max_examples=25,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
