"""``talkreel --server URL clip``: the job runs there, its results land here as if it had not."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from talkreel.client import ApiError, Client, Project, Upload
from talkreel.client import Clip as RemoteClip
from talkreel.client import Event as RemoteEvent
from talkreel.core.analysis import Analysis
from talkreel.core.clips import SCHEMA, Clip, ClipSet
from talkreel.core.edits import SCHEMA as EDIT_SCHEMA
from talkreel.core.edits import Edit
from talkreel.core.errors import InputError, NothingToClip, SchemaError, TalkreelError
from talkreel.core.jsonio import load_json, read_document, write_document, write_text
from talkreel.media.probe import probe
from talkreel.perceive.sidecar import find_sidecar
from talkreel.pipeline.craft_options import PORTABLE, CraftOptions
from talkreel.pipeline.deliver import OutputFolder, place
from talkreel.pipeline.options import ClipOptions
from talkreel.pipeline.progress import Event, Watcher
from talkreel.store.analysis import read_analysis, write_analysis

KEY_VARIABLE = "TALKREEL_API_KEY"
# Shares of the bar: sending the file, the job, fetching the results.
_SENT, _MADE = 0.1, 0.95
_URLS = ("https://", "http://")
_CALLERS_CAUSES = frozenset({"input", "import"})


@dataclass(frozen=True, slots=True)
class Begun:
    """What an earlier run of the same command has begun at the server.

    Attributes:
        fingerprint: of server, source and options: another command begins anew.
        key: makes creating the project repeatable.
        upload_id: of the source, once it is begun.
        project_id: once it is made.
    """

    fingerprint: str
    key: str
    upload_id: str | None = None
    project_id: str | None = None


def clip_remotely(
    server: str,
    key_file: str | None,
    source: str,
    out: Path,
    options: ClipOptions,
    watcher: Watcher,
) -> ClipSet:
    """Make clips of ``source`` at a server; ``out`` is then what a job here would have left.

    Run again after an interrupt, it goes on where it was.

    Args:
        server: its address.
        key_file: file with the API key; the environment's when None.
        source: file, or an address that the server fetches.
        out: folder, made when missing.
        options: what is asked.
        watcher: progress.

    Raises:
        InputError: no key, or the server refuses something.
        NothingToClip: nothing is worth a clip.
        TalkreelError: the job failed.
    """
    api_key = _key(key_file)
    is_url = source.startswith(_URLS)
    # Looked at here first: what is no media is not sent for hours to be refused.
    media = None if is_url else probe(Path(source))
    words = options.transcript or (None if is_url else find_sidecar(Path(source)))
    wanted = _wanted(options, words)
    folder = OutputFolder(out)
    stage = _Stage(out, _fingerprint(server, media.digest if media else source, wanted))
    here = _Here(media.uri if media else None, f"sidecar:{words.name}" if words else None)
    with _client(server, api_key) as client:
        run = _Run(client, stage, watcher)
        project = run.finished(source if is_url else Path(source), wanted)
        if project.state != "done":
            raise _failed(project)
        clips = run.delivered(project, folder, here)
    stage.clear()
    return clips


@dataclass(frozen=True, slots=True)
class _Here:
    """What this machine calls things that the server knows by other names.

    Attributes:
        uri: of the source; None when the server has fetched it.
        words: of the transcript that was sent along, if one was.
    """

    uri: str | None
    words: str | None

    def named(self, clips: ClipSet, analysis: Analysis) -> tuple[ClipSet, Analysis]:
        """The same with the names of this machine."""
        uri, words = self.uri or clips.media_uri, self.words or clips.transcript_source
        clips = replace(clips, media_uri=uri, transcript_source=words)
        transcript = replace(analysis.transcript, source=words)
        media = replace(analysis.media, uri=uri)
        return clips, replace(analysis, media=media, transcript=transcript)


class _Stage:
    """A folder in the results' folder for what is under way."""

    def __init__(self, out: Path, fingerprint: str) -> None:
        self.folder = out / ".remote"
        self.folder.mkdir(exist_ok=True)
        self._path = self.folder / "begun.json"
        self.begun = self._read()
        if self.begun is None or self.begun.fingerprint != fingerprint:
            self.restart(fingerprint)

    def restart(self, fingerprint: str | None = None) -> None:
        """Begin anew."""
        if fingerprint is None:
            assert self.begun is not None
            fingerprint = self.begun.fingerprint
        shutil.rmtree(self.folder)
        self.folder.mkdir()
        self._write(Begun(fingerprint, secrets.token_urlsafe(18)))

    def note(self, **changes: str) -> None:
        """Keep what was begun."""
        assert self.begun is not None
        self._write(replace(self.begun, **changes))

    def clear(self) -> None:
        """Everything is done."""
        shutil.rmtree(self.folder)

    def _write(self, begun: Begun) -> None:
        self.begun = begun
        write_text(self._path, json.dumps(asdict(begun)) + "\n")

    def _read(self) -> Begun | None:
        try:
            data = load_json(self._path)
            return Begun(**data) if isinstance(data, dict) else None
        except (SchemaError, TypeError):
            return None


