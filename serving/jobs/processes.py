"""Everything a runner started: found by its session, ended together, its CPU time summed."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_END_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class _Process:
    pid: int
    session: int
    state: str
    ticks: int


def end_session(session: int) -> None:
    """Kill every process of a session and wait until none runs.

    ffmpeg has a process group of its own within the runner's session, so a group is not enough.
    """
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(session, signal.SIGKILL)  # all there is where there is no /proc
    deadline = time.monotonic() + _END_SECONDS
    while living := _living(session):
        for process in living:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            return
        time.sleep(0.01)


def cpu_seconds(session: int) -> float:
    """CPU time that a session's processes, and those that ended, have used."""
    ticks = sum(process.ticks for process in _processes() if process.session == session)
    return ticks / os.sysconf("SC_CLK_TCK")


def _living(session: int) -> list[_Process]:
    return [p for p in _processes() if p.session == session and p.state not in "ZX"]


def _processes() -> Iterator[_Process]:
    for folder in _PROC.glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue  # it ended meanwhile
        # The name, in parentheses, may hold anything; the numbers follow its last one.
        fields = stat.rpartition(")")[2].split()
        used = sum(int(field) for field in fields[11:15])
        yield _Process(int(folder.name), int(fields[3]), fields[0], used)
