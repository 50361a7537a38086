"""Kill workers, runners and ffmpeg (and PostgreSQL) at random times; nothing may be lost.

    python -m experiments.benchmarks.serving.kill --kills 200
    python -m experiments.benchmarks.serving.kill --kills 60 --postgres

Jobs over short pieces are submitted to a server whose processes are then killed with SIGKILL, one
every few seconds; more jobs follow for as long as kills are left. Afterwards every piece goes
through a second server undisturbed, and what clients can see of the two is compared.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import imageio_ffmpeg
import psutil
from sqlalchemy import select

from serving.accounts import create_tenant
from serving.jobs import control
from serving.services import Services, open_services
from serving.settings import Settings
from serving.storage import database as db
from tests.serving.jobs.talk import OPTIONS, SOURCE_SECONDS
from tests.serving.servers import Postgres, running_postgres

ROOT = Path(__file__).resolve().parents[3]
KINDS = ("worker", "runner", "ffmpeg")
OPEN = ("queued", "running")
HOURS = 3600.0


class Pieces:
    """The same short talk over and over, each with other bytes, so that none finds its results
    in the cache."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._first = folder / "piece.mp4"
        scale = ["-vf", "scale=192:-2", "-c:v", "libx264", "-preset", "veryfast", "-c:a", "aac"]
        source = ROOT / "sample" / "talk.mp4"
        self._ffmpeg("-i", str(source), "-t", str(SOURCE_SECONDS), *scale, str(self._first))

    def make(self, number: int) -> Path:
        path = self._folder / f"{number:04d}.mp4"
        if not path.exists():
            comment = ["-c", "copy", "-metadata", f"comment={number}"]
            self._ffmpeg("-i", str(self._first), *comment, str(path))
        return path

    def _ffmpeg(self, *arguments: str) -> None:
        program = imageio_ffmpeg.get_ffmpeg_exe()
        subprocess.run([program, "-y", "-loglevel", "error", *arguments], check=True)


@dataclass
class Server:
    """Services and the worker processes that serve them."""

    services: Services
    workers: int
    log: Path
    tenant: str = ""
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)
    projects: dict[str, int] = field(default_factory=dict)

    @classmethod
    @contextlib.contextmanager
    def opened(cls, folder: Path, workers: int, url: str = "") -> Iterator[Server]:
        settings = Settings(
            data=folder,
            database_url=url,
            lease_seconds=3.0,
            retry_seconds=0.05,
            # Here nobody is at fault for a failure but the killer.
            max_attempts=10_000,
            min_free_bytes=0,
            max_concurrent_projects=workers,
        )
        server = cls(open_services(settings), workers, folder.with_suffix(".log"))
        with server.services.database.write() as connection:
            server.tenant = create_tenant(connection, "kill", settings)
        try:
            yield server
        finally:
            for worker in server.running:
                worker.kill()
                worker.wait()
            server.services.database.close()

    def keep_running(self) -> None:
        self.running = [worker for worker in self.running if worker.poll() is None]
        while len(self.running) < self.workers:
            self.running.append(self._start())

    def _start(self) -> subprocess.Popen[bytes]:
        settings = self.services.settings
        environment = {
            f"TALKREEL_SERVE_{name.upper()}": str(getattr(settings, name))
            for name in settings.model_fields_set
        }
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "serving.jobs.worker", "--workers", "1"],
                cwd=ROOT,
                env={**os.environ, **environment},
                stderr=log,
            )

    def submit(self, number: int, piece: Path) -> None:
        key = f"tenants/{self.tenant}/sources/{number}/source.mp4"
        self.services.objects.put(key, piece)
        source = {"kind": "object", "key": key, "name": piece.name}
        with self.services.database.write() as connection:
            project = control.submit(
                self.services, connection, self.tenant, source, OPTIONS, "https://example.com/hook"
            )
        self.projects[project] = number

    def waiting(self) -> int:
        query = select(db.projects.c.id).where(db.projects.c.state.in_(OPEN))
        with self.services.database.read() as connection:
            return len(connection.execute(query).all())

    def victims(self, kind: str) -> list[psutil.Process]:
        found = []
        for worker in self.running:
            with contextlib.suppress(psutil.Error):
                process = psutil.Process(worker.pid)
                if kind == "worker":
                    found.append(process)
                    continue
                for child in process.children(recursive=True):
                    command = " ".join(child.cmdline()[:4])
                    is_ffmpeg = "ffmpeg" in Path(child.exe()).name
                    if is_ffmpeg if kind == "ffmpeg" else "serving.jobs.runner" in command:
                        found.append(child)
        return found

    def cached(self) -> dict[str, int]:
        root = self.services.settings.data / "cache"
        return {
            str(path.relative_to(root)): path.stat().st_ino
            for path in root.glob("*/*")
            if path.is_file() and not path.name.startswith(".")
        }


