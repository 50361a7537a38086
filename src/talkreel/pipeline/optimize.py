"""Alternatives to a clip with their predicted scores, written and rendered together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from talkreel.core.analysis import Analysis
from talkreel.core.clips import SCHEMA as CLIPS_SCHEMA
from talkreel.core.clips import ClipSet
from talkreel.core.edits import SCHEMA as EDIT_SCHEMA
from talkreel.core.edits import Edit
from talkreel.core.errors import InputError, SchemaError
from talkreel.core.jsonio import load_json, read_document, write_document
from talkreel.core.optimize import SCHEMA, Optimization
from talkreel.pipeline.alternatives import Study
from talkreel.pipeline.deliver import check_folder
from talkreel.pipeline.job import Job
from talkreel.pipeline.options import ClipOptions
from talkreel.pipeline.progress import Tracker, Watcher, unwatched
from talkreel.pipeline.rerender import source_of
from talkreel.pipeline.upscale import enlarged_frames
from talkreel.rendering.shared import render_together
from talkreel.store.analysis import read_analysis
from talkreel.store.cache import StageCache, default_root

MOST_VARIANTS = 6


def optimize(
    path: Path,
    *,
    clip: int = 1,
    variants: int = 3,
    out: Path | None = None,
    render: bool = False,
    cache: StageCache | None = None,
    watcher: Watcher = unwatched,
) -> Optimization:
    """Alternatives to a clip with their predicted scores, the clip itself first.

    Args:
        path: an ``edit/1`` document in its job's folder, or a job's ``clips.json``.
        clip: rank of the clip, where ``path`` is a ``clips.json``.
        variants: how many at most, the clip as it is included; 2 to ``MOST_VARIANTS``.
        out: folder for the edits of the variants, ``optimize.json`` and the videos; with
            ``render`` and without ``out``, ``variants`` in the job's folder.
        render: whether the variants are rendered too.
        cache: stage results.
        watcher: progress.

    Raises:
        SchemaError: neither an edit nor clips.
        InputError: no analysis beside it, no speech in it, or the source is gone or changed.
        RenderError: ffmpeg failed.
    """
    if not 2 <= variants <= MOST_VARIANTS:
        raise InputError(f"--variants is 2 to {MOST_VARIANTS}, got {variants}")
    root, edit = _open(path, clip)
    analysis = _analysis(root)
    media = source_of(edit)
    tracker = Tracker([("optimize", 1.0), ("render", 4.0 if render else 0.0)], watcher)
    job = Job(media, ClipOptions(), cache or StageCache(default_root()), tracker)
    study = Study(job, edit, analysis)
    found, edits = study.variants(variants)
    result = Optimization(clip=edit.id, scorer=study.scorer_name, variants=found, tried=study.tried)
    tracker.finish("optimize")
    if out is None and not render:
        return result
    folder = out or root / "variants"
    check_folder(folder)
    names = [folder / f"{edit.id}-{variant.id}" for variant in found]
    result = _with_edits(result, edits, names)
    if render:
        result = _with_videos(result, edits, job, names)
    write_document(folder / "optimize.json", result, SCHEMA)
    return result


def _with_edits(result: Optimization, edits: Sequence[Edit], names: Sequence[Path]) -> Optimization:
    """``result`` with each variant's edit written beside ``names``."""
    files = [name.with_suffix(".json") for name in names]
    for file, edit in zip(files, edits, strict=True):
        write_document(file, edit, EDIT_SCHEMA)
    pairs = zip(result.variants, files, strict=True)
    return replace(result, variants=tuple(replace(one, edit=str(file)) for one, file in pairs))


def _with_videos(
    result: Optimization,
    edits: Sequence[Edit],
    job: Job,
    names: Sequence[Path],
) -> Optimization:
    """``result`` with each variant rendered beside ``names``."""
    files = [name.with_suffix(".mp4") for name in names]
    made = render_together(
        edits,
        job.media,
        files,
        progress=job.tracker.stage("render"),
        enlarge=lambda edit: enlarged_frames(job.cache, edit, job.media),
    )
    pairs = zip(result.variants, files, strict=True)
    shown = tuple(replace(one, video=str(file)) for one, file in pairs)
    return replace(result, variants=shown, shared=made.shared)


def _open(path: Path, clip: int) -> tuple[Path, Edit]:
    """The job's folder and the edit that is meant."""
    data = load_json(path)
    schema = str(data.get("schema", "")) if isinstance(data, dict) else ""
    if schema.startswith("clips/"):
        clips = read_document(ClipSet, data, CLIPS_SCHEMA)
        files = {c.rank: c.files.edit for c in clips.clips}
        if clip not in files:
            known = ", ".join(str(rank) for rank in files)
            raise InputError(f"--clip is one of {known or 'none'}, got {clip}")
        root = path.resolve().parent
        return root, read_document(Edit, load_json(root / files[clip]), EDIT_SCHEMA)
    return path.resolve().parent.parent, read_document(Edit, data, EDIT_SCHEMA)


def _analysis(root: Path) -> Analysis:
    try:
        return read_analysis(root / "analysis.json")
    except SchemaError as error:
        raise InputError(
            f"optimize needs the analysis.json of the clip's job in {root}: name an edit in its "
            f"job's edits folder, or the job's clips.json ({error})"
        ) from error
