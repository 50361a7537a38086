"""Progress and messages for people: bars on a terminal, plain lines when piped."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TextIO

from talkreel.pipeline.progress import Event, Watcher

# Set once the user asks to stop. An interrupt that Python raises inside a destructor or a C
# callback is dropped there; the next piece of progress sees this and raises it again.
ASKED_TO_STOP = threading.Event()
# A plain line at most this often, so that a log of a long job stays readable.
PLAIN_SECONDS = 5.0


@contextmanager
def watching(stream: TextIO | None = None) -> Iterator[Watcher]:
    """A watcher that draws on ``stream`` (stderr): stdout stays free for results."""
    target = stream or sys.stderr
    with _bar(target) if target.isatty() else nullcontext(_PlainLines(target)) as tell:

        def watcher(event: Event) -> None:
            if ASKED_TO_STOP.is_set():
                raise KeyboardInterrupt
            tell(event)

        yield watcher


class _PlainLines:
    def __init__(self, target: TextIO) -> None:
        self._target = target
        self._stage = ""
        self._last = 0.0

    def __call__(self, event: Event) -> None:
        now = time.monotonic()
        if event.message:
            self._write(event.message)
        elif event.stage != self._stage or now - self._last >= PLAIN_SECONDS:
            self._stage, self._last = event.stage, now
            self._write(f"{event.share:4.0%} {event.stage}{_time_left(event.seconds_left)}")

    def _write(self, line: str) -> None:
        self._target.write(f"talkreel: {line}\n")
        self._target.flush()


@contextmanager
def _bar(target: TextIO) -> Iterator[Watcher]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    console = Console(file=target)
    columns = (
        TextColumn("{task.description:<12}"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %"),
        TextColumn("{task.fields[left]}"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("start", total=1.0, left="")

        def watcher(event: Event) -> None:
            if event.message:
                progress.console.print(event.message, highlight=False, markup=False)
            progress.update(
                task,
                completed=event.share,
                description=event.stage,
                left=_time_left(event.seconds_left),
            )

        yield watcher


def _time_left(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    return f", {minutes}:{rest:02d} left"
