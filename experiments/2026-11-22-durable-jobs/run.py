"""What a paused worker does when it wakes, under DBOS and under our queue; see README.md.

    python experiments/2026-11-22-durable-jobs/run.py --dbos PYTHON

PYTHON is an interpreter with ``dbos==3.4.0``; it is not among this project's dependencies.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STEPS = ("one", "two", "three")
# The second step takes this long, so that its worker can be paused in the middle.
STEP_SECONDS = 3.0
LEASE_SECONDS = 1.0
PATIENCE_SECONDS = 20.0


def work_slowly(folder: Path, worker: str) -> None:
    """The middle of a step: says that it is there, and takes its time."""
    (folder / f"inside-{worker}").touch()
    for _ in range(round(STEP_SECONDS / 0.1)):
        time.sleep(0.1)


def dbos_worker(folder: Path, worker: str, kind: str, executor: str) -> None:
    """Start the workflow (A) or wait until its recovery has ended (B)."""
    import sqlalchemy as sa
    from dbos import DBOS, SetWorkflowID, SQLAlchemyDatasource

    address = f"sqlite:///{folder / 'effects.db'}"
    DBOS(
        config={
            "name": "probe",
            "system_database_url": f"sqlite:///{folder / 'dbos.db'}",
            "executor_id": executor,
            "console_log_level": "CRITICAL",
        }
    )
    source = SQLAlchemyDatasource.create(address) if kind == "transaction" else None
    insert = sa.text("INSERT INTO effects VALUES (:name, :worker)")

    def in_transaction(name: str) -> None:
        if name == "two":
            work_slowly(folder, worker)
        assert source is not None
        source.sql_session().execute(insert, {"name": name, "worker": worker})

    @DBOS.step()
    def plain(name: str) -> None:
        if name == "two":
            work_slowly(folder, worker)
        with sqlite3.connect(folder / "effects.db", timeout=30) as connection:
            connection.execute("INSERT INTO effects VALUES (?, ?)", (name, worker))
        connection.close()

    @DBOS.workflow()
    def job() -> None:
        for name in STEPS:
            if source is not None:
                source.run_tx_step(None, in_transaction, name)
            else:
                plain(name)

    DBOS.launch()
    if worker == "A":
        with SetWorkflowID("job"):
            DBOS.start_workflow(job)
    # What A finds out about its own work: what its handle gives.
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        status = DBOS.get_workflow_status("job")
        if status is not None and status.status == "SUCCESS":
            break
        time.sleep(0.2)
    time.sleep(STEP_SECONDS if worker == "A" else 0.0)
    os._exit(0)


def our_worker(folder: Path, worker: str) -> None:
    """Take the job when it can be had and write its three effects while it is held."""
    from serving.jobs import outcomes
    from serving.jobs.queue import FencedOut
    from serving.services import open_services
    from serving.settings import Settings

    services = open_services(Settings(data=folder / "data", lease_seconds=LEASE_SECONDS))
    deadline, lease = time.monotonic() + PATIENCE_SECONDS, None
    while lease is None and time.monotonic() < deadline:
        lease = services.queue.lease(worker)
        time.sleep(0.05)
    if lease is None:
        return
    try:
        for name in STEPS:
            if name == "two":
                # Renewed as the worker's thread does; a paused process does neither.
                (folder / f"inside-{worker}").touch()
                for _ in range(round(STEP_SECONDS / 0.1)):
                    time.sleep(0.1)
                    services.queue.extend(lease)
            with services.queue.holding(lease) as connection:
                outcomes.warn(connection, lease.project_id, name)
        with services.queue.holding(lease) as connection:
            services.queue.end(connection, lease, "done")
    except FencedOut:
        (folder / f"fenced-{worker}").touch()
    services.database.close()


def prepare_ours(folder: Path) -> None:
    from serving.accounts import create_tenant
    from serving.jobs import control
    from serving.services import open_services
    from serving.settings import Settings

    services = open_services(Settings(data=folder / "data"))
    with services.database.write() as connection:
        tenant = create_tenant(connection, "probe", services.settings)
        control.submit(services, connection, tenant, {"kind": "object"}, {})
    services.database.close()


def our_effects(folder: Path) -> Counter[str]:
    with sqlite3.connect(folder / "data" / "talkreel.db") as connection:
        rows = connection.execute("SELECT data FROM events WHERE type = 'project.warning'")
        return Counter(json.loads(data)["message"] for (data,) in rows)


def dbos_effects(folder: Path) -> Counter[str]:
    with sqlite3.connect(folder / "effects.db") as connection:
        return Counter(name for (name,) in connection.execute("SELECT name FROM effects"))


def probe(python: str, engine: str, same_executor: bool) -> dict[str, object]:
    """Pause A in its second step, let B go on, wake A; count what was written."""
    with tempfile.TemporaryDirectory(prefix="talkreel-durable-") as name:
        folder = Path(name)
        if engine == "ours":
            prepare_ours(folder)
        else:
            with sqlite3.connect(folder / "effects.db") as connection:
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("CREATE TABLE effects (name TEXT, worker TEXT)")

        def start(worker: str, executor: str) -> subprocess.Popen[bytes]:
            command = [python, __file__, "--worker", worker, "--engine", engine]
            command += ["--executor", executor, "--folder", name]
            environment = {**os.environ, "PYTHONPATH": str(ROOT)}
            return subprocess.Popen(command, env=environment, cwd=ROOT)

        first = start("A", "a")
        while not (folder / "inside-A").exists():
            time.sleep(0.02)
        time.sleep(STEP_SECONDS / 3)
        first.send_signal(signal.SIGSTOP)
        second = start("B", "a" if same_executor else "b")
        second.wait()
        taken_over = (folder / "inside-B").exists()
        before = our_effects(folder) if engine == "ours" else dbos_effects(folder)
        first.send_signal(signal.SIGCONT)
        first.wait()
        after = our_effects(folder) if engine == "ours" else dbos_effects(folder)
        return {
            "taken over": taken_over,
            "effects before A wakes": sum(before.values()),
            "effects at the end": sum(after.values()),
            "written twice": sorted(key for key, count in after.items() if count > 1),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--dbos", help="python with dbos")
    parser.add_argument("--worker")
    parser.add_argument("--engine")
    parser.add_argument("--executor")
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    if given.worker and given.engine == "ours":
        our_worker(given.folder, given.worker)
        return
    if given.worker:
        dbos_worker(given.folder, given.worker, given.engine, given.executor)
        return
    cases = [("ours", False)]
    if given.dbos:
        cases += [(kind, same) for kind in ("step", "transaction") for same in (True, False)]
    print("| engine | second worker | taken over | effects before / after waking | written twice |")
    print("|---|---|---|---|---|")
    for engine, same in cases:
        python = sys.executable if engine == "ours" else given.dbos
        found = probe(python, engine, same)
        name = "ours" if engine == "ours" else f"DBOS 3.4.0, {engine}"
        who = "any other" if engine == "ours" else "same executor id" if same else "other id"
        print(
            f"| {name} | {who} | {'yes' if found['taken over'] else 'no'} "
            f"| {found['effects before A wakes']} / {found['effects at the end']} "
            f"| {', '.join(found['written twice']) or 'nothing'} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
