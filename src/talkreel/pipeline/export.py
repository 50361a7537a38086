"""What ``--export`` makes beside a clip: files for the places it goes to, and for editors.

Every file is another render of the same edit, kept in the cache, read back and compared with
what its place takes. What cannot be made is left out with the reason, never made up.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from talkreel.core.clips import Clip
from talkreel.core.craft import Note
from talkreel.core.delivery import DeliveryPreset
from talkreel.core.digests import file_sha256
from talkreel.core.edits import Edit
from talkreel.core.errors import RenderError
from talkreel.core.exports import SCHEMA, ExportFile, ExportReport
from talkreel.core.jsonio import write_document
from talkreel.core.media import Colour, Media
from talkreel.edit.delivery import Fitted, Unfit, delivery_presets, fit_delivery
from talkreel.media.hdr import read_light_levels
from talkreel.media.nvenc import nvenc_works
from talkreel.pipeline.credentials import SIGNED_SUFFIXES, sign, why_unsigned
from talkreel.pipeline.deliver import OutputFolder, place
from talkreel.pipeline.export_names import CREDENTIALS, FORMATS, PROVENANCE, check_exports
from talkreel.pipeline.handoff import hand_off
from talkreel.pipeline.job import Job
from talkreel.pipeline.make import rendered
from talkreel.pipeline.provenance import provenance_of, write_provenance
from talkreel.rendering.conform import read_back
from talkreel.rendering.delta_e import tone_map_error
from talkreel.store.cache import StageCache


@dataclass(frozen=True, slots=True)
class Exports:
    """What was made.

    Attributes:
        files: in order; the report is the last.
        notes: one for every name.
    """

    files: tuple[Path, ...]
    notes: tuple[Note, ...]


def export_clip(
    cache: StageCache, edit: Edit, media: Media, names: Iterable[str], target: Path
) -> Exports:
    """Make the exports ``names`` of ``edit`` beside its clip.

    Args:
        cache: of renders.
        edit: of the clip.
        media: its source.
        names: of presets and formats.
        target: the clip's path without its extension.

    Raises:
        InputError: an unknown name.
        OutputError: the folder cannot be written.
    """
    names = tuple(dict.fromkeys(names))
    check_exports(names)
    maker = _Maker(cache, edit, media, target)
    for name in names:
        maker.make(name)
    # Last, for they tell of everything else that was made, and signing changes files.
    if CREDENTIALS in names:
        maker.sign()
    if PROVENANCE in names:
        maker.prove()
    return maker.finish()


class _Maker:
    """Makes one clip's exports, one after the other."""

    def __init__(self, cache: StageCache, edit: Edit, media: Media, target: Path) -> None:
        self._cache, self._edit, self._media, self._target = cache, edit, media, target
        self._files: list[Path] = []
        self._records: list[ExportFile] = []
        self._notes: list[Note] = []
        self._light = read_light_levels(media)

    def make(self, name: str) -> None:
        """One of ``export_names``, but for provenance and credentials."""
        if name in FORMATS:
            try:
                made = hand_off(self._cache, self._edit, self._media, name, self._target)
            except RenderError as error:
                self._note(name, f"left out: {error}", applied=False)
                return
            self._files += [path for path in made.files if path not in self._files]
            self._records.append(_named(name, made.files[0]))
            self._note(name, made.text, applied=True)
        elif name not in (PROVENANCE, CREDENTIALS):
            self._deliver(delivery_presets()[name])

    def sign(self) -> None:
        """Sign every sound and picture made so far."""
        reason = why_unsigned()
        mine = [path for path in self._files if path.suffix in SIGNED_SUFFIXES]
        if reason or not mine:
            self._note(CREDENTIALS, f"left out: {reason or 'nothing to sign'}", applied=False)
            return
        record = provenance_of(self._edit, self._media)
        for path in mine:
            sign(path, record)
        self._records = [_again(record, self._target.parent) for record in self._records]
        told = f"{len(mine)} files carry Content Credentials, signed with your certificate"
        self._note(CREDENTIALS, told, applied=True)

    def prove(self) -> None:
        """Write the provenance of the clip and of everything made so far."""
        clip = self._target.with_name(f"{self._target.name}.mp4")
        files = [path for path in (clip, *self._files) if path.exists()]
        path = self._target.with_name(f"{self._target.name}.provenance.json")
        write_provenance(self._edit, self._media, files, path)
        self._files.append(path)
        told = f"{path.name} names the source, what was done and the files; it is not signed"
        self._note(PROVENANCE, told, applied=True)

    def finish(self) -> Exports:
        """Write the report."""
        report = self._target.with_name(f"{self._target.name}.exports.json")
        record = ExportReport(
            edit_id=self._edit.id,
            media_digest=self._media.digest,
            spans=self._edit.kept,
            files=tuple(self._records),
        )
        write_document(report, record, SCHEMA)
        return Exports((*self._files, report), tuple(self._notes))

    def _deliver(self, preset: DeliveryPreset) -> None:
        try:
            fitted = fit_delivery(self._edit, self._media, preset, self._light)
        except Unfit as reason:
            self._note(preset.name, f"left out: {reason}", applied=False)
            return
        if preset.hardware:
            fitted = _where_present(fitted)
        edit = fitted.edit
        try:
            made, file = rendered(self._cache, edit, self._media)
        except RenderError as error:
            self._note(preset.name, f"left out: {error}", applied=False)
            return
        path = self._target.with_name(f"{self._target.name}.{preset.name}.{preset.container}")
        place(made, path)
        warnings = (*fitted.warnings, *file.warnings)
        record = read_back(path, file.measured, edit, self._media, preset, warnings)
        if self._tone_mapped(preset, edit):
            record = replace(record, colour_error=tone_map_error(edit, self._media))
        self._files.append(path)
        self._records.append(record)
        self._note(preset.name, _told(record), applied=True)

    def _tone_mapped(self, preset: DeliveryPreset, edit: Edit) -> bool:
        video = self._media.video
        hdr = video is not None and video.colour is not Colour.SDR
        delivery = edit.encoding.delivery
        return hdr and preset.pictured and not delivery.keep_hdr and not delivery.overlay

    def _note(self, name: str, text: str, *, applied: bool) -> None:
        self._notes.append(Note(f"export {name}", applied, text))


