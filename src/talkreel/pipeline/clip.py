"""The main job: a talk in, ranked clips out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import talkreel
from talkreel.core.analysis import Analysis
from talkreel.core.candidates import Candidate
from talkreel.core.clips import Clip, ClipSet
from talkreel.core.errors import NothingToClip, RenderError
from talkreel.core.spans import Span, merge
from talkreel.core.tracks import FaceTrack
from talkreel.core.transcript import Transcript
from talkreel.media.probe import probe
from talkreel.pipeline.choose import Choice, Chooser, Heard
from talkreel.pipeline.deliver import OutputFolder, check_folder, place
from talkreel.pipeline.engines import check_engines
from talkreel.pipeline.job import Job
from talkreel.pipeline.listen import Listener
from talkreel.pipeline.make import Cut, cut, rendered
from talkreel.pipeline.options import ClipOptions
from talkreel.pipeline.produce import produce, unheard
from talkreel.pipeline.progress import Tracker, Watcher, unwatched
from talkreel.pipeline.read import curves
from talkreel.pipeline.see import Sight
from talkreel.pipeline.upscale import check_upscale
from talkreel.pipeline.words import Wordsmith, chapters
from talkreel.ranking.readings import Readings
from talkreel.report import write_report
from talkreel.store.analysis import write_analysis
from talkreel.store.cache import StageCache, default_root, limit_bytes

# The first clip is rendered once this share of the talk is heard, so that a user sees a
# finished clip long before the whole talk is done.
EARLY_SHARE = 0.2
# Shorter talks are heard so fast that an early clip would only cost a second ranking.
EARLY_MIN_SECONDS = 240.0
EARLY_MIN_CLIPS = 3

# Expected seconds per minute of talk on two cores; they only shape the progress bar.
_COST = {"sound": 0.2, "words": 4.0, "picture": 1.0, "rank": 0.3, "clips": 6.0}


class Maker:
    """Runs one job from probed media to delivered clips."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.listener = Listener(job)
        self.sight = Sight(job)
        self.chooser = Chooser(job)
        self.wordsmith = Wordsmith(job)
        self.faces: dict[Span, tuple[FaceTrack, ...]] = {}

    def perceive(self, folder: OutputFolder | None = None) -> Analysis:
        """Everything but faces; with ``folder``, an early clip is delivered on the way."""
        tracker, listener = self.job.tracker, self.listener
        listener.open(tracker.stage("sound"))
        early = False
        transcript = Transcript("und", ())
        for transcript, until in listener.words(tracker.stage("words")):
            if folder is not None and not early and self._worth_early(until):
                early = self._early_clip(folder, transcript, until)
        tracker.finish("words")
        shots = self.sight.shots(progress=tracker.stage("picture"))
        transcript, signals = listener.sound(transcript, self.job.media.duration)
        return Analysis(
            media=self.job.media,
            transcript=transcript,
            shots=shots if self.job.media.video else (),
            signals=signals,
            warnings=(*self.job.media.warnings, *transcript.warnings),
        )

    def choose(self, analysis: Analysis) -> Choice:
        """Ranked candidates of the whole talk."""
        heard = Heard(
            analysis.transcript,
            analysis.signals,
            analysis.shots,
            analysis.media.duration,
            self.listener.audio,
        )
        return self.chooser.choose(heard, progress=self.job.tracker.stage("rank"))

    def cuts(self, analysis: Analysis, candidates: Sequence[Candidate]) -> Iterator[Cut]:
        """Edits in order; the next one is prepared while the caller renders the last."""
        with ThreadPoolExecutor(1) as ahead:
            waiting: Future[Cut] | None = None
            for candidate in candidates:
                coming = ahead.submit(self._cut, analysis, candidate)
                if waiting is not None:
                    yield waiting.result()
                waiting = coming
            if waiting is not None:
                yield waiting.result()

    def _cut(self, analysis: Analysis, candidate: Candidate) -> Cut:
        faces = self.sight.faces(
            candidate.span,
            analysis.shots,
            self.listener.audio,
            self.listener.voice,
            analysis.transcript.words,
        )
        self.faces[candidate.span] = faces
        seen = replace(analysis, looked=(candidate.span,), faces=faces)
        made = cut(self.job, self.sight, candidate, seen)
        return replace(made, words=self.wordsmith(candidate, analysis))

    def _worth_early(self, until: float) -> bool:
        duration, wanted = self.job.media.duration, self.job.options.clips
        return (
            duration >= EARLY_MIN_SECONDS
            and EARLY_SHARE * duration <= until < duration
            and (wanted is None or wanted >= EARLY_MIN_CLIPS)
        )

    def _early_clip(self, folder: OutputFolder, so_far: Transcript, until: float) -> bool:
        """Deliver the best clip of the first ``until`` seconds, if anything there is worth one."""
        transcript, signals = self.listener.sound(so_far, until)
        try:
            best = self.chooser.choose(
                Heard(transcript, signals, (), until, self.listener.audio), clips=1
            ).candidates[0]
        except NothingToClip:
            return False
        around = best.span.pad(10.0, 10.0).clamp(self.job.media.span)
        analysis = Analysis(
            media=self.job.media,
            transcript=transcript,
            shots=self.sight.shots(around) if self.job.media.video else (),
            signals=signals,
        )
        made = self._cut(analysis, best)
        try:
            path, _ = rendered(self.job.cache, made.edit, self.job.media)
        except RenderError:
            return False  # said again, with its rank, when the clip's turn comes
        target = folder.early_clip(best.title)
        place(path, target)
        self.job.tracker.say("words", f"first clip: {target}")
        return True


