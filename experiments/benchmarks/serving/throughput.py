"""Five-minute talks through the service's queue against the command run back to back.

    python -m experiments.benchmarks.serving.throughput --work bench-out [--talks 2]

Both begin with empty caches and make the same clips; the service has one worker. Prints jobs an
hour, the ratio, how busy the cores were, and from the CPU seconds of a job the cores that a
thousand such videos an hour would keep busy.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
from sqlalchemy import func, select

from experiments.benchmarks.long_talk import make_talk
from experiments.benchmarks.main_job import ROOT
from serving.accounts import create_tenant
from serving.jobs import control
from serving.services import Services, open_services
from serving.settings import Settings
from serving.standalone import environment
from serving.storage import database as db
from talkreel.media.ffmpeg import ffmpeg_path

SECONDS = 300
CLIPS = 5
WANTED_AN_HOUR = 1000


@dataclass(frozen=True)
class Cost:
    """Wall seconds, CPU seconds of the whole machine, and its cores."""

    wall: float
    cpu: float

    @property
    def busy(self) -> float:
        return self.cpu / self.wall / (os.cpu_count() or 1)


def measured(action: Callable[[], None]) -> Cost:
    before, began = psutil.cpu_times(), time.monotonic()
    action()
    after, wall = psutil.cpu_times(), time.monotonic() - began
    spent = sum(getattr(after, n) - getattr(before, n) for n in ("user", "nice", "system"))
    return Cost(wall, spent)


def talks(work: Path, count: int, media: Path, data: Path) -> list[Path]:
    """Five-minute pieces of the benchmark's talk."""
    whole = make_talk(60 if count > 2 else 10, media, data, work)
    made = []
    for number in range(count):
        path = work / f"talk-5min-{number}.mp4"
        cut = ["-ss", str(number * SECONDS), "-t", str(SECONDS), "-i", str(whole), "-c", "copy"]
        subprocess.run(
            [ffmpeg_path(), "-nostdin", "-v", "error", "-y", *cut, str(path)], check=True
        )
        made.append(path)
    return made


def by_command(sources: Sequence[Path], folder: Path) -> None:
    surroundings = {**os.environ, "TALKREEL_CACHE": str(folder / "cache")}
    for source in sources:
        command = [sys.executable, "-m", "talkreel.cli", "clip", str(source)]
        command += ["--out", str(folder / source.stem), "--clips", str(CLIPS)]
        subprocess.run(command, check=True, capture_output=True, env=surroundings)


def by_service(sources: Sequence[Path], folder: Path) -> None:
    settings = Settings(data=folder, workers=1)
    services = open_services(settings)
    with services.database.write() as connection:
        tenant = create_tenant(connection, "bench", settings)
    for source in sources:
        key = f"tenants/{tenant}/sources/{source.stem}/source.mp4"
        services.objects.put(key, source)
        wanted = {"kind": "object", "key": key, "name": source.name}
        with services.database.write() as connection:
            control.submit(services, connection, tenant, wanted, {"clips": CLIPS})
    worker = subprocess.Popen(
        [sys.executable, "-m", "serving.jobs.worker"], cwd=ROOT, env=environment(settings)
    )
    try:
        while _open_projects(services):
            time.sleep(0.2)
    finally:
        worker.terminate()
        worker.wait()
        services.database.close()


def _open_projects(services: Services) -> int:
    with services.database.read() as connection:
        states = dict(
            connection.execute(
                select(db.projects.c.state, func.count()).group_by(db.projects.c.state)
            ).all()
        )
    if states.get("failed", 0):
        raise SystemExit("a project failed")
    return states.get("queued", 0) + states.get("running", 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=ROOT / "bench-out")
    parser.add_argument("--talks", type=int, default=2)
    shared = ROOT.parent / "shared"
    parser.add_argument("--media", type=Path, default=shared / "media")
    parser.add_argument("--data", type=Path, default=shared / "data")
    given = parser.parse_args()
    sources = talks(given.work, given.talks, given.media, given.data)
    costs = {}
    for name, way in (("command", by_command), ("service", by_service)):
        folder = Path(tempfile.mkdtemp(prefix=f"throughput-{name}-", dir=given.work))
        try:
            costs[name] = measured(lambda way=way, folder=folder: way(sources, folder))
        finally:
            shutil.rmtree(folder)
    print("| way | seconds | jobs an hour | cores busy |\n|---|---|---|---|")
    for name, cost in costs.items():
        rate = len(sources) / cost.wall * 3600
        print(f"| {name} | {cost.wall:.0f} | {rate:.1f} | {100 * cost.busy:.0f} % |")
    cpu = costs["service"].cpu / len(sources)
    print(f"\nservice over command: {costs['command'].wall / costs['service'].wall:.3f}")
    print(
        f"CPU seconds a job: {cpu:.0f}; cores for {WANTED_AN_HOUR} videos an hour: "
        f"{cpu * WANTED_AN_HOUR / 3600:.0f}"
    )


if __name__ == "__main__":
    main()
