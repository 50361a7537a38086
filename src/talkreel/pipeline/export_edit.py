"""``talkreel export``: files for places and editors from an edit that is there already."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from talkreel.core.clips import SCHEMA as CLIPS_SCHEMA
from talkreel.core.clips import Clip, ClipSet
from talkreel.core.edits import SCHEMA, Edit
from talkreel.core.errors import InputError
from talkreel.core.jsonio import load_json, read_document, write_document
from talkreel.pipeline.deliver import OutputFolder, check_folder, slug
from talkreel.pipeline.export import Exports, export_clip, listed
from talkreel.pipeline.export_names import check_exports
from talkreel.pipeline.rerender import source_of
from talkreel.store.cache import StageCache, default_root


def export_edit(
    path: Path,
    names: Iterable[str],
    *,
    out: Path | None = None,
    cache: StageCache | None = None,
) -> Exports:
    """Make the exports ``names`` of the edit in ``path``.

    Args:
        path: an ``edit/1`` document.
        names: of presets and formats.
        out: folder for the files. Without it the edit must lie in a job's ``edits`` folder: the
            files go beside the job's clip and into its ``clips.json``.
        cache: of renders.

    Raises:
        SchemaError: not an edit.
        InputError: an unknown name, the source is gone or changed, or there is no job.
        OutputError: the folder cannot be written.
    """
    names = tuple(names)
    if not names:
        raise InputError("--to names what to make: presets and formats with commas between")
    check_exports(names)
    edit = read_document(Edit, load_json(path), SCHEMA)
    cache = cache or StageCache(default_root())
    if out is not None:
        check_folder(out)
        return export_clip(cache, edit, source_of(edit), names, out / slug(edit.title or edit.id))
    folder, clips, clip = _job_of(path)
    target = (folder.root / clip.files.video).with_suffix("")
    made = export_clip(cache, edit, source_of(edit), names, target)
    own = listed(clip, made, folder)
    changed = tuple(own if other.id == clip.id else other for other in clips.clips)
    write_document(folder.index, replace(clips, clips=changed), CLIPS_SCHEMA)
    return made


def _job_of(path: Path) -> tuple[OutputFolder, ClipSet, Clip]:
    root = path.resolve().parent.parent
    name = f"{path.resolve().parent.name}/{path.name}"
    if (root / "clips.json").exists():
        folder = OutputFolder(root)
        clips = folder.previous()
        for clip in clips.clips if clips else ():
            if clips and clip.files.edit == name:
                return folder, clips, clip
    raise InputError(f"{path} belongs to no job folder: say where to write with --out DIR")
