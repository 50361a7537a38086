"""The process that runs one job: ``python -m serving.jobs.runner FOLDER``.

It reads ``FOLDER/job.json`` and prints one JSON object per line: ``media``, ``progress``, ``clip``
and ``warning`` as they come, then one of ``result``, ``empty`` or ``failure``. It has a session of
its own, so that everything it starts can be found and ended, and it dies with its worker.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import threading
import time
import traceback
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from talkreel.core.clips import Clip
    from talkreel.core.edits import Edit
    from talkreel.core.errors import RenderError
    from talkreel.pipeline.job import Job
    from talkreel.pipeline.options import ClipOptions
    from talkreel.pipeline.progress import Event, Watcher

PROGRESS_SECONDS = 0.5
# The API answers on the same cores.
NICENESS = 5
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Reporter:
    """Tells the worker, one line at a time.

    Attributes:
        phase: what is being done.
    """

    def __init__(self, stream: TextIO) -> None:
        self.phase = "start"
        self._stream = stream
        self._lock = threading.Lock()
        self._told = 0.0

    def say(self, kind: str, **fields: Any) -> None:
        """Print one line."""
        line = json.dumps({"type": kind, **fields}, ensure_ascii=False)
        with self._lock:
            self._stream.write(line + "\n")
            self._stream.flush()

    def watch(self, event: Event) -> None:
        """Progress, at most every ``PROGRESS_SECONDS`` within a phase."""
        now = time.monotonic()
        if event.stage == self.phase and now - self._told < PROGRESS_SECONDS:
            return
        self.phase, self._told = event.stage, now
        left = event.seconds_left
        self.say(
            "progress",
            phase=event.stage,
            percent=round(100 * event.share, 1),
            phase_percent=round(100 * event.stage_share, 1),
            seconds_left=None if left is None else round(left, 1),
        )


def main(arguments: list[str]) -> int:
    """Run the job in the folder that is named; returns 0 when its end was told."""
    folder = Path(arguments[0])
    task = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    live_with(task["worker"])
    os.nice(NICENESS)
    reporter = Reporter(_own_stdout())
    from serving.jobs.failures import failure_of
    from talkreel.core.errors import NothingToClip

    try:
        if task["kind"] == "clip":
            _clip(task, folder, reporter)
        else:
            _render(task, folder, reporter)
    except NothingToClip as error:
        reporter.say("empty", why=str(error))
    except Exception as error:
        traceback.print_exc()
        failure = failure_of(error, reporter.phase)
        reporter.say(
            "failure",
            phase=failure.phase,
            cause=failure.cause,
            message=failure.message,
            ffmpeg_tail=list(failure.ffmpeg_tail),
            retryable=failure.retryable,
        )
    return 0


def live_with(parent: int) -> None:
    """Die when ``parent`` (a process id) does, even if it is killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the line above
        os._exit(1)


def _own_stdout() -> TextIO:
    """A stream to the worker; whatever else prints to standard output lands in the log."""
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return stream


def _clip(task: dict[str, Any], folder: Path, reporter: Reporter) -> None:
    from serving.jobs.options import clip_options
    from talkreel.core.jsonio import encode
    from talkreel.pipeline.clip import run_job

    def delivered(clip: Clip) -> None:
        reporter.say("clip", clip=encode(clip))

    def dropped(error: RenderError) -> None:
        # Another attempt only renders what is missing; the last one keeps what there is.
        if not task["last_attempt"]:
            raise error

    job = _open(task, clip_options(task["options"], folder), reporter.watch)
    media, video = job.media, job.media.video
    reporter.say(
        "media",
        digest=media.digest,
        duration=media.duration,
        width=video.width if video else None,
        height=video.height if video else None,
    )
    for warning in media.warnings:
        reporter.say("warning", message=warning)
    result = run_job(job, Path(task["out"]), delivered=delivered, dropped=dropped)
    for warning in result.warnings:
        reporter.say("warning", message=warning)
    reporter.say(
        "result",
        clips=[clip.id for clip in result.clips],
        transcript_source=result.transcript_source,
        scorer=result.scorer,
    )


def _open(task: dict[str, Any], options: ClipOptions, watcher: Watcher) -> Job:
    from talkreel.core.errors import InputError
    from talkreel.pipeline.clip import open_job
    from talkreel.store.cache import StageCache

    source, cache = Path(task["source"]), StageCache(Path(task["cache"]))
    job = open_job(source, options, cache, watcher)
    if job.media.duration > task["max_media_seconds"]:
        raise InputError(
            f"{source.name!r} is {job.media.duration / 60:.1f} minutes long and this server takes "
            f"up to {task['max_media_seconds'] / 60:.1f}: cut it, or give a part of it as a file"
        )
    return job


def _render(task: dict[str, Any], folder: Path, reporter: Reporter) -> None:
    from talkreel.core.edits import SCHEMA, Edit
    from talkreel.core.jsonio import encode, read_document
    from talkreel.pipeline.make import caption_warnings
    from talkreel.pipeline.rerender import render_to
    from talkreel.store.cache import StageCache

    edit = replace(read_document(Edit, task["edit"], SCHEMA), media_uri=task["source"])
    video = Path(task["out"]) / task["video"]
    measured = render_to(edit, video, StageCache(Path(task["cache"])), reporter.watch)
    reporter.say(
        "result",
        measured=encode(measured),
        spans=encode(edit.kept),
        captions=edit.captions is not None,
        text=_text(edit),
        warnings=list(caption_warnings(edit)),
    )


def _text(edit: Edit) -> str | None:
    """What is said as the captions show it; None without any."""
    if edit.captions is None:
        return None
    lines = [line for cue in edit.captions.cues for line in cue.lines]
    return " ".join(word.text for line in lines for word in line)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
