"""One candidate to one delivered clip: look, edit, render, measure, place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from talkreel.core.analysis import Analysis
from talkreel.core.candidates import Candidate
from talkreel.core.clips import Clip, ClipFiles, Measured
from talkreel.core.delivery import VideoCodec
from talkreel.core.edits import SCHEMA, Edit
from talkreel.core.jsonio import write_document, write_text
from talkreel.core.media import Media
from talkreel.core.stage import Progress, silent
from talkreel.core.words import ClipWords
from talkreel.edit.build import VERSION as EDIT_VERSION
from talkreel.edit.build import build_edit
from talkreel.edit.options import EditOptions
from talkreel.edit.shares import face_share, speaker_share
from talkreel.media.fonts import missing_characters
from talkreel.pipeline.captioning import captioned
from talkreel.pipeline.censoring import censored
from talkreel.pipeline.cover import make_cover
from talkreel.pipeline.craft import Work, apply_features
from talkreel.pipeline.deliver import OutputFolder, place, slug
from talkreel.pipeline.graphics import add_cards
from talkreel.pipeline.job import Job
from talkreel.pipeline.listen import fine_level_of
from talkreel.pipeline.see import Sight
from talkreel.pipeline.upscale import enlarged_frames, scale_of, steps
from talkreel.ranking.posts import as_text
from talkreel.rendering.measure import ClipMeasurement, measure_clip, measure_sound
from talkreel.rendering.render import render
from talkreel.rendering.sidecars import write_srt, write_vtt
from talkreel.store.cache import StageCache, StageKey

# Raised whenever the renderer would make another file of the same edit.
RENDER_VERSION = 4
# How far outside a candidate the editor looks, for pauses and cuts.
NEIGHBOURHOOD_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Cut:
    """A candidate with its edit and the analysis of its span."""

    candidate: Candidate
    edit: Edit
    analysis: Analysis
    words: ClipWords | None = None


def edit_options(job: Job) -> EditOptions:
    """What the job's options mean for every edit."""
    settings, network = job.options.settings, job.options.craft.upscale
    return EditOptions(
        aspect=job.options.aspect,
        captions=job.options.captions,
        tighten=settings.tighten or job.options.craft.tighten,
        fillers=job.options.craft.tighten,
        height=settings.long_side,
        encoding=settings.encoding,
        upscale_limit=max(settings.upscale_limit, scale_of(network) if network else 1),
    )


def cut(job: Job, sight: Sight, candidate: Candidate, analysis: Analysis) -> Cut:
    """Build the edit of ``candidate``; ``analysis`` already holds the faces of its span."""
    # Captions are laid out anew each time, so that another style finds the rest of the edit made.
    options = replace(edit_options(job), captions=None)
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

    def build() -> Edit:
        level = fine_level_of(job, around) if options.tighten else None
        return build_edit(candidate, analysis, options, look=sight.look_at(), level=level)

    edit = job.cache.record(key, Edit, build)
    canvas = replace(edit.canvas, platform=job.options.craft.platform)
    edit = replace(edit, canvas=canvas)
    work = Work(job, sight, candidate, analysis)
    edit = apply_features(work, edit)
    if job.options.craft.censor:
        candidate = censored(candidate)
    return Cut(candidate, add_cards(work, captioned(work, edit)), analysis)


@dataclass(frozen=True, slots=True)
class Rendered:
    """What was read back from a rendered file, and what is worth a warning."""

    measured: ClipMeasurement
    warnings: tuple[str, ...]


def rendered(
    cache: StageCache, edit: Edit, media: Media, progress: Progress = silent
) -> tuple[Path, Rendered]:
    """The verified file of ``edit`` in the cache and what was measured on it."""
    shown = replace(edit, media_uri="", cover=None, notes=())
    key = StageKey(media.digest, "clip", RENDER_VERSION, {"edit": shown})
    figures = replace(key, stage="clip-figures")

    def produce(path: Path) -> None:
        enlarging, rendering = steps(edit, progress)
        enlarged = enlarged_frames(cache, edit, media, enlarging)
        done = render(edit, media, path, progress=rendering, enlarged=enlarged)
        # Recorded before the file takes its place: a file that is there has its figures.
        cache.record(figures, Rendered, lambda: Rendered(done.measured, done.warnings))

    def figures_again() -> Rendered:
        pictured = edit.encoding.delivery.video is not VideoCodec.NONE
        return Rendered(measure_clip(path) if pictured else measure_sound(path), ())

    path = cache.file(key, f".{edit.encoding.delivery.container}", produce)
    progress(1.0)
    return path, cache.record(figures, Rendered, figures_again)


def deliver(folder: OutputFolder, rank: int, done: Cut, path: Path, file: Rendered) -> Clip:
    """Put the rendered ``path`` of ``done`` and all that goes with it into ``folder``."""
    candidate = done.candidate
    name = f"{rank:02d}-{slug(candidate.title)}"
    target = folder.clips / f"{name}.mp4"
    srt, vtt = place_files(done.edit, path, target, done.analysis.media)
    write_document(folder.edits / f"{rank:02d}.json", done.edit, SCHEMA)
    if done.words is not None:
        write_text(folder.clips / f"{name}.txt", as_text(done.words))
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
            words=f"clips/{name}.txt" if done.words else None,
        ),
        measured=measure(done.edit, done.analysis, file.measured),
        warnings=(*file.warnings, *caption_warnings(done.edit)),
        notes=done.edit.notes,
        words=done.words,
    )


def caption_warnings(edit: Edit) -> tuple[str, ...]:
    """Says which characters of the captions no font can draw."""
    if edit.captions is None:
        return ()
    words = [word.text for cue in edit.captions.cues for line in cue.lines for word in line]
    missing = missing_characters(edit.captions.style, words)
    if not missing:
        return ()
    return (f"no font here draws {missing!r}: these characters are boxes in the captions",)


def place_files(
    edit: Edit, rendered_file: Path, video: Path, source: Media
) -> tuple[Path | None, Path | None]:
    """Put the video, its cover and its caption files in place; returns the SRT and VTT."""
    place(rendered_file, video)
    make_cover(edit, video, video.with_suffix(".jpg"), source)
    srt, vtt = video.with_suffix(".srt"), video.with_suffix(".vtt")
    if edit.captions is None:
        srt.unlink(missing_ok=True)
        vtt.unlink(missing_ok=True)
        return None, None
    write_srt(edit, srt)
    write_vtt(edit, vtt)
    return srt, vtt


def measure(edit: Edit, analysis: Analysis | None, file: ClipMeasurement) -> Measured:
    """The file's own figures with what the viewer sees of faces."""
    faces = analysis.faces if analysis else ()
    words = analysis.transcript.words if analysis else ()
    looked = analysis.looked if analysis else ()
    return Measured(
        duration=file.duration,
        width=file.width,
        height=file.height,
        frame_rate=f"{file.frame_rate.numerator}/{file.frame_rate.denominator}",
        frames=file.frames,
        size_bytes=file.size_bytes,
        integrated_lufs=file.integrated_lufs,
        true_peak_dbtp=file.true_peak_dbtp,
        av_offset=file.av_offset,
        caption_words=edit.captions.word_count if edit.captions else 0,
        face_share=face_share(edit, faces, looked=looked),
        speaker_share=speaker_share(edit, faces, words, looked=looked),
    )
