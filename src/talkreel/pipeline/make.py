"""One candidate to one delivered clip: look, edit, render, measure, place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from talkreel.core.analysis import Analysis
from talkreel.core.candidates import Candidate
from talkreel.core.clips import Clip, ClipFiles, Measured
from talkreel.core.edits import SCHEMA, Edit
from talkreel.core.jsonio import write_document
from talkreel.core.media import Media
from talkreel.core.stage import Progress, silent
from talkreel.edit.build import VERSION as EDIT_VERSION
from talkreel.edit.build import build_edit
from talkreel.edit.options import EditOptions
from talkreel.edit.shares import face_share, speaker_share
from talkreel.pipeline.deliver import OutputFolder, slug
from talkreel.pipeline.job import Job
from talkreel.pipeline.see import Sight
from talkreel.rendering.render import VERSION as RENDER_VERSION
from talkreel.rendering.render import Delivered, render
from talkreel.rendering.sidecars import write_cover, write_srt, write_vtt
from talkreel.store.cache import StageCache, StageKey

# How far outside a candidate the editor looks, for pauses and cuts.
NEIGHBOURHOOD_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Cut:
    """A candidate with its edit and the analysis of its span."""

    candidate: Candidate
    edit: Edit
    analysis: Analysis


def edit_options(job: Job) -> EditOptions:
    """What the job's options mean for every edit."""
    settings = job.options.settings
    return EditOptions(
        aspect=job.options.aspect,
        captions=job.options.captions,
        tighten=settings.tighten,
        height=settings.long_side,
        encoding=settings.encoding,
        upscale_limit=settings.upscale_limit,
    )


def cut(job: Job, sight: Sight, candidate: Candidate, analysis: Analysis) -> Cut:
    """Build the edit of ``candidate``; ``analysis`` already holds the faces of its span."""
    options = edit_options(job)
    # Scores are left out: they shift as more of a talk is heard, the edit does not.
    around = candidate.span.pad(NEIGHBOURHOOD_SECONDS, NEIGHBOURHOOD_SECONDS)
    key = job.key(
        "edit",
        EDIT_VERSION,
        candidate=(candidate.id, candidate.span, candidate.title),
        options=options,
        faces=analysis.faces,
        shots=[shot for shot in analysis.shots if shot.span.overlap(around) > 0],
        words=[word for word in analysis.transcript.words if word.span.overlap(around) > 0],
    )
    edit = job.cache.record(
        key, Edit, lambda: build_edit(candidate, analysis, options, look=sight.look_at())
    )
    return Cut(candidate, edit, analysis)


def rendered(
    cache: StageCache, edit: Edit, media: Media, progress: Progress = silent
) -> tuple[Path, Delivered]:
    """The verified file of ``edit`` in the cache and what was measured on it."""
    key = StageKey(media.digest, "clip", RENDER_VERSION, {"edit": replace(edit, media_uri="")})
    made: list[Delivered] = []

    def produce(path: Path) -> None:
        made.append(render(edit, media, path, progress=progress))

    path = cache.file(key, ".mp4", produce)
    measured = cache.record(
        replace(key, stage="delivered"),
        Delivered,
        lambda: made[0] if made else _again(edit, media, path),
    )
    return path, measured


def _again(edit: Edit, media: Media, path: Path) -> Delivered:
    """Killed between the file and its record: the file is whole, so measure it."""
    from talkreel.rendering.verify import verify

    return verify(path, edit, media)


def deliver(job: Job, folder: OutputFolder, rank: int, done: Cut, progress: Progress) -> Clip:
    """Render ``done`` and put all its files into ``folder`` under its rank."""
    path, delivered = rendered(job.cache, done.edit, job.media, progress)
    candidate = done.candidate
    name = f"{rank:02d}-{slug(candidate.title)}"
    srt, vtt = place_files(folder, done.edit, path, folder.clips / f"{name}.mp4")
    write_document(folder.edits / f"{rank:02d}.json", done.edit, SCHEMA)
    return Clip(
        id=candidate.id,
        rank=rank,
        title=candidate.title,
        spans=done.edit.kept,
        score=candidate.score,
        sub_scores=candidate.sub_scores,
        text=candidate.text,
        files=ClipFiles(
            video=f"clips/{name}.mp4",
            cover=f"clips/{name}.jpg",
            srt=f"clips/{srt.name}" if srt else None,
            vtt=f"clips/{vtt.name}" if vtt else None,
            edit=f"edits/{rank:02d}.json",
        ),
        measured=measure(done.edit, done.analysis, delivered),
        warnings=delivered.warnings,
    )


def place_files(
    folder: OutputFolder, edit: Edit, rendered_file: Path, video: Path
) -> tuple[Path | None, Path | None]:
    """Put the video, its cover and its caption files in place; returns the SRT and VTT."""
    folder.place(rendered_file, video)
    write_cover(edit, video, video.with_suffix(".jpg"))
    srt, vtt = video.with_suffix(".srt"), video.with_suffix(".vtt")
    if edit.captions is None:
        srt.unlink(missing_ok=True)
        vtt.unlink(missing_ok=True)
        return None, None
    write_srt(edit, srt)
    write_vtt(edit, vtt)
    return srt, vtt


def measure(edit: Edit, analysis: Analysis | None, delivered: Delivered) -> Measured:
    """The file's own figures with what the viewer sees of faces."""
    looked = analysis is not None and any(
        span.overlap(kept) > 0 for span in analysis.looked for kept in edit.kept
    )
    faces = analysis.faces if analysis and looked else ()
    words = analysis.transcript.words if analysis and looked else ()
    return Measured(
        duration=delivered.duration,
        width=delivered.width,
        height=delivered.height,
        frame_rate=delivered.frame_rate,
        frames=delivered.frames,
        size_bytes=delivered.size_bytes,
        integrated_lufs=delivered.integrated_lufs,
        true_peak_dbtp=delivered.true_peak_dbtp,
        av_offset=delivered.av_offset,
        caption_words=edit.captions.word_count if edit.captions else 0,
        face_share=face_share(edit, faces) if looked else None,
        speaker_share=speaker_share(edit, faces, words) if looked else None,
    )
