"""Render an edit again: other captions, or an edit somebody changed by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from talkreel.core.analysis import Analysis
from talkreel.core.clips import SCHEMA as CLIPS_SCHEMA
from talkreel.core.clips import Clip, ClipSet, Measured
from talkreel.core.edits import SCHEMA, Edit
from talkreel.core.errors import InputError, SchemaError
from talkreel.core.jsonio import load_json, read_document, write_document
from talkreel.core.media import Media
from talkreel.edit.build import restyle
from talkreel.edit.styles import find_style
from talkreel.media.probe import probe
from talkreel.pipeline.captioning import readable
from talkreel.pipeline.deliver import OutputFolder, check_folder
from talkreel.pipeline.make import measure, place_files, rendered
from talkreel.pipeline.progress import Tracker, Watcher, unwatched
from talkreel.rendering.measure import ClipMeasurement
from talkreel.report import write_report
from talkreel.store.analysis import read_analysis
from talkreel.store.cache import StageCache, default_root


def render_edit(
    path: Path,
    *,
    captions: str | None = None,
    out: Path | None = None,
    cache: StageCache | None = None,
    watcher: Watcher = unwatched,
) -> tuple[Path, Measured]:
    """Render the edit in ``path``; returns the video and what was measured on it.

    Args:
        path: an ``edit/1`` document.
        captions: another style, ``none`` for no captions, or None to leave them.
        out: the mp4 to write. Without it the edit must lie in a job's ``edits`` folder; the
            job's clip, its sidecars, its edit, ``clips.json`` and the report are replaced.
        cache: stage results.
        watcher: progress.

    Raises:
        SchemaError: not an edit.
        InputError: the source is gone or changed, or there is no clip to replace.
        RenderError: ffmpeg failed.
    """
    edit = read_document(Edit, load_json(path), SCHEMA)
    if out is not None:
        return out, render_to(_with_captions(edit, captions, None), out, cache, watcher)
    job = _Delivered.beside(path)
    edit = _with_captions(edit, captions, job.analysis)
    media = source_of(edit)
    video, file = _render(edit, media, cache, watcher)
    measured = measure(edit, job.analysis, file)
    return job.replace(path, edit, media, video, measured), measured


def render_to(
    edit: Edit, out: Path, cache: StageCache | None = None, watcher: Watcher = unwatched
) -> Measured:
    """Render ``edit`` to ``out``, cover and caption files beside it.

    Raises:
        InputError: the source is gone or has changed.
        OutputError: ``out`` cannot be written.
        RenderError: ffmpeg failed.
    """
    check_folder(out.parent)
    media = source_of(edit)
    video, file = _render(edit, media, cache, watcher)
    place_files(edit, video, out, media)
    return measure(edit, None, file)


def _render(
    edit: Edit, media: Media, cache: StageCache | None, watcher: Watcher
) -> tuple[Path, ClipMeasurement]:
    tracker = Tracker([("render", 1.0)], watcher)
    path, done = rendered(cache or StageCache(default_root()), edit, media, tracker.stage("render"))
    return path, done.measured


def source_of(edit: Edit) -> Media:
    """The probed source of ``edit``.

    Raises:
        InputError: it is gone or has changed.
    """
    if not Path(edit.media_uri).exists():
        raise InputError(
            f"the source of this edit is gone: {edit.media_uri}; put it back or change media_uri"
        )
    media = probe(edit.media_uri)
    if media.digest != edit.media_digest:
        raise InputError(
            f"{edit.media_uri} is not the file this edit was made for (its content differs): "
            "make the clips again"
        )
    return media


def _with_captions(edit: Edit, captions: str | None, analysis: Analysis | None) -> Edit:
    if captions is None:
        return edit
    if captions == "none":
        return restyle(edit, None)
    if edit.captions is None and analysis is None:
        raise InputError(
            "this edit has no captions to restyle: render it in its job's folder, where the "
            "words are, or run talkreel clip again"
        )
    styled = restyle(edit, captions, analysis)
    return readable(styled, find_style(captions), source_of(edit))


class _Delivered:
    """The job folder an edit lies in."""

    def __init__(self, folder: OutputFolder, clips: ClipSet, clip: Clip) -> None:
        self.folder = folder
        self.clips = clips
        self.clip = clip
        try:
            self.analysis: Analysis | None = read_analysis(folder.root / "analysis.json")
        except SchemaError:
            self.analysis = None

    @classmethod
    def beside(cls, path: Path) -> _Delivered:
        root = path.resolve().parent.parent
        name = f"{path.resolve().parent.name}/{path.name}"
        if (root / "clips.json").exists():
            folder = OutputFolder(root)
            clips = folder.previous()
            for clip in clips.clips if clips else ():
                if clips and clip.files.edit == name:
                    return cls(folder, clips, clip)
        raise InputError(f"{path} belongs to no job folder: say where to write with --out FILE.mp4")

    def replace(
        self, path: Path, edit: Edit, media: Media, video: Path, measured: Measured
    ) -> Path:
        target = self.folder.root / self.clip.files.video
        srt, vtt = place_files(edit, video, target, media)
        write_document(path, edit, SCHEMA)
        files = replace(
            self.clip.files,
            srt=f"clips/{srt.name}" if srt else None,
            vtt=f"clips/{vtt.name}" if vtt else None,
        )
        clip = replace(self.clip, files=files, measured=measured, spans=edit.kept, notes=edit.notes)
        clips = tuple(clip if old.id == clip.id else old for old in self.clips.clips)
        result = replace(self.clips, clips=clips)
        write_document(self.folder.index, result, CLIPS_SCHEMA)
        if self.analysis is not None:
            write_report(self.folder.root / "report.html", self.analysis, result)
        return target
