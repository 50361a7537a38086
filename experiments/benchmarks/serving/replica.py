"""Scorer replicas are killed under load: how many answers fail, and how long it is noticed.

    python -m experiments.benchmarks.serving.replica [--kills 10] [--replicas 1]

The server is started as ``make serve`` starts it; ``SIGKILL`` hits a replica at a random time
while eight clients ask. The bar is no answer of 5xx.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import tempfile
import time
from pathlib import Path

import psutil

from experiments.benchmarks.serving.load import Load, free_port, http, load, server
from serving.settings import Settings

TITLE = "ray::ServeReplica:talkreel:Scorer"
_PATIENCE_SECONDS = 90.0


def replicas() -> list[psutil.Process]:
    """Processes of the scorer's replicas."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if (process.info["cmdline"] or [""])[0].startswith(TITLE)
    ]


async def kill_under_load(settings: Settings, kills: int, count: int) -> tuple[Load, list[float]]:
    """A load that goes on until every killed replica was replaced; seconds that took."""
    done = asyncio.Event()
    found, back = Load(), []
    with http(settings) as make:
        ask = await make()

        async def keep_asking() -> None:
            while not done.is_set():
                found.add(await load(ask, 1.0))

        asking = asyncio.create_task(keep_asking())
        for _ in range(kills):
            await asyncio.sleep(random.uniform(0.5, 3.0))
            victim = random.choice(replicas())
            victim.kill()
            began = time.monotonic()
            while victim in (alive := replicas()) or len(alive) < count:
                if time.monotonic() - began > _PATIENCE_SECONDS:
                    raise RuntimeError("the killed replica was not replaced")
                await asyncio.sleep(0.1)
            await ask()
            back.append(time.monotonic() - began)
        done.set()
        await asking
    return found, back


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--replicas", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    random.seed(options.seed)
    os.environ["TALKREEL_SERVE_SCORER_REPLICAS"] = str(options.replicas)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data=Path(folder) / "data", port=free_port())
        with server(settings):
            found, back = asyncio.run(kill_under_load(settings, options.kills, options.replicas))
    print(f"{options.kills} kills, {options.replicas} replicas, seed {options.seed}")
    print(
        f"answers {len(found.seconds)}, errors {len(found.errors)}", *sorted(set(found.errors))[:5]
    )
    print(f"p50 {found.milliseconds(0.5):.0f} ms, longest wait {found.milliseconds(1) / 1e3:.1f} s")
    print(f"answered again after {min(back):.1f} to {max(back):.1f} s")


if __name__ == "__main__":
    main()
