"""How far a job is: stage, share of the whole, and what is ready."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from talkreel.core.stage import Progress


@dataclass(frozen=True, slots=True)
class Event:
    """One piece of news.

    Attributes:
        stage: what is being done, for people, e.g. ``transcribe``.
        stage_share: 0..1 of this stage.
        share: 0..1 of the whole job; never goes back.
        seconds_left: estimate for the whole job, or None while too early to say.
        message: news worth a line of its own (a warning, a finished clip), or empty.
    """

    stage: str
    stage_share: float
    share: float
    seconds_left: float | None = None
    message: str = ""


Watcher = Callable[[Event], None]


def unwatched(event: Event) -> None:
    """A ``Watcher`` that tells nobody."""


@dataclass(slots=True)
class Tracker:
    """Turns stage progress into progress of the whole job.

    Args:
        plan: (stage, expected seconds) of every stage that will run; the expectation only
            shapes the bar and the time left.
        watcher: who is told.
    """

    plan: Sequence[tuple[str, float]]
    watcher: Watcher = unwatched
    _done: dict[str, float] = field(default_factory=dict)
    _began: float = field(default_factory=time.monotonic)
    _best: float = 0.0
    # Clips are rendered in threads that all tell how far they are.
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def stage(self, name: str) -> Progress:
        """A ``Progress`` for one stage of the plan."""

        def progress(share: float) -> None:
            with self._lock:
                self._done[name] = max(self._done.get(name, 0.0), min(1.0, share))
                self._tell(name)

        progress(0.0)
        return progress

    def finish(self, name: str) -> None:
        """Mark a stage as done."""
        self.stage(name)(1.0)

    def say(self, name: str, message: str) -> None:
        """News about a stage."""
        with self._lock:
            self._tell(name, message)

    def _tell(self, name: str, message: str = "") -> None:
        total = sum(weight for _, weight in self.plan) or 1.0
        done = sum(weight * self._done.get(stage, 0.0) for stage, weight in self.plan)
        self._best = max(self._best, min(1.0, done / total))
        elapsed = time.monotonic() - self._began
        left = elapsed / self._best * (1 - self._best) if self._best > 0.02 else None
        self.watcher(Event(name, self._done.get(name, 0.0), self._best, left, message))
