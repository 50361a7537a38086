"""A thousand small projects in the queue: memory, listing, and the turn of another tenant.

    python -m experiments.benchmarks.serving.queued [--projects 1000] [--jobs 20] [--no-ray]

One tenant queues all but one of the projects, with no worker; then another tenant queues one, and
a worker starts. Each project is nine seconds of video with its transcript, one clip of it. Memory
is the resident set of the API's process while projects come, and of the worker's while it works
on the first ``--jobs`` of them; it is flat if it grows by less than a tenth after the first.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
from sqlalchemy import func, select

from experiments.benchmarks.serving.load import CLIENTS, ROOT, free_port, server
from serving.accounts import SCOPES, create_key, create_tenant
from serving.services import Services, open_services
from serving.settings import Settings
from serving.standalone import environment
from serving.storage import database as db
from talkreel.media.ffmpeg import ffmpeg_path

MARKS = (0, 100, 500, 1000)
LISTINGS = 40
_FLAT = 0.10
_WORDS = """1
00:00:00,651 --> 00:00:03,999
Two hours, or two minutes. Which speech do you remember?

2
00:00:04,749 --> 00:00:08,880
In eighteen sixty three, two people spoke on a battlefield in Pennsylvania.
"""
_OPTIONS = {
    "preset": "fast",
    "clips": 1,
    "min_seconds": 3.0,
    "max_seconds": 6.0,
    "scorer": "craft",
    "transcript": {"format": "srt", "text": _WORDS},
}


def piece(folder: Path) -> bytes:
    """Nine seconds of the sample, small."""
    path = folder / "piece.mp4"
    command = [ffmpeg_path(), "-v", "error", "-t", "9", "-i", str(ROOT / "sample" / "talk.mp4")]
    command += ["-vf", "scale=192:-2", "-c:v", "libx264", "-preset", "veryfast", "-c:a", "aac"]
    subprocess.run([*command, str(path)], check=True)
    return path.read_bytes()


def key_of(services: Services, name: str) -> str:
    """A key of a new tenant."""
    with services.database.write() as connection:
        tenant = create_tenant(connection, name, services.settings)
        return create_key(connection, tenant, "bench", SCOPES)


async def upload(client: httpx.AsyncClient, data: bytes) -> str:
    """The id of an upload that every project of a tenant takes as its source."""
    tus = {"Tus-Resumable": "1.0.0"}
    named = {"Upload-Length": str(len(data)), "Upload-Metadata": "filename cGllY2UubXA0"}
    begun = await client.post("/v1/uploads", headers=tus | named)
    begun.raise_for_status()
    body = {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    place = begun.headers["location"]
    (await client.patch(place, content=data, headers=tus | body)).raise_for_status()
    return str(place.rsplit("/", 1)[1])


async def post(client: httpx.AsyncClient, upload_id: str, count: int) -> None:
    """Queue projects, eight at a time."""
    left = iter(range(count))

    async def some() -> None:
        for _ in left:
            wanted = {"source": {"upload_id": upload_id}, "options": _OPTIONS}
            (await client.post("/v1/projects", json=wanted)).raise_for_status()

    await asyncio.gather(*(some() for _ in range(CLIENTS)))


async def listing(client: httpx.AsyncClient) -> float:
    """The 95th percentile of the milliseconds that a page of projects takes."""
    waits = []
    for _ in range(LISTINGS):
        began = time.perf_counter()
        (await client.get("/v1/projects")).raise_for_status()
        waits.append(1e3 * (time.perf_counter() - began))
    return sorted(waits)[int(0.95 * LISTINGS)]


async def fill(api: psutil.Process, settings: Settings, keys: list[str], count: int) -> None:
    """Queue ``count`` projects, the last by another tenant; a row of figures at each mark."""
    data = await asyncio.to_thread(piece, settings.data.parent)
    clients = [
        httpx.AsyncClient(
            base_url=settings.url, headers={"Authorization": f"Bearer {key}"}, timeout=120
        )
        for key in keys
    ]
    async with clients[0] as many, clients[1] as one:
        mine, other = await upload(many, data), await upload(one, data)
        memory: dict[int, float] = {}
        print("| projects queued | API, MB | p95 of a list, ms | posted a second |")
        print("|---|---|---|---|")
        queued, marks = 0, [mark for mark in MARKS if mark < count] + [count]
        for mark in marks:
            began = time.perf_counter()
            last = int(mark == count)
            await post(many, mine, mark - queued - last)
            await post(one, other, last)
            rate = (mark - queued) / (time.perf_counter() - began)
            queued = mark
            waited = await listing(many)
            memory[mark] = api.memory_info().rss / 1e6
            print(f"| {mark} | {memory[mark]:.0f} | {waited:.1f} | {rate:.0f} |", flush=True)
    verdict("the API", [value for mark, value in memory.items() if mark > 0])


def verdict(what: str, memory: list[float]) -> None:
    """Say whether memory is flat."""
    growth = memory[-1] / memory[0] - 1
    print(f"{what}: {growth:+.1%} from the first to the last, flat is below {_FLAT:.0%}\n")


@contextmanager
def worker(settings: Settings) -> Iterator[psutil.Process]:
    """One render worker."""
    process = subprocess.Popen(
        [sys.executable, "-m", "serving.jobs.worker"],
        cwd=ROOT,
        env=environment(settings.model_copy(update={"workers": 1})),
        stderr=subprocess.DEVNULL,
    )
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def drain(services: Services, jobs: int) -> None:
    """Have a worker do the first ``jobs``, and say when the other tenant's turn was."""
    began, memory, last = time.monotonic(), [], 0.0
    turn: tuple[float, int] | None = None
    print("| seconds | done | worker, MB |\n|---|---|---|")
    with worker(services.settings) as process:
        while (done := finished(services)) < jobs:
            now = time.monotonic() - began
            if turn is None and _other_started(services):
                turn = (now, done)
            if done and now - last >= 5:
                last = now
                memory.append(process.memory_info().rss / 1e6)
                print(f"| {now:.0f} | {done} | {memory[-1]:.0f} |", flush=True)
            time.sleep(0.1)
    assert turn is not None
    print(
        f"\nthe other tenant's project was the last to come; it began after {turn[0]:.1f} s, "
        f"with {turn[1]} done before it"
    )
    verdict("the worker", memory)
    print(
        f"{jobs} done in {time.monotonic() - began:.0f} s; failed: {finished(services, 'failed')}"
    )


def finished(services: Services, state: str = "done") -> int:
    """How many projects are in that state."""
    return _count(services, db.projects.c.state == state)


def _other_started(services: Services) -> bool:
    name = select(db.tenants.c.id).where(db.tenants.c.name == "one").scalar_subquery()
    theirs = db.projects.c.tenant_id == name
    return _count(services, theirs, db.projects.c.started_at.is_not(None)) > 0


def _count(services: Services, *wanted: Any) -> int:
    with services.database.read() as connection:
        found = connection.execute(select(func.count()).select_from(db.projects).where(*wanted))
        return int(found.scalar_one())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--projects", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=20, help="done by the worker")
    parser.add_argument("--no-ray", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data=Path(folder) / "data", port=free_port())
        with server(settings, *(["--no-ray"] if options.no_ray else [])) as process:
            services = open_services(settings)
            keys = [key_of(services, name) for name in ("many", "one")]
            asyncio.run(fill(psutil.Process(process.pid), settings, keys, options.projects))
            if options.jobs:
                drain(services, options.jobs)
            services.database.close()


if __name__ == "__main__":
    main()
