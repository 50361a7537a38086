"""One attempt at one job: source in, runner, clips out, and its end written down."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from obstore.exceptions import BaseError
from sqlalchemy import Row, select

from serving.jobs import intake, outcomes
from serving.jobs.bundles import gather_bundles
from serving.jobs.child import failure_said, run_task
from serving.jobs.failures import Failure, failure_of, reproduce_clip
from serving.jobs.held import Held
from serving.jobs.publish import Published, Publisher, project_prefix, save_clip
from serving.jobs.queue import FencedOut, Lease
from serving.jobs.watch import Interrupted
from serving.services import Services
from serving.storage import database as db

_LOG = logging.getLogger(__name__)
# A job whose worker dies every time is what kills it. Workers also die for other reasons.
_LOST_PER_ATTEMPT = 5
# How often a transfer tells how far it is.
_SHARE_STEP_SECONDS = 0.5


@dataclass(slots=True)
class _Seen:
    """What the runner has told so far."""

    clips: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    media: dict[str, Any] = field(default_factory=dict)
    share: float = 0.0


class Attempt:
    """Runs one leased job to its end, or to wherever it is ended from outside.

    Args:
        services: everything.
        lease: the job.
        stop: set when the worker is asked to end.
        folder: of this attempt alone; exists.
    """

    def __init__(
        self, services: Services, lease: Lease, stop: threading.Event, folder: Path
    ) -> None:
        self._services = services
        self._settings = services.settings
        self._lease = lease
        self._folder = folder
        self._seen = _Seen()
        self._held = Held(services, lease, stop)

    def run(self) -> None:
        """Do it.

        Raises:
            FencedOut: the job is another's now; nothing was written since.
        """
        with closing(self._held.spans), self._held.watch:
            try:
                self._run()
            except Interrupted:
                pass  # whoever ended it has said so
            except intake.IntakeFailed as error:
                self._held.fail(error.failure)
            except (OSError, BaseError) as error:
                _LOG.exception("%s: files or objects", self._lease.job_id)
                self._held.fail(Failure(self._held.phase, "storage", str(error)))
            except FencedOut:
                self._held.spans.fail("lost", "the job is another's now")
                raise
            except Exception as error:  # a bug ends this job, not the worker
                _LOG.exception("%s: a bug", self._lease.job_id)
                self._held.fail(failure_of(error, self._held.phase))

    def _run(self) -> None:
        settings = self._settings
        self._held.watch.within(settings.timeout_floor_seconds + settings.import_seconds)
        project = self._held.write(lambda connection: outcomes.begin(connection, self._lease))
        self._seen.share = project.share
        self._held.reproduce = reproduce_clip(
            project.source.get("name") or "source", project.options
        )
        lost = self._lease.attempt - 1 - self._lease.failures
        if lost > _LOST_PER_ATTEMPT * settings.max_attempts:
            message = f"its worker died {lost} times; look at the worker's memory and its log"
            self._held.fail(Failure(project.phase or "start", "crashed", message), for_good=True)
        elif self._lease.kind == "clip":
            self._clip(project)
        else:
            self._render(project)

    def _clip(self, project: Row[Any]) -> None:
        source, name = self._source(project)
        publisher = Publisher(self._services.objects, self._lease, self._out, name)
        task = {
            "kind": "clip",
            "options": project.options,
            "max_media_seconds": self._settings.max_media_seconds,
            "last_attempt": self._lease.failures + 1 >= self._settings.max_attempts,
        }
        bundles, warning = gather_bundles(
            self._settings, self._lease.tenant_id, self._folder / "bundles"
        )
        if warning:
            self._held.write(lambda c: outcomes.warn(c, self._lease.project_id, warning))
        with closing(self._say(task, source, bundles)) as lines:
            for said in lines:
                with self._held.watch.busy():
                    self._heard(said, publisher)

    def _heard(self, said: dict[str, Any], publisher: Publisher) -> None:
        match said.pop("type"):
            case "progress":
                self._progress(said)
            case "warning":
                self._held.write(
                    lambda c: outcomes.warn(c, self._lease.project_id, said["message"])
                )
            case "media":
                self._seen.media = said
                self._held.watch.within(self._longest(said["duration"]))
                self._held.write(lambda c: outcomes.saw_media(c, self._lease, said))
            case "clip":
                published = publisher.clip(said["clip"])
                self._seen.clips.append(said["clip"]["id"])
                unused = self._held.write(lambda c: save_clip(c, self._lease, published))
                self._seen.unused.extend(unused)
            case "result":
                self._finish(said, publisher)
            case "empty":
                failure = Failure("rank", "nothing", said["why"], retryable=False)
                self._held.write(
                    lambda c: outcomes.finish_empty(
                        self._services, c, self._lease, self._held.document(failure)
                    )
                )
                self._held.watch.over()
            case "failure":
                self._held.fail(failure_said(said))

    def _finish(self, said: Mapping[str, Any], publisher: Publisher) -> None:
        files = publisher.results()
        media = {
            **self._seen.media,
            "transcript_source": said["transcript_source"],
            "scorer": said["scorer"],
        }
        stored = self._stored_bytes()
        unused = self._held.write(
            lambda connection: outcomes.finish_clips(
                self._services,
                connection,
                self._lease,
                clip_ids=said["clips"],
                media=media,
                files=files,
                stored_bytes=stored,
                unused=self._seen.unused,
            )
        )
        self._held.watch.over()
        for key in unused:
            self._services.objects.delete(key)

    def _render(self, project: Row[Any]) -> None:
        payload = self._lease.payload
        wanted = select(db.clips).where(db.clips.c.id == payload["clip_id"])
        clip = self._held.write(lambda c: c.execute(wanted).one_or_none())
        if clip is None or clip.revision != payload["revision"]:
            # Removed, or changed again: there is a later job for that.
            self._held.write(lambda c: self._services.queue.end(c, self._lease, "done"))
            return
        source, name = self._source(project)
        publisher = Publisher(self._services.objects, self._lease, self._out, name)
        stem = f"{clip.id}-r{clip.revision}"
        self._held.reproduce = f"talkreel render {stem}.json --out {stem}.mp4"
        task = {"kind": "render", "edit": payload["edit"], "video": f"clips/{stem}.mp4"}
        self._held.watch.within(self._longest(self._duration(project)))
        with closing(self._say(task, source)) as lines:
            for said in lines:
                with self._held.watch.busy():
                    if said["type"] == "failure":
                        self._held.fail(failure_said(said))
                    elif said["type"] == "result":
                        self._finish_render(said, publisher, clip, stem)

    def _finish_render(
        self, said: Mapping[str, Any], publisher: Publisher, clip: Row[Any], stem: str
    ) -> None:
        files = publisher.rendered(stem, said["captions"])
        edit = dict(self._lease.payload["edit"])
        files["edit"] = publisher.edit(edit, f"edits/{stem}.json")
        if "words" in clip.files:  # titles and posts stay
            files["words"] = clip.files["words"]
        names = {kind: key.removeprefix(self._prefix) for kind, key in files.items()}
        record = {
            **clip.record,
            "spans": said["spans"],
            "title": edit["title"],
            "text": clip.record["text"] if said["text"] is None else said["text"],
            "measured": said["measured"],
            "warnings": said["warnings"],
            "files": {"srt": None, "vtt": None, **names},
        }
        stored = self._stored_bytes()
        self._held.write(
            lambda c: outcomes.finish_render(
                self._services, c, self._lease, Published(record, edit, files), stored
            )
        )
        self._held.watch.over()

    def _source(self, project: Row[Any]) -> tuple[Path, str]:
        """The source as a local file, and what its owner calls it."""
        source, share = project.source, self._transfer
        if source["kind"] != "url":
            with share("fetch") as tell:
                path = intake.fetch_object(
                    self._services.objects, source["key"], source["name"], self._folder, tell
                )
            if source.get("sha256") is None:  # it went straight to the object store
                known = {**source, "sha256": intake.sha256(path)}
                self._held.write(lambda c: outcomes.saw_source(c, self._lease, known))
            return path, source["name"]
        with share("import") as tell:
            path, known = intake.import_url(
                source["url"], source.get("name"), self._folder, self._settings, tell
            )
        owner = f"tenants/{self._lease.tenant_id}/sources/{self._lease.project_id}"
        key = f"{owner}/source{intake.safe_suffix(known['name'])}"
        self._services.objects.put(key, path)
        stored = {"kind": "object", "key": key, **known}
        self._held.write(lambda c: outcomes.saw_source(c, self._lease, stored))
        return path, str(known["name"])

    @contextmanager
    def _transfer(self, phase: str) -> Iterator[intake.Share]:
        """Progress of bringing the source here; ends it when the job is ended."""
        told = 0.0

        def tell(share: float | None) -> None:
            nonlocal told
            self._held.watch.check()
            if share is not None and time.monotonic() - told > _SHARE_STEP_SECONDS:
                told = time.monotonic()
                self._progress(
                    {
                        "phase": phase,
                        "percent": 0.0,
                        "phase_percent": round(100 * share, 1),
                        "seconds_left": None,
                    }
                )

        yield tell

    def _progress(self, news: dict[str, Any]) -> None:
        """Tell how far the job is; done again, it is never less far than was told before."""
        self._held.enter(news["phase"])
        self._seen.share = max(self._seen.share, news["percent"] / 100)
        news["percent"] = round(100 * self._seen.share, 1)
        self._held.write(lambda c: outcomes.show_progress(c, self._lease, news))

    def _say(
        self, task: Mapping[str, Any], source: Path, bundles: Path | None = None
    ) -> Generator[dict[str, Any], None, None]:
        whole = {
            **task,
            "source": str(source),
            "out": str(self._out),
            "cache": str(self._settings.data.absolute() / "cache"),
        }
        return run_task(
            self._folder,
            whole,
            self._held.watch,
            cache_limit_gb=self._settings.cache_limit_gb,
            bundles=bundles,
        )

    def _longest(self, media_seconds: float) -> float:
        settings = self._settings
        return settings.timeout_floor_seconds + settings.timeout_per_media_second * media_seconds

    def _duration(self, project: Row[Any]) -> float:
        return float((project.media or {}).get("duration", 0.0))

    def _stored_bytes(self) -> int:
        """Of what was made, and of the source if it was imported for this project alone."""
        sources = f"tenants/{self._lease.tenant_id}/sources/{self._lease.project_id}/"
        objects = self._services.objects
        return objects.bytes_under(self._prefix) + objects.bytes_under(sources)

    @property
    def _prefix(self) -> str:
        return project_prefix(self._lease.tenant_id, self._lease.project_id)

    @property
    def _out(self) -> Path:
        return self._folder / "out"
