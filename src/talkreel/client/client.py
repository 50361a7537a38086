"""The synchronous client."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import httpx

from talkreel.client import events as watching
from talkreel.client import operations
from talkreel.client.carrier import TIMEOUT_SECONDS, broken, request_of, settings
from talkreel.client.downloads import DownloadProgress
from talkreel.client.records import (
    Clip,
    Event,
    HookOrder,
    Model,
    Progress,
    Project,
    Score,
    Upload,
)
from talkreel.client.steps import (
    Broken,
    Call,
    Emit,
    More,
    Reply,
    Sleep,
    Step,
    Steps,
    Stream,
    Work,
)
from talkreel.client.uploads import UploadProgress, upload

T = TypeVar("T")


class Client:
    """Talks to a server; requests that may be repeated are, and what breaks goes on.

    Args:
        server: its address, e.g. ``http://127.0.0.1:8000``.
        api_key: an API key or an access token.
        timeout_seconds: longest wait for a sign of life.
        transport: how requests are sent; httpx's own when None.

    Raises:
        ValueError: ``server`` is not an address.
    """

    def __init__(
        self,
        server: str,
        api_key: str,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._http = httpx.Client(transport=transport, **settings(server, api_key, timeout_seconds))

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self._http.close()

    def upload(
        self,
        path: str | Path,
        *,
        name: str | None = None,
        upload_id: str | None = None,
        progress: UploadProgress | None = None,
        begun: Callable[[str], None] | None = None,
    ) -> Upload:
        """Send a file in pieces with checksums; ``upload_id`` goes on with one that was begun.

        Args:
            path: the file.
            name: what the server calls it; its own when None.
            upload_id: of an upload of the same file.
            progress: called with bytes that are there and in all.
            begun: called with the upload's id once it has one.
        """
        steps = upload(Path(path), name=name, upload_id=upload_id, progress=progress, begun=begun)
        return self._run(steps)

    def create_project(
        self,
        source: str | Path | Upload,
        options: Mapping[str, Any] | None = None,
        *,
        webhook_url: str | None = None,
        idempotency_key: str | None = None,
        progress: UploadProgress | None = None,
    ) -> Project:
        """Queue a project of a file (uploaded first), an ``https://`` address or an upload.

        Args:
            source: what to make clips of.
            options: as in the API, e.g. ``{"clips": 5, "aspect": "9:16"}``.
            webhook_url: who is told.
            idempotency_key: the same key makes the same project; one of its own when None.
            progress: of the upload.
        """
        return self._run(
            operations.create_project(
                source,
                options or {},
                webhook_url=webhook_url,
                idempotency_key=idempotency_key,
                progress=progress,
            )
        )

    def projects(self, *, source: str | None = None, state: str | None = None) -> Iterator[Project]:
        """Projects, newest first; those of a source or in a state if given."""
        return self._iterate(operations.list_projects(source, state))

    def project(self, project_id: str) -> Project:
        """A project as it is now."""
        return self._run(operations.get_project(project_id))

    def wait(
        self,
        project_id: str,
        *,
        timeout_seconds: float | None = None,
        progress: Callable[[Progress], None] | None = None,
        on_event: Callable[[Event], None] | None = None,
    ) -> Project:
        """Wait until a project has ended, however it does; returns it.

        Raises:
            TimeoutError: it has not, in so many seconds.
        """
        return self._run(
            watching.wait(
                project_id, timeout_seconds=timeout_seconds, progress=progress, on_event=on_event
            )
        )

    def events(self, project_id: str, *, after: int = 0) -> Iterator[Event]:
        """Events as they happen, until nothing more will come."""
        return self._iterate(watching.events(project_id, after))

    def cancel(self, project_id: str) -> Project:
        """Stop a project; what is ready of it stays."""
        return self._run(operations.change_project(project_id, "cancel"))

    def retry(self, project_id: str) -> Project:
        """Go on with a project that failed or was cancelled."""
        return self._run(operations.change_project(project_id, "retry"))

    def delete(self, project_id: str) -> None:
        """Remove a project and everything of it."""
        self._run(operations.delete_project(project_id))

    def save(
        self,
        project_id: str,
        part: str,
        target: str | Path,
        *,
        progress: DownloadProgress | None = None,
    ) -> Path:
        """Fetch ``analysis.json``, ``report.html`` or another of ``operations.PARTS``."""
        return self._run(operations.save(project_id, part, Path(target), progress))

    def clips(self, project_id: str) -> tuple[Clip, ...]:
        """Clips in order of rank."""
        return self._run(operations.list_clips(project_id))

    def clip(self, clip_id: str) -> Clip:
        """A clip as it is now."""
        return self._run(operations.get_clip(clip_id))

    def download(
        self,
        clip: Clip,
        target: str | Path,
        *,
        kind: str = "video",
        progress: DownloadProgress | None = None,
    ) -> Path:
        """Fetch a file of a clip (video, cover, srt, vtt or edit); goes on where it broke."""
        return self._run(operations.download_clip(clip, Path(target), kind, progress))

    def change_clip(
        self, clip_id: str, change: Mapping[str, Any], *, revision: int | None = None
    ) -> Clip:
        """Have a clip rendered anew, e.g. ``{"captions": {"style": "clean"}}``.

        Args:
            clip_id: the clip.
            change: as in the API.
            revision: only if it is still at this one.
        """
        return self._run(operations.change_clip(clip_id, change, revision))

    def wait_clip(self, clip_id: str) -> Clip:
        """Wait until a changed clip is rendered."""
        return self._run(operations.wait_clip(clip_id))

    def score(self, text: str) -> Score:
        """Scores of a text."""
        return self._run(operations.score({"text": text}))

    def score_clip(self, clip_id: str) -> Score:
        """Scores of what is said in a clip."""
        return self._run(operations.score({"clip_id": clip_id}))

    def rank_hooks(self, hooks: Sequence[str]) -> HookOrder:
        """Hooks against each other, strongest first."""
        return self._run(operations.rank_hooks(hooks))

    def models(self) -> tuple[Model, ...]:
        """Models in service."""
        return self._run(operations.list_models())

    def _run(self, steps: Steps[T]) -> T:
        carrier = _Carrier(self._http)
        try:
            step = next(steps)
            while True:
                try:
                    answer = carrier.do(step)
                except Broken as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(answer)
        except StopIteration as done:
            result: T = done.value
            return result
        finally:
            carrier.close()
            steps.close()

    def _iterate(self, stream: Stream[T]) -> Iterator[T]:
        carrier = _Carrier(self._http)
        try:
            step = next(stream)
            while True:
                if isinstance(step, Emit):
                    yield step.value
                    step = next(stream)
                    continue
                try:
                    answer = carrier.do(step)
                except Broken as error:
                    step = stream.throw(error)
                else:
                    step = stream.send(answer)
        except StopIteration:
            return
        finally:
            carrier.close()
            stream.close()


class _Carrier:
    """Carries out steps; at most one reply is being streamed."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http
        self._open: httpx.Response | None = None
        self._pieces: Iterator[bytes] = iter(())

    def do(self, step: Step) -> Any:
        match step:
            case Call():
                with broken(self._http.base_url):
                    return self._call(step)
            case More():
                with broken(self._http.base_url):
                    return next(self._pieces, b"")
            case Sleep(seconds):
                time.sleep(seconds)
                return None
            case Work(function):
                return function()

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    def _call(self, call: Call) -> Reply:
        self.close()
        response = self._http.send(request_of(self._http, call), stream=True)
        if call.streamed:
            self._open, self._pieces = response, response.iter_bytes()
            return Reply(response.status_code, dict(response.headers), b"")
        try:
            return Reply(response.status_code, dict(response.headers), response.read())
        finally:
            response.close()
