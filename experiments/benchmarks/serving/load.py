"""Eight who ask at once: rates and waiting times, and a server started as its users start it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from serving.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
# What a client sends: some sentences of a clip.
TEXT = (
    "Would you believe me if I told you that this costs nothing? We lost everything in one night, "
    "and I was terrified. Thank you so much, this is the happiest day of my life!"
)
CLIENTS = 8
Ask = Callable[[], Awaitable[object]]


@dataclass
class Load:
    """What a load has shown.

    Attributes:
        seconds: of each answer, waited.
        errors: what went wrong instead.
        wall: seconds in all.
    """

    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    wall: float = 0.0

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.seconds) / self.wall

    def milliseconds(self, share: float) -> float:
        """The wait that ``share`` of the answers stayed below."""
        return (
            1e3 * sorted(self.seconds)[min(len(self.seconds) - 1, int(share * len(self.seconds)))]
        )

    def add(self, other: Load) -> None:
        """Count another one too."""
        self.seconds += other.seconds
        self.errors += other.errors
        self.wall += other.wall


async def load(ask: Ask, seconds: float, clients: int = CLIENTS) -> Load:
    """``clients`` ask for ``seconds``, each again as soon as it is answered."""
    found = Load()
    until = time.perf_counter() + seconds

    async def one() -> None:
        while (began := time.perf_counter()) < until:
            try:
                await ask()
            except Exception as error:  # counted: it is what is measured
                found.errors.append(repr(error)[:200])
            else:
                found.seconds.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(clients)))
    found.wall = time.perf_counter() - began
    return found


@contextmanager
def http(settings: Settings) -> Iterator[Callable[[], Awaitable[Ask]]]:
    """Makes something that asks ``/v1/score``; to be made in the loop that uses it."""
    key = (settings.data / "api-key").read_text().strip()

    async def make() -> Ask:
        client = httpx.AsyncClient(
            base_url=settings.url, headers={"Authorization": f"Bearer {key}"}, timeout=120
        )

        async def ask() -> object:
            answer = await client.post("/v1/score", json={"text": TEXT})
            answer.raise_for_status()
            return answer

        return ask

    yield make


def free_port() -> int:
    """One that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def server(settings: Settings, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """``python -m serving.app`` with these settings, ready."""
    command = [sys.executable, "-m", "serving.app", "--data", str(settings.data)]
    command += ["--port", str(settings.port), "--workers", "0", *options]
    variables = {"TALKREEL_SERVE_REQUESTS_PER_MINUTE": "1000000"}
    with (settings.data.parent / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **variables}, stdout=log, stderr=log
        )
    try:
        _wait(settings, process)
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def _wait(settings: Settings, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            if httpx.get(f"{settings.url}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"no server: see {settings.data.parent / 'server.log'}")
        time.sleep(0.2)