class _Run:
    """One project at the server, watched until it ends."""

    def __init__(self, client: Client, stage: _Stage, watcher: Watcher) -> None:
        self._client = client
        self._stage = stage
        self._watcher = watcher
        self._share = 0.0

    def finished(self, source: str | Path, wanted: Mapping[str, Any]) -> Project:
        """The project, ended."""
        project = self._again() or self._begin(source, wanted)
        try:
            return self._client.wait(project.id, on_event=self._tell)
        except KeyboardInterrupt:
            # As here, an interrupt stops the work; the same command goes on with it.
            self._cancel(project.id)
            raise

    def delivered(self, project: Project, folder: OutputFolder, here: _Here) -> ClipSet:
        """Fetch everything of a project that is done."""
        fetched = self._stage.folder
        for part in ("clips.json", "analysis.npz", "analysis.json", "report.html"):
            self._client.save(project.id, part, fetched / part)
        index = read_document(ClipSet, load_json(fetched / "clips.json"), SCHEMA)
        clips, analysis = here.named(index, read_analysis(fetched / "analysis.json"))
        there = {clip.id.rpartition("_")[2]: clip for clip in self._client.clips(project.id)}
        for done, clip in enumerate(clips.clips, start=1):
            self._fetch(clip, there[clip.id], folder, clips.media_uri)
            share = done / len(clips.clips)
            message = f"clip {clip.rank}: {folder.root / clip.files.video}"
            self._show("fetch", share, _MADE + (1 - _MADE) * share, None, message)
        write_analysis(folder.root / "analysis.json", analysis)
        place(fetched / "report.html", folder.root / "report.html")
        folder.finish(clips, folder.previous())
        return clips

    def _again(self) -> Project | None:
        """What an earlier run has begun, going on; None when there is nothing."""
        begun = self._stage.begun
        if begun is None or begun.project_id is None:
            return None
        try:
            project = self._client.project(begun.project_id)
        except ApiError as error:
            if error.code != "project_not_found":
                raise
            self._stage.restart()
            return None
        if project.state in ("failed", "cancelled"):
            return self._client.retry(project.id)
        return project

    def _begin(self, source: str | Path, wanted: Mapping[str, Any]) -> Project:
        begun = self._stage.begun
        assert begun is not None
        what: str | Upload = str(source)
        if isinstance(source, Path):
            what = self._client.upload(
                source,
                upload_id=begun.upload_id,
                begun=lambda upload_id: self._stage.note(upload_id=upload_id),
                progress=self._uploaded,
            )
        project = self._client.create_project(what, wanted, idempotency_key=begun.key)
        self._stage.note(project_id=project.id)
        return project

    def _fetch(self, clip: Clip, remote: RemoteClip, folder: OutputFolder, uri: str) -> None:
        files = clip.files
        names = {"video": files.video, "cover": files.cover, "words": files.words}
        names |= {"srt": files.srt, "vtt": files.vtt}
        for kind, name in names.items():
            if name is not None:
                fetched = self._client.download(
                    remote, self._stage.folder / Path(name).name, kind=kind
                )
                place(fetched, _inside(folder.root, name))
        fetched = self._client.download(
            remote, self._stage.folder / f"edit-{clip.rank}.json", kind="edit"
        )
        edit = read_document(Edit, load_json(fetched), EDIT_SCHEMA)
        write_document(_inside(folder.root, files.edit), replace(edit, media_uri=uri), EDIT_SCHEMA)

    def _uploaded(self, sent: int, length: int) -> None:
        self._show("upload", sent / length, _SENT * sent / length)

    def _tell(self, event: RemoteEvent) -> None:
        data = event.data
        if event.type == "project.progress":
            share = _SENT + (_MADE - _SENT) * data["percent"] / 100
            left = data.get("seconds_left")
            self._show(data["phase"], data.get("phase_percent", 0) / 100, share, left)
        elif event.type == "project.queued":
            self._show("queued", 0.0, _SENT)

    def _show(
        self,
        stage: str,
        stage_share: float,
        share: float,
        seconds_left: float | None = None,
        message: str = "",
    ) -> None:
        # After a retry the server begins at nothing again; the bar does not.
        self._share = max(self._share, share)
        self._watcher(Event(stage, stage_share, self._share, seconds_left, message))

    def _cancel(self, project_id: str) -> None:
        try:
            self._client.cancel(project_id)
        except ApiError:
            # It has ended, or cannot be reached: there is nothing more to do from here.
            return