def _where_present(fitted: Fitted) -> Fitted:
    """The same in software where NVENC is not here."""
    edit = fitted.edit
    delivery = edit.encoding.delivery
    works, why = nvenc_works(delivery.video)
    if works:
        return fitted
    encoding = replace(edit.encoding, delivery=replace(delivery, hardware=False))
    warnings = (*fitted.warnings, f"made in software: {why}")
    return Fitted(replace(edit, encoding=encoding), warnings)


def _named(name: str, path: Path) -> ExportFile:
    size = path.stat().st_size
    return ExportFile(name=name, file=path.name, sha256=file_sha256(path), size_bytes=size)


def _again(record: ExportFile, folder: Path) -> ExportFile:
    path = folder / record.file
    return replace(record, sha256=file_sha256(path), size_bytes=path.stat().st_size)


def _told(record: ExportFile) -> str:
    parts = [record.file]
    if record.width:
        parts.append(f"{record.codec} {record.width}x{record.height} {record.colour}")
    if record.integrated_lufs is not None:
        parts.append(f"{record.integrated_lufs:.1f} LUFS")
    parts.append(f"{record.size_bytes / 1e6:.1f} MB")
    if record.colour_error is not None:
        error = record.colour_error
        parts.append(f"tone map within a mean colour difference of {error.mean:.2f} (CIEDE2000)")
    told = ", ".join(parts)
    asides = (*record.problems, *record.warnings)
    return f"{told}; {'; '.join(asides)}" if asides else told


def with_exports(job: Job, folder: OutputFolder, edit: Edit, clip: Clip) -> Clip:
    """``clip`` with the exports that ``job`` asks for, made beside it."""
    names = job.options.craft.exports
    if not names:
        return clip
    video = folder.root / clip.files.video
    made = export_clip(job.cache, edit, job.media, names, video.with_suffix(""))
    return listed(clip, made, folder)


def listed(clip: Clip, made: Exports, folder: OutputFolder) -> Clip:
    """``clip`` that names the files of ``made``, beside those it names already."""
    own = {clip.files.video, clip.files.cover, clip.files.srt, clip.files.vtt, clip.files.edit}
    paths = [str(path.relative_to(folder.root)) for path in made.files]
    exports = dict.fromkeys((*clip.files.exports, *(p for p in paths if p not in own)))
    told = {note.feature for note in made.notes}
    notes = (*(note for note in clip.notes if note.feature not in told), *made.notes)
    return replace(clip, files=replace(clip.files, exports=tuple(exports)), notes=notes)