@dataclass
class Report:
    kills: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    made_again: set[str] = field(default_factory=set)


def disturb(
    server: Server, pieces: Pieces, kills: int, jobs: int, seed: int, postgres: Postgres | None
) -> Report:
    """Kill until ``kills`` were made, then let the server finish what it has accepted."""
    chance, report, known = random.Random(seed), Report(), dict[str, int]()
    began = time.monotonic()
    for number in range(jobs):
        server.submit(number, pieces.make(number))
    server.keep_running()
    while report.kills.total() < kills:
        time.sleep(chance.expovariate(1 / 1.5))
        if server.waiting() < server.workers + 1:
            number = len(server.projects)
            server.submit(number, pieces.make(number))
        kinds = [*KINDS, "postgresql"] if postgres else list(KINDS)
        kind = chance.choices(kinds, [3, 3, 3, 1][: len(kinds)])[0]
        if kind == "postgresql":
            assert postgres is not None
            postgres.kill()
            time.sleep(chance.uniform(0.0, 2.0))
            postgres.start()
        elif victims := await_victims(server, kind):
            with contextlib.suppress(psutil.NoSuchProcess):
                chance.choice(victims).kill()
        else:
            continue
        report.kills[kind] += 1
        look(server, known, report)
        server.keep_running()
        if report.kills.total() % 20 == 0:
            print(f"{report.kills.total()} kills, {server.waiting()} jobs to go", flush=True)
    finish(server, known, report)
    report.seconds = time.monotonic() - began
    return report


