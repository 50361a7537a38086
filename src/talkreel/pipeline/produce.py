"""Edits to delivered clips: several rendered at a time, each put in place in order of rank."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from talkreel.core.clips import Clip
from talkreel.core.errors import RenderError
from talkreel.core.stage import Progress
from talkreel.pipeline.deliver import OutputFolder
from talkreel.pipeline.export import with_exports
from talkreel.pipeline.job import Job
from talkreel.pipeline.make import Cut, Rendered, deliver, rendered

# One render of a vertical HD clip keeps about three cores busy and leaves a good part of two
# idle at its ends; a larger picture takes gigabytes, so those are made one by one.
_CORES_PER_RENDER = 3
_LARGE_LONG_SIDE = 1920

_Made = tuple[Cut, "Future[tuple[Path, Rendered]]"]


def unheard(news: object) -> None:
    """Told of clips or of errors; does nothing with them."""


class _Stopped(Exception):
    """The job is being given up: ends the renders that still run."""


def produce(
    job: Job,
    folder: OutputFolder,
    cuts: Iterable[Cut],
    count: int,
    *,
    delivered: Callable[[Clip], None] = unheard,
    dropped: Callable[[RenderError], None] = unheard,
) -> tuple[list[Clip], list[str]]:
    """Deliver ``count`` cuts in order; one that fails is reported and the rest move up.

    Args:
        job: what is asked.
        folder: where to.
        cuts: in order of rank.
        count: how many there are.
        delivered: called with each clip once all of its files are in ``folder``.
        dropped: called with the error of a clip that fails; what it raises ends the job.

    Returns:
        The clips, and what went wrong, one line each.

    Raises:
        RenderError: every clip failed.
        OutputError: ``folder`` cannot be written.
    """
    tracker = job.tracker
    clips: list[Clip] = []
    problems: list[str] = []
    failure: RenderError | None = None
    with closing(_renders(job, cuts, count)) as renders:
        for made, render in renders:
            try:
                path, file = render.result()
            except RenderError as error:
                failure = error
                problems.append(f"no clip at {made.candidate.span.start:.1f} s: {error}")
                tracker.say("clips", problems[-1])
                dropped(error)
                continue
            clip = deliver(folder, len(clips) + 1, made, path, file)
            clip = with_exports(job, folder, made.edit, clip)
            clips.append(clip)
            tracker.say("clips", f"clip {clip.rank}: {folder.root / clip.files.video}")
            delivered(clip)
    tracker.finish("clips")
    if failure is not None and not clips:
        raise failure
    return clips, problems


def _renders(job: Job, cuts: Iterable[Cut], count: int) -> Generator[_Made, None, None]:
    """Cuts in order with their renders, some of them under way ahead of the caller."""
    progress = job.tracker.stage("clips")
    shares = [0.0] * count
    stop = threading.Event()

    def share_of(index: int) -> Progress:
        def share(part: float) -> None:
            if stop.is_set():
                raise _Stopped
            shares[index] = part
            progress(sum(shares) / count)

        return share

    at_once = renders_at_once(job.options.settings.long_side, os.cpu_count() or 1)
    pool = ThreadPoolExecutor(at_once, thread_name_prefix="render")
    waiting: deque[_Made] = deque()
    try:
        for index, made in enumerate(cuts):
            render = pool.submit(rendered, job.cache, made.edit, job.media, share_of(index))
            waiting.append((made, render))
            if len(waiting) > at_once:
                yield waiting.popleft()
        while waiting:
            yield waiting.popleft()
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


def renders_at_once(long_side: int, cores: int) -> int:
    """How many clips of that size (pixels) to render at a time."""
    if long_side > _LARGE_LONG_SIDE:
        return 1
    return min(cores, max(2, cores // _CORES_PER_RENDER))