def _client(server: str, api_key: str) -> Client:
    try:
        return Client(server, api_key)
    except ValueError as error:
        raise InputError(f"--server: {error}") from error


def _key(key_file: str | None) -> str:
    if key_file is None:
        key = os.environ.get(KEY_VARIABLE, "").strip()
    else:
        try:
            key = Path(key_file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"--api-key-file {key_file} cannot be read: {error}") from error
    if not key:
        raise InputError(f"--server needs an API key: set {KEY_VARIABLE} or give --api-key-file")
    return key


def _wanted(options: ClipOptions, words: Path | None) -> dict[str, Any]:
    """The options as the API takes them."""
    wanted = {
        name: getattr(options, name)
        for name in (
            *("clips", "min_seconds", "max_seconds", "aspect", "captions"),
            *("query", "language", "preset", "scorer"),
        )
    }
    if options.range is not None:
        wanted["range"] = [options.range.start, options.range.end]
    if words is not None:
        wanted["transcript"] = _transcript(words)
    if options.craft != CraftOptions():
        wanted["craft"] = _craft(options.craft)
    return wanted


def _craft(craft: CraftOptions) -> dict[str, Any]:
    portable = {name: getattr(craft, name) for name in PORTABLE}
    if CraftOptions(**portable) != craft:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in PORTABLE)
        raise InputError(
            "with --server, what lies on this machine cannot be used: of the craft options the "
            f"server takes {flags}"
        )
    return {**portable, "enhance": list(craft.enhance)}


def _transcript(path: Path) -> dict[str, str]:
    form = path.suffix.lower().removeprefix(".")
    if form not in ("srt", "vtt", "json"):
        raise InputError(f"--transcript is a .srt, .vtt or .json file, got {path.name!r}")
    try:
        return {"format": form, "text": path.read_text(encoding="utf-8-sig")}
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--transcript {path} cannot be read: {error}") from error


def _fingerprint(server: str, source: str, wanted: Mapping[str, Any]) -> str:
    text = json.dumps([server, source, wanted], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _failed(project: Project) -> TalkreelError:
    failure = project.failure
    if failure is None:
        return TalkreelError(f"the project {project.id} is {project.state} at the server")
    match project.state:
        case "empty":
            return NothingToClip(failure.message)
        case "failed" if failure.cause in _CALLERS_CAUSES:
            return InputError(failure.message)
    tail = f" ({' | '.join(failure.ffmpeg_tail)})" if failure.ffmpeg_tail else ""
    return TalkreelError(f"{failure.message}{tail}; run the same command again to go on")


def _inside(root: Path, name: str) -> Path:
    """A file of the folder; a server cannot name one elsewhere."""
    path = root / name
    if not path.resolve().is_relative_to(root.resolve()):
        raise ApiError("unexpected_answer", f"the server names a file elsewhere: {name!r}")
    return path
