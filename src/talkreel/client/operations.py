"""What can be asked of a server, as steps. ``Client`` and ``AsyncClient`` carry them out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from talkreel.client.downloads import DownloadProgress, download
from talkreel.client.errors import ApiError
from talkreel.client.records import Clip, HookOrder, Model, Project, Score, Upload
from talkreel.client.requests import address, checked, fetched, json_of, post, read_value
from talkreel.client.steps import Call, Emit, Sleep, Steps, Stream, collected
from talkreel.client.uploads import UploadProgress, upload

T = TypeVar("T")

# What is kept of a project as a whole: name to address under it and its query.
PARTS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "analysis.json": ("analysis", {}),
    "analysis.npz": ("analysis", {"part": "arrays"}),
    "clips.json": ("index", {}),
    "report.html": ("report", {}),
    "transcript.json": ("transcript", {"format": "json"}),
    "transcript.srt": ("transcript", {"format": "srt"}),
    "transcript.vtt": ("transcript", {"format": "vtt"}),
}
_PAGE = 100
_RENDER_POLL_SECONDS = 1.0


def create_project(
    source: str | Path | Upload,
    options: Mapping[str, Any],
    *,
    webhook_url: str | None,
    idempotency_key: str | None,
    progress: UploadProgress | None,
) -> Steps[Project]:
    """Queue a project; a file is uploaded first."""
    if isinstance(source, str) and source.startswith(("https://", "http://")):
        where = {"url": source}
    else:
        if not isinstance(source, Upload):
            source = yield from upload(Path(source), progress=progress)
        where = {"upload_id": source.id}
    body: dict[str, Any] = {"source": where, "options": dict(options)}
    if webhook_url is not None:
        body["webhook_url"] = webhook_url
    return (yield from fetched(post("/v1/projects", body, key=idempotency_key), Project))


def get_project(project_id: str) -> Steps[Project]:
    """A project as it is now."""
    return (yield from fetched(Call("GET", address("projects", project_id)), Project))


def list_projects(source: str | None, state: str | None) -> Stream[Project]:
    """Projects, newest first."""
    return _pages("/v1/projects", "projects", Project, source=source, state=state)


def change_project(project_id: str, action: str) -> Steps[Project]:
    """Cancel or retry."""
    return (yield from fetched(post(address("projects", project_id, action)), Project))


def delete_project(project_id: str) -> Steps[None]:
    """Remove a project and everything of it; one that is gone is no error."""
    try:
        yield from checked(Call("DELETE", address("projects", project_id)))
    except ApiError as error:
        if error.code != "project_not_found":
            raise


def save(
    project_id: str, part: str, target: Path, progress: DownloadProgress | None
) -> Steps[Path]:
    """Fetch one of ``PARTS``."""
    if part not in PARTS:
        raise ValueError(f"no part {part!r} of a project: there are {', '.join(PARTS)}")
    name, params = PARTS[part]
    call = Call("GET", address("projects", project_id, name), params=params)
    return (yield from download(call, target, progress=progress))


def list_clips(project_id: str) -> Steps[tuple[Clip, ...]]:
    """Clips in order of rank."""
    return (yield from collected(_pages(address("projects", project_id, "clips"), "clips", Clip)))


def get_clip(clip_id: str) -> Steps[Clip]:
    """A clip as it is now."""
    return (yield from fetched(Call("GET", address("clips", clip_id)), Clip))


def change_clip(clip_id: str, change: Mapping[str, Any], revision: int | None) -> Steps[Clip]:
    """Ask for a clip to be rendered anew."""
    headers = {} if revision is None else {"If-Match": f'"r{revision}"'}
    call = Call("PATCH", address("clips", clip_id), headers=headers, json=dict(change))
    return (yield from fetched(call, Clip))


def wait_clip(clip_id: str) -> Steps[Clip]:
    """Wait until a clip is not being rendered."""
    while True:
        clip = yield from get_clip(clip_id)
        if clip.state != "rendering":
            return clip
        yield Sleep(_RENDER_POLL_SECONDS)


def download_clip(
    clip: Clip, target: Path, kind: str, progress: DownloadProgress | None
) -> Steps[Path]:
    """Fetch a file of a clip."""
    path = clip.files.get(kind)
    if path is None:
        raise ApiError(
            "file_not_found", f"clip {clip.id} has no {kind}: it has {', '.join(clip.files)}"
        )
    size = clip.measured.get("size_bytes") if kind == "video" else None
    return (yield from download(Call("GET", path), target, size=size, progress=progress))


def score(body: Mapping[str, str]) -> Steps[Score]:
    """Scores of a text or a clip."""
    return (yield from fetched(post("/v1/score", dict(body)), Score))


def rank_hooks(hooks: Sequence[str]) -> Steps[HookOrder]:
    """Hooks against each other."""
    return (yield from fetched(post("/v1/hooks/rank", {"hooks": list(hooks)}), HookOrder))


def list_models() -> Steps[tuple[Model, ...]]:
    """Bundles in service."""
    reply = yield from checked(Call("GET", "/v1/models"))
    return tuple(read_value(item, Model) for item in json_of(reply)["models"])


def _pages(path: str, name: str, kind: type[T], **params: str | None) -> Stream[T]:
    cursor: str | None = None
    while True:
        call = Call("GET", path, params={**params, "limit": _PAGE, "cursor": cursor})
        reply = yield from checked(call)
        page = json_of(reply)
        for item in page[name]:
            yield Emit(read_value(item, kind))
        cursor = page["next"]
        if cursor is None:
            return