def open_job(source: Path, options: ClipOptions, cache: StageCache | None, watcher: Watcher) -> Job:
    """Probe ``source`` and set up a job on it.

    Raises:
        MediaError: not usable media.
        InputError: options that do not fit it.
    """
    media = probe(source)
    if options.craft.upscale is not None:
        check_upscale(options.craft.upscale)
    check_engines(options.craft)
    minutes = media.duration / 60
    plan = [(stage, cost * minutes + 1.0) for stage, cost in _COST.items()]
    return Job(
        media=media,
        options=options.within(media.span),
        cache=cache or StageCache(default_root()),
        tracker=Tracker(plan, watcher),
    )


def make_clips(
    source: Path,
    out: Path,
    options: ClipOptions | None = None,
    *,
    cache: StageCache | None = None,
    watcher: Watcher = unwatched,
    delivered: Callable[[Clip], None] = unheard,
) -> ClipSet:
    """Make clips of ``source`` in ``out``; a killed run goes on where it was.

    Args:
        source: media.
        out: folder, made when missing.
        options: what is asked.
        cache: stage results.
        watcher: progress.
        delivered: called with each clip, best first, once all of its files are in ``out``.

    Raises:
        MediaError: not usable media.
        InputError: options that do not fit it.
        NothingToClip: nothing is worth a clip, with why.
        OutputError: ``out`` cannot be written.
        RenderError: ffmpeg failed on every clip.
    """
    job = open_job(source, options or ClipOptions(), cache, watcher)
    return run_job(job, out, delivered=delivered)


def run_job(
    job: Job,
    out: Path,
    *,
    delivered: Callable[[Clip], None] = unheard,
    dropped: Callable[[RenderError], None] = unheard,
) -> ClipSet:
    """``make_clips`` of an opened job.

    Args:
        job: from ``open_job``.
        out: folder, made when missing.
        delivered: called with each clip, best first, once all of its files are in ``out``.
        dropped: called with the error of a clip that fails; what it raises ends the job. The
            others are still made otherwise.

    Raises:
        NothingToClip: nothing is worth a clip, with why.
        OutputError: ``out`` cannot be written.
        RenderError: ffmpeg failed on every clip.
    """
    folder = OutputFolder(out)
    maker = Maker(job)
    analysis = maker.perceive(folder)
    choice = maker.choose(analysis)
    analysis = with_readings(analysis, choice.readings)
    candidates = choice.candidates
    before = folder.previous()
    clips, problems = produce(
        job,
        folder,
        maker.cuts(analysis, candidates),
        len(candidates),
        delivered=delivered,
        dropped=dropped,
    )
    result = ClipSet(
        media_uri=job.media.uri,
        media_digest=job.media.digest,
        duration=job.media.duration,
        clips=tuple(clips),
        transcript_source=analysis.transcript.source,
        scorer=choice.scorer,
        warnings=(*analysis.warnings, *problems),
        talkreel_version=talkreel.__version__,
        chapters=chapters(analysis.transcript, choice.embeddings, job.media.span),
    )
    analysis = with_faces(analysis, maker.faces)
    write_analysis(folder.root / "analysis.json", analysis)
    write_report(folder.root / "report.html", analysis, result)
    folder.finish(result, before)
    job.cache.prune(limit_bytes())
    return result


def with_faces(analysis: Analysis, faces: dict[Span, tuple[FaceTrack, ...]]) -> Analysis:
    """``analysis`` with the faces of all candidates, numbered anew."""
    looked = merge(faces)
    tracks = [track for span in sorted(faces) for track in faces[span]]
    return replace(
        analysis,
        looked=looked,
        faces=tuple(replace(track, id=i) for i, track in enumerate(tracks)),
    )


def with_readings(analysis: Analysis, readings: Readings) -> Analysis:
    """``analysis`` with the curves of what the models read."""
    signals = {**analysis.signals, **curves(analysis.transcript, readings)}
    return replace(analysis, signals=signals)


def analyze_media(
    source: Path,
    options: ClipOptions | None = None,
    *,
    out: Path | None = None,
    cache: StageCache | None = None,
    watcher: Watcher = unwatched,
) -> Analysis:
    """Perceive ``source``: words, shots, sound, and faces in what would become clips.

    With ``out``, ``analysis.json`` (and ``.npz``) is written there.

    Raises:
        MediaError: not usable media.
        InputError: options that do not fit it.
        OutputError: ``out`` cannot be written.
    """
    job = open_job(source, options or ClipOptions(), cache, watcher)
    if out:
        check_folder(out)
    maker = Maker(job)
    analysis = maker.perceive()
    candidates: tuple[Candidate, ...] = ()
    try:
        choice = maker.choose(analysis)
    except NothingToClip:
        pass
    else:
        candidates = choice.candidates
        analysis = with_readings(analysis, choice.readings)
    progress = job.tracker.stage("clips")
    for index, _cut in enumerate(maker.cuts(analysis, candidates)):
        progress((index + 1) / len(candidates))
    analysis = with_faces(analysis, maker.faces)
    if out:
        write_analysis(out / "analysis.json", analysis)
    return analysis


def transcribe_media(
    source: Path,
    options: ClipOptions | None = None,
    *,
    cache: StageCache | None = None,
    watcher: Watcher = unwatched,
) -> Transcript:
    """The words of ``source``.

    Raises:
        MediaError: not usable media.
        InputError: options that do not fit it.
    """
    job = open_job(source, options or ClipOptions(), cache, watcher)
    listener = Listener(job)
    listener.open(job.tracker.stage("sound"))
    *_, (transcript, _) = listener.words(job.tracker.stage("words"))
    return listener.sound(transcript, job.media.duration)[0]
