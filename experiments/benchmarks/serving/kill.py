"""Kill the API, replicas, workers, runners and ffmpeg (and PostgreSQL) at random times.

    python -m experiments.benchmarks.serving.kill --kills 200
    python -m experiments.benchmarks.serving.kill --kills 60 --way "make serve"
    python -m experiments.benchmarks.serving.kill --kills 60 --postgres

The whole service runs in processes of its own, and a supervisor starts it again when it ends; what
Serve can replace is left to Serve. A customer uploads short pieces, orders clips of them over HTTP
under idempotency keys, watches their events and takes webhooks, while one process after another
gets SIGKILL; more orders follow for as long as kills are left. Then the same orders go through a
second server undisturbed, and what clients can see of the two is compared.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import imageio_ffmpeg
import psutil
from sqlalchemy import select

from experiments.benchmarks.serving import promises
from experiments.benchmarks.serving.customer import Asker, Customer, Receiver
from experiments.benchmarks.serving.load import free_port
from experiments.benchmarks.serving.supervised import API, ROOT, WAYS, WHOLE, WITHOUT_RAY, Service
from serving.accounts import create_key, create_tenant
from serving.services import Services, open_services
from serving.settings import Settings
from serving.storage import database as db
from serving.webhooks import endpoints
from tests.serving.jobs.talk import SOURCE_SECONDS
from tests.serving.servers import Postgres, running_postgres

POSTGRES = "postgresql"
# How often each is chosen. To come back, the whole server takes half a minute on two idle cores.
WEIGHTS = {API: 2, "scorer": 1, "worker": 3, "background": 1, "runner": 5, "ffmpeg": 5, WHOLE: 0.3}
_PATIENCE_SECONDS = 3600.0
# Nobody is at fault here but the killer, and a job whose runner is killed has failed an attempt.
_ATTEMPTS = 1000


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


@dataclass(frozen=True)
class Shop:
    """A running server, its one customer and what looks at both."""

    services: Services
    service: Service
    tenant: str
    key: str
    customer: Customer
    receiver: Receiver

    @classmethod
    @contextlib.contextmanager
    def opened(cls, folder: Path, way: str, workers: int, url: str = "") -> Iterator[Shop]:
        settings = Settings(
            data=folder,
            database_url=url,
            port=free_port(),
            workers=workers,
            lease_seconds=3.0,
            retry_seconds=0.005,
            max_attempts=_ATTEMPTS,
            min_free_bytes=0,
            max_concurrent_projects=workers,
            requests_per_minute=10**6,
            allow_private_urls=True,
        )
        services = open_services(settings)
        with services.database.write() as connection:
            tenant = create_tenant(connection, "kill", settings)
            key = create_key(connection, tenant, "kill")
            secret = endpoints.rotate(connection, tenant, endpoints.DEFAULT)
        assert secret is not None
        receiver = Receiver(secret)
        customer = Customer(settings.url, key, receiver.url)
        try:
            with Service(settings, way) as service:
                yield cls(services, service, tenant, key, customer, receiver)
        finally:
            customer.close()
            receiver.close()
            services.database.close()

    def cached(self) -> dict[str, int]:
        """Every stage result that is whole, and its inode."""
        root = self.services.settings.data / "cache"
        return {
            str(path.relative_to(root)): path.stat().st_ino
            for path in root.glob("*/*")
            if path.is_file() and not path.name.startswith(".")
        }

    def clips(self, folder: Path) -> dict[int, list[tuple[str, str]]]:
        """Names and digests of every order's clips, as they are downloaded."""
        return {
            number: [
                (name, hashlib.sha256(video).hexdigest())
                for name, video in self.customer.videos(number, folder)
            ]
            for number in self.customer.orders
        }

    def attempts(self) -> int:
        """Most often that one job was taken up."""
        with self.services.database.read() as connection:
            return max(connection.execute(select(db.jobs.c.attempt)).scalars())


@dataclass
class Report:
    """What was done to a server, and which finished stages it did again."""

    kills: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    known: dict[str, int] = field(default_factory=dict)
    made_again: set[str] = field(default_factory=set)

    def look(self, shop: Shop) -> None:
        """Stages that were done again have other files than before."""
        for name, inode in shop.cached().items():
            if self.known.setdefault(name, inode) != inode:
                self.made_again.add(name)


