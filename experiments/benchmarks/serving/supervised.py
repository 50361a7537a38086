"""The whole service in processes of its own, started again when it ends, and its parts to kill.

    python -m experiments.benchmarks.serving.supervised

runs it as ``serve run serving.app:build`` does, on a Ray of its own; settings come from the
environment.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import psutil

from serving.settings import Settings
from serving.standalone import environment

ROOT = Path(__file__).resolve().parents[3]
WITHOUT_RAY = "make serve SERVE=--no-ray"
# How a user starts it, and what does the same here.
WAYS = {
    "make serve": [sys.executable, "-m", "serving.app"],
    WITHOUT_RAY: [sys.executable, "-m", "serving.app", "--no-ray"],
    "serve run": [sys.executable, "-m", "experiments.benchmarks.serving.supervised"],
}
API, WHOLE = "api", "whole server"
_REPLICAS = {"Api": API, "Scorer": "scorer", "Worker": "worker", "Background": "background"}
_START_SECONDS = 600.0
_GONE_SECONDS = 60.0


class Service:
    """One server and its supervisor, which starts it again when it has ended, as systemd would.

    Args:
        settings: of the server; ``data`` is absolute.
        way: one of ``WAYS``.
    """

    def __init__(self, settings: Settings, way: str) -> None:
        self.settings = settings
        self.way = way
        self.starts = 0
        self._log = settings.data.with_suffix(".log")
        self._stop = threading.Event()
        self._process = self._start()
        self._supervisor = threading.Thread(target=self._supervise, daemon=True)

    def __enter__(self) -> Service:
        self._supervisor.start()
        deadline = time.monotonic() + _START_SECONDS
        try:
            while not self.is_ready():
                if time.monotonic() > deadline:
                    raise RuntimeError(f"no server: {self._log.read_text()[-2000:]}")
                time.sleep(0.5)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._supervisor.join()
        below = self._below()
        self._process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_GONE_SECONDS)
        self._process.kill()
        self._process.wait()
        _end(below)

    def is_ready(self) -> bool:
        """Whether all of it answers."""
        try:
            return httpx.get(f"{self.settings.url}/readyz", timeout=10).status_code == 200
        except httpx.TransportError:
            return False

    def has(self, kind: str) -> bool:
        """Whether this way of starting has processes of a kind."""
        if kind == WHOLE:  # elsewhere the API is in the process that started all
            return self.way == "serve run"
        return self.way != WITHOUT_RAY or kind not in ("scorer", "background")

    def victims(self, kind: str) -> list[psutil.Process]:
        """Processes of a kind that are alive."""
        if kind == WHOLE or (kind == API and self.way != "serve run"):
            return [psutil.Process(self._process.pid)] if self._process.poll() is None else []
        return [process for process in self._below() if _kind(process) == kind]

    def _below(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self._process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def _start(self) -> subprocess.Popen[bytes]:
        self.starts += 1
        with self._log.open("ab") as log:
            return subprocess.Popen(
                WAYS[self.way],
                cwd=ROOT,
                # Its own, so that it never meets another Ray of this machine.
                env={**environment(self.settings), "RAY_TMPDIR": str(self.settings.data.parent)},
                stdout=log,
                stderr=log,
            )

    def _supervise(self) -> None:
        below = self._below()
        while not self._stop.wait(0.5):
            if self._process.poll() is None:
                below = self._below() or below
            else:
                # What it leaves ends by itself or, as a service's group does, is ended.
                _end(below)
                self._process = self._start()


def _kind(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        command = process.cmdline() or [""]
        title = command[0].partition("ray::ServeReplica:talkreel:")[2]
        if title:
            return _REPLICAS.get(title.partition(".")[0].strip(), "")
        if "serving.jobs.worker" in command:
            return "worker"
        if "serving.jobs.runner" in command:
            return "runner"
        if "ffmpeg" in Path(command[0]).name:
            return "ffmpeg"
    return ""


def _end(processes: list[psutil.Process], patience: float = 8.0) -> None:
    """Wait until they are gone; end those that stay."""
    deadline = time.monotonic() + patience
    while alive := [process for process in processes if _is_alive(process)]:
        if time.monotonic() > deadline:
            for process in alive:
                with contextlib.suppress(psutil.Error):
                    process.kill()
        time.sleep(0.1)


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def main() -> None:
    """The API as an ingress behind Serve's proxy, until SIGINT."""
    from serving.app import APP, AppArgs, build
    from serving.deployments import cluster

    args = AppArgs()
    cluster.start(args.settings, proxy=True)
    try:
        cluster.run(build(args), APP, route="/")
        signal.pause()
    except KeyboardInterrupt:
        return
    finally:
        cluster.stop()


if __name__ == "__main__":
    os.chdir(ROOT)
    main()