def await_victims(server: Server, kind: str) -> list[psutil.Process]:
    """Processes of a kind; a render is waited for a little, since most live shortly."""
    deadline = time.monotonic() + 4.0
    while not (victims := server.victims(kind)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return victims


def finish(server: Server, known: dict[str, int], report: Report) -> None:
    deadline = time.monotonic() + HOURS
    while server.waiting() and time.monotonic() < deadline:
        time.sleep(0.2)
        server.keep_running()
    look(server, known, report)


def look(server: Server, known: dict[str, int], report: Report) -> None:
    """Which finished stages were done again: their files are others than before."""
    for name, inode in server.cached().items():
        if known.setdefault(name, inode) != inode:
            report.made_again.add(name)


def videos(server: Server, project: str) -> list[tuple[str, str]]:
    """Library ids of the clips and digests of their videos, in order of rank."""
    query = select(db.clips.c.record, db.clips.c.files)
    query = query.where(db.clips.c.project_id == project).order_by(db.clips.c.rank)
    with server.services.database.read() as connection:
        rows = connection.execute(query).all()
    found = []
    for row in rows:
        digest = hashlib.sha256()
        for part in server.services.objects.read(row.files["video"]):
            digest.update(part)
        found.append((row.record["id"], digest.hexdigest()))
    return found


def wrongs(server: Server, calm: dict[int, list[tuple[str, str]]]) -> dict[str, int]:
    """How often each promise was broken."""
    broken = Counter[str]()
    with server.services.database.read() as connection:
        states = dict(connection.execute(select(db.projects.c.id, db.projects.c.state)).all())
        jobs = connection.execute(select(db.jobs.c.project_id, db.jobs.c.state)).all()
        log = connection.execute(
            select(db.events.c.project_id, db.events.c.number, db.events.c.type, db.events.c.data)
        ).all()
        hooks = connection.execute(select(db.deliveries.c.event_id)).scalars().all()
        usage = connection.execute(select(db.usage.c.project_id)).scalars().all()
        files = connection.execute(select(db.clips.c.files)).scalars().all()
        results = connection.execute(select(db.projects.c.files)).scalars().all()
    told = Counter[tuple[str, str, str]]()
    for event in log:
        if event.type in ("project.queued", "project.started", "project.completed", "clip.ready"):
            told[(event.project_id, event.type, event.data.get("clip_id", ""))] += 1
        if event.type in ("clip.updated", "project.failed", "project.cancelled"):
            broken["news that no undisturbed run has"] += 1
    named = {key for row in (*files, *results) for key in row.values()}
    stored = server.services.objects.bytes_under(f"tenants/{server.tenant}/projects/")
    sizes = sum(server.services.objects.size(key) for key in named)
    broken["jobs that did not finish"] = sum(state != "done" for state in states.values())
    broken["jobs with another row than one that is done"] = sum(
        rows != ["done"] for rows in ([j.state for j in jobs if j.project_id == p] for p in states)
    )
    broken["results unlike those of an undisturbed run"] = sum(
        videos(server, project) != calm[number] for project, number in server.projects.items()
    )
    broken["news told twice"] = sum(count - 1 for count in told.values())
    broken["webhooks planned twice"] = len(hooks) - len(set(hooks))
    broken["jobs not charged for exactly once"] = sum(
        usage.count(project) != 1 for project in states
    )
    broken["bytes in the object store that nothing names"] = stored - sizes
    broken["work folders left"] = len(list((server.services.settings.data / "work").glob("*")))
    broken.setdefault("news that no undisturbed run has", 0)
    return dict(broken)


def run(arguments: argparse.Namespace) -> bool:
    """The whole test; returns whether every promise was kept."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="talkreel-kill-")))
        postgres = stack.enter_context(running_postgres()) if arguments.postgres else None
        pieces = Pieces(folder)
        url = postgres.create("kill") if postgres else ""
        server = stack.enter_context(Server.opened(folder / "killed", arguments.workers, url))
        report = disturb(server, pieces, arguments.kills, arguments.jobs, arguments.seed, postgres)
        time.sleep(1.0)  # for the last work folder
        calm_server = stack.enter_context(Server.opened(folder / "calm", arguments.workers))
        began = time.monotonic()
        for number in server.projects.values():
            calm_server.submit(number, pieces.make(number))
        finish(calm_server, {}, Report())
        calm_seconds = time.monotonic() - began
        calm = {
            number: videos(calm_server, project) for project, number in calm_server.projects.items()
        }
        broken = wrongs(server, calm)
        broken["finished stages done again"] = len(report.made_again)
        tell(arguments, server, report, calm_seconds, broken)
        return not any(broken.values())


def tell(
    arguments: argparse.Namespace,
    server: Server,
    report: Report,
    calm_seconds: float,
    broken: dict[str, int],
) -> None:
    database = "PostgreSQL" if arguments.postgres else "SQLite"
    kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(report.kills.items()))
    rows = {
        "database": database,
        "jobs": len(server.projects),
        "clips": sum(len(videos(server, project)) for project in server.projects),
        "SIGKILLs": f"{report.kills.total()} ({kinds})",
        "seconds (undisturbed)": f"{report.seconds:.0f} ({calm_seconds:.0f})",
        **broken,
    }
    print("\n| | |\n|---|---|")
    for name, value in rows.items():
        print(f"| {name} | {value} |")


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--postgres", action="store_true", help="on PostgreSQL, killed as well")
    return 0 if run(parser.parse_args()) else 1


if __name__ == "__main__":
    sys.exit(main())
