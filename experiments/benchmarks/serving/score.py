"""What the service adds to scoring: ``/v1/score`` against the same scorer in process.

    python -m experiments.benchmarks.serving.score [--seconds 8] [--rounds 3]

Eight clients ask at once. Before every measured way the scorer in process is measured anew, for
as long, so that a busy machine slows both. "Added" is the difference of the medians within a
round; the bar is 10 ms for the service as ``make serve`` starts it.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from experiments.benchmarks.serving.load import TEXT, Ask, Load, free_port, http, load, server
from serving.admin import ensure_default
from serving.scoring.local import LocalScorer
from serving.scoring.models import SCORING, Models
from serving.services import open_services
from serving.settings import Settings

BAR_MILLISECONDS = 10.0
Make = Callable[[], Awaitable[Ask]]


@contextmanager
def in_front(settings: Settings) -> Iterator[dict[str, Make]]:
    """As ``make serve``: the API in front of a scorer behind Ray Serve."""
    with server(settings), http(settings) as make:
        yield {"POST /v1/score, make serve": make}


@contextmanager
def without_ray(settings: Settings) -> Iterator[dict[str, Make]]:
    """The API with the scorer in its own process."""
    with server(settings, "--no-ray"), http(settings) as make:
        yield {"POST /v1/score, --no-ray": make}


@contextmanager
def in_serve(settings: Settings) -> Iterator[dict[str, Make]]:
    """As ``serve run``: the API behind Serve's proxy; and the bare handle."""
    from ray import serve

    from serving.app import APP, AppArgs, build
    from serving.deployments import cluster

    services = open_services(settings)
    ensure_default(services)
    services.database.close()
    cluster.start(settings, proxy=True)
    try:
        cluster.run(build(AppArgs.model_validate(settings.model_dump())), APP, route="/")
        handle = serve.get_deployment_handle("Scorer", APP)

        async def bare() -> Ask:
            async def ask() -> object:
                return await handle.score.remote([(TEXT, None, None)])

            return ask

        with http(settings) as make:
            yield {"bare Ray Serve handle": bare, "POST /v1/score, serve run": make}
    finally:
        cluster.stop()


WAYS = (in_front, in_serve, without_ray)


def measure(make: Make, seconds: float) -> Load:
    """One load, warmed up."""

    async def run() -> Load:
        ask = await make()
        await load(ask, 1.0)
        return await load(ask, seconds)

    return asyncio.run(run())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=8.0, help="of each load")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    scorer = LocalScorer(Models(roles=SCORING))

    async def process() -> Ask:
        return lambda: scorer.score(TEXT)

    total = Load()
    print("| way | answers/s | p50 ms | p99 ms | rate / in process | added p50 ms | errors |")
    print("|---|---|---|---|---|---|---|")
    for way in WAYS:
        with tempfile.TemporaryDirectory() as folder:
            settings = Settings(
                data=Path(folder) / "data",
                port=free_port(),
                workers=0,
                requests_per_minute=1_000_000,
            )
            with way(settings) as makes:
                for name, make in makes.items():
                    found, added, ratios = Load(), [], []
                    for _ in range(options.rounds):
                        base = measure(process, options.seconds)
                        here = measure(make, options.seconds)
                        added.append(here.milliseconds(0.5) - base.milliseconds(0.5))
                        ratios.append(here.rate / base.rate)
                        total.add(base)
                        found.add(here)
                    row(name, found, statistics.median(ratios), statistics.median(added))
    row("in process", total, 1.0, 0.0)
    scorer.close()
    print(f"\nthe bar: at most {BAR_MILLISECONDS} ms added by make serve")


def row(name: str, found: Load, ratio: float, added: float) -> None:
    print(
        f"| {name} | {found.rate:.1f} | {found.milliseconds(0.5):.1f} "
        f"| {found.milliseconds(0.99):.1f} | {ratio:.2f} | {added:+.1f} | {len(found.errors)} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
