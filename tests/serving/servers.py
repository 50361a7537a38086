"""Real servers for tests on free ports of this machine: a PostgreSQL of their own, an API."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import httpx
import pytest

START_SECONDS = 60.0


def missing(what: str) -> NoReturn:
    """Skip, or fail where skipping is forbidden."""
    message = f"no {what} on this machine: install it (Debian: {what}) to run this test"
    if os.environ.get("TALKREEL_FORBID_SKIPS"):
        pytest.fail(message)
    pytest.skip(message)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def await_api(url: str) -> None:
    """Wait until an API answers there."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            httpx.get(f"{url}/healthz")
            return
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def postgres_folder() -> Path | None:
    """Where the server's programs are; Debian keeps them off the path."""
    found = [Path(path).resolve().parent for path in [shutil.which("postgres")] if path]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in found if (folder / "initdb").exists()), None)


class Postgres:
    """A PostgreSQL server whose data lie in ``folder``.

    Args:
        folder: new; the server's own user must be able to reach it.
        programs: where initdb and postgres are.
    """

    def __init__(self, folder: Path, programs: Path) -> None:
        self.port = free_port()
        self._programs = programs
        self._data = folder / "data"
        self._sockets = folder
        # PostgreSQL refuses to run as root.
        self._as = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        if os.geteuid() != 0:
            self._as = []
        else:
            user = pwd.getpwnam("postgres")
            os.chown(folder, user.pw_uid, user.pw_gid)
        self._process: subprocess.Popen[bytes] | None = None
        options = ["--auth=trust", "--username=talkreel", "--no-sync", "--encoding=UTF8"]
        subprocess.run(
            [*self._as, programs / "initdb", "-D", self._data, *options],
            check=True,
            capture_output=True,
            cwd="/",
        )

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://talkreel@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        self._launch()
        assert self._process is not None
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if time.monotonic() > deadline:
                raise RuntimeError("PostgreSQL did not start")
            if self._process.poll() is not None:
                # After a kill its children need a moment to notice; until then it refuses.
                time.sleep(0.2)
                self._launch()
            time.sleep(0.1)

    def _launch(self) -> None:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self._sockets,
            "max_connections": 50,
        }
        flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._process = subprocess.Popen(
            [*self._as, self._programs / "postgres", "-D", self._data, *flags],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
        )

    def kill(self) -> None:
        """SIGKILL, as when the machine's memory runs out."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGINT)  # fast shutdown

    def create(self, database: str) -> str:
        """A new database; returns its URL."""
        import psycopg

        address = f"host=127.0.0.1 port={self.port} user=talkreel dbname=postgres"
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{database}"')
        return self.url(database)

    def _answers(self) -> bool:
        done = subprocess.run(
            [self._programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        )
        return done.returncode == 0

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait()
            self._process = None


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """A server for as long as the context lasts."""
    programs = postgres_folder()
    if programs is None:
        missing("postgresql")
    # Not in pytest's own folders: those let in only the user who runs the tests.
    with tempfile.TemporaryDirectory(prefix="talkreel-postgres-") as folder:
        server = Postgres(Path(folder), programs)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One server for all tests; each makes a database of its own."""
    with running_postgres() as server:
        yield server