def disturb(
    shop: Shop, pieces: Pieces, given: argparse.Namespace, postgres: Postgres | None
) -> Report:
    """Kill as often as wanted, then let the server finish what it has accepted."""
    chance, report, began = random.Random(given.seed), Report(), time.monotonic()
    orders = shop.customer.orders
    for number in range(given.jobs):
        shop.customer.send(number, pieces.make(number))
    weights = {kind: weight for kind, weight in WEIGHTS.items() if shop.service.has(kind)}
    weights |= {POSTGRES: 2} if postgres else {}
    while report.kills.total() < given.kills:
        time.sleep(chance.expovariate(1 / given.between))
        if shop.customer.waiting() < given.workers + 2:
            shop.customer.send(len(orders), pieces.make(len(orders)))
        [kind] = chance.choices(list(weights), list(weights.values()))
        if kind == POSTGRES:
            assert postgres is not None
            postgres.kill()
            time.sleep(chance.uniform(0.0, 2.0))
            postgres.start()
        elif not kill(shop.service, kind, chance):
            continue
        report.kills[kind] += 1
        report.look(shop)
        if report.kills.total() % 10 == 0:
            waiting, seconds = shop.customer.waiting(), time.monotonic() - began
            sys.stdout.write(f"{report.kills.total()} kills, {waiting} to go, {seconds:.0f} s\n")
            sys.stdout.flush()
    finish(shop)
    report.look(shop)
    report.seconds = time.monotonic() - began
    return report


def kill(service: Service, kind: str, chance: random.Random) -> bool:
    """Kill one process of a kind; a render is waited for a little, since most live shortly."""
    deadline = time.monotonic() + 4.0
    while not (victims := service.victims(kind)):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    try:
        chance.choice(victims).kill()
    except psutil.NoSuchProcess:
        return False
    return True


def finish(shop: Shop) -> None:
    """Wait until every order has ended and every webhook has come.

    Raises:
        TimeoutError: they do not.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while shop.customer.waiting() or promises.undelivered(shop.services):
        if time.monotonic() > deadline:
            raise TimeoutError("there are orders or webhooks that do not end")
        time.sleep(0.5)
    time.sleep(1.0)  # for the last work folder


def run(given: argparse.Namespace) -> bool:
    """The whole test; returns whether every promise was kept."""
    with contextlib.ExitStack() as stack:
        folder = given.work
        if folder is None:
            temporary = tempfile.TemporaryDirectory(prefix="talkreel-kill-")
            folder = Path(stack.enter_context(temporary))
        postgres = stack.enter_context(running_postgres()) if given.postgres else None
        pieces, url = Pieces(folder), postgres.create("kill") if postgres else ""
        with Shop.opened(folder / "killed", given.way, given.workers, url) as shop:
            with Asker(shop.service.settings.url, shop.key) as asker:
                report = disturb(shop, pieces, given, postgres)
            found = shop.clips(folder)
            broken = promises.broken(shop.services, shop.tenant, shop.customer, shop.receiver)
            broken["finished stages done again"] = len(report.made_again)
            show({**told(given, shop, report, asker), **broken})
        began = time.monotonic()
        with Shop.opened(folder / "calm", WITHOUT_RAY, given.workers) as calm:
            for number in found:
                calm.customer.send(number, pieces.make(number))
            finish(calm)
            wanted = calm.clips(folder)
        unlike = sum(found[number] != clips for number, clips in wanted.items())
        show(
            {
                "clips": sum(map(len, wanted.values())),
                "orders whose clips are not byte-equal to an undisturbed run's": unlike,
                "seconds of that": f"{time.monotonic() - began:.0f}",
            }
        )
    return not unlike and not any(broken.values())


def show(rows: Mapping[str, object]) -> None:
    """Lines of a table."""
    sys.stdout.writelines(f"| {name} | {value} |\n" for name, value in rows.items())
    sys.stdout.flush()


def told(given: argparse.Namespace, shop: Shop, report: Report, asker: Asker) -> dict[str, str]:
    """What happened, for the reader."""
    kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(report.kills.items()))
    bodies = shop.receiver.bodies.values()
    return {
        "way": f"{given.way}, {'PostgreSQL' if given.postgres else 'SQLite'}",
        "jobs": str(len(shop.customer.orders)),
        "SIGKILLs": f"{report.kills.total()} ({kinds})",
        "seconds": f"{report.seconds:.0f}",
        "most attempts at one job": str(shop.attempts()),
        "times the whole server was started": str(shop.service.starts),
        "webhooks": f"{len(bodies)}, of which came more than once: "
        f"{sum(len(tries) > 1 for tries in bodies)}",
        "requests the customer sent again": _counts(shop.customer.trouble),
        "answers to /v1/score": _counts(asker.answers),
    }


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{name}: {count}" for name, count in sorted(counter.items())) or "none"


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=20, help="at the beginning")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--between", type=float, default=2.0, help="kills, seconds on average")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--way", choices=list(WAYS), default="serve run")
    parser.add_argument("--postgres", action="store_true", help="on PostgreSQL, killed as well")
    parser.add_argument("--work", type=Path, help="new folder to keep data and logs in")
    given = parser.parse_args()
    if given.work is not None:
        given.work = given.work.absolute()
        given.work.mkdir(parents=True)
    # What was started is ended first.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    return 0 if run(given) else 1


if __name__ == "__main__":
    sys.exit(main())
