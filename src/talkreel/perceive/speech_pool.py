"""Spreads chunks over processes, so that every core recognises speech.

The aligner holds Python's global lock, so threads would wait for each other. Workers are plain
child processes talking over pipes: unlike ``multiprocessing`` they neither import the caller's
main module again nor outlive it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from talkreel.core.errors import TalkreelError
from talkreel.perceive.speech_worker import read_message, write_message

T = TypeVar("T")
Request = tuple[dict[str, Any], NDArray[np.float32]]

# A worker holds about 260 MB; more of them than this would cost more memory than they save time.
MAX_WORKERS = 4
_ERROR_TAIL = 300
_STOP_SECONDS = 5.0


class SpeechPool:
    """A fixed number of worker processes, started when first needed.

    Use as a context manager, or call ``close``; workers also end with this process.

    Raises:
        ValueError: fewer than one worker.
    """

    def __init__(self, workers: int | None = None) -> None:
        if workers is not None and workers < 1:
            raise ValueError(f"at least one worker is needed, got {workers}")
        self.workers = workers or min(MAX_WORKERS, _cores())
        self._idle: deque[_Worker] = deque()
        self._all: list[_Worker] = []
        self._lock = threading.Lock()
        self._closed = False

    def __enter__(self) -> SpeechPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def map(self, requests: Iterable[Request], parse: Callable[[dict[str, Any]], T]) -> Iterator[T]:
        """Answers in the order of the requests; few requests are read ahead.

        Raises:
            TalkreelError: a worker died twice over the same chunk.
        """
        ahead = 2 * self.workers
        pending: deque[Future[dict[str, Any]]] = deque()
        executor = ThreadPoolExecutor(self.workers, thread_name_prefix="speech")
        try:
            for request in requests:
                pending.append(executor.submit(self._ask, request))
                if len(pending) > ahead:
                    yield parse(pending.popleft().result())
            while pending:
                yield parse(pending.popleft().result())
        except BaseException:
            for future in pending:
                future.cancel()
            self.close()  # first, so that nobody waits for chunks that nobody wants
            raise
        finally:
            executor.shutdown(wait=True)

    def close(self) -> None:
        """End every worker."""
        with self._lock:
            self._closed = True
            workers, self._all = self._all, []
            self._idle.clear()
        for worker in workers:
            worker.stop()

    def _ask(self, request: Request) -> dict[str, Any]:
        failure = ""
        for _ in range(2):  # once more in a fresh process: it may have been out of memory
            worker = self._take()
            answer = worker.ask(request)
            if answer is not None:
                with self._lock:
                    self._idle.append(worker)
                return answer
            failure = worker.last_words()
            self._drop(worker)
            if self._closed:
                break
        raise TalkreelError(f"the speech recogniser's process ended: {failure or 'killed'}")

    def _take(self) -> _Worker:
        with self._lock:
            if self._closed:
                raise RuntimeError("this speech pool is closed")
            if self._idle:
                return self._idle.popleft()
            worker = _Worker()
            self._all.append(worker)
            return worker

    def _drop(self, worker: _Worker) -> None:
        with self._lock:
            if worker in self._all:
                self._all.remove(worker)
        worker.stop()


class _Worker:
    def __init__(self) -> None:
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop
        path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "talkreel.perceive.speech_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, "PYTHONPATH": path},
        )

    def ask(self, request: Request) -> dict[str, Any] | None:
        """The answer, or None when the process died."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            write_message(stdin, *request)
            answer = read_message(stdout)
        except (OSError, ValueError):
            return None
        return None if answer is None else answer[0]

    def last_words(self) -> str:
        """The last line the process wrote to its error stream."""
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1][-_ERROR_TAIL:] if lines else ""

    def stop(self) -> None:
        self._process.kill()  # it holds nothing that could be left half-done
        self._process.wait(_STOP_SECONDS)
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            if stream is not None:
                _close_quietly(stream)


def _close_quietly(stream: IO[bytes]) -> None:
    try:
        stream.close()
    except OSError:  # unsent bytes for a process that is gone
        return


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
