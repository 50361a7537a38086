"""Sound and words of one media: extracted, transcribed block by block, measured."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np

from talkreel.core.signals import Signal
from talkreel.core.spans import Span
from talkreel.core.stage import Progress, silent
from talkreel.core.transcript import Transcript, Word
from talkreel.media.audio import Audio, extract_audio
from talkreel.perceive.hear import SpeechChunk
from talkreel.pipeline.job import Job
from talkreel.store.cache import StageKey

# Names a Whisper folder (transformers or CTranslate2) to recognise speech with.
WHISPER_VARIABLE = "TALKREEL_WHISPER"
AUDIO_VERSION = 1
VOICE_VERSION = 1
SOUND_VERSION = 1
SIDECAR_VERSION = 1
# Words just outside the range help the editor find the pauses at its borders.
RANGE_MARGIN_SECONDS = 6.0
# Used where there is no sound at all.
_NO_VOICE = Signal("voice", np.zeros(0), "probability", step=0.032)


def open_sound(job: Job, progress: Progress = silent) -> Audio:
    """The sound of the job's media, extracted the first time.

    Raises:
        ValueError: the media has no sound.
    """
    if job.media.audio is None:
        raise ValueError("this media has no sound")
    wav = job.cache.file(
        job.key("audio", AUDIO_VERSION, stream=job.media.audio.index),
        ".wav",
        lambda path: extract_audio(job.media, path, progress=progress),
    )
    return Audio(wav)


def fine_level_of(job: Job, span: Span) -> Signal | None:
    """Level of the sound in ``span`` in fine steps; None when there is no sound."""
    if job.media.audio is None:
        return None
    from talkreel.perceive.level import fine_level

    return fine_level(open_sound(job), span)


class Listener:
    """Listens to one media.

    Attributes:
        audio: the sound, or None when there is none.
        voice: probability of speech.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self.audio: Audio | None = None
        self.voice: Signal = _NO_VOICE

    def open(self, progress: Progress = silent) -> None:
        """Extract the sound and find the voice in it."""
        job = self._job
        if job.media.audio is None:
            progress(1.0)
            return
        from talkreel.perceive.vad import voice_activity

        audio = open_sound(job, lambda share: progress(0.4 * share))
        self.audio = audio
        self.voice = job.cache.record(
            job.key("voice", VOICE_VERSION),
            Signal,
            lambda: voice_activity(audio, progress=lambda s: progress(0.4 + 0.6 * s)),
        )
        progress(1.0)

    def words(self, progress: Progress = silent) -> Iterator[tuple[Transcript, float]]:
        """The words heard so far and until which second, growing; at least one pair.

        Words that are all known from an earlier run come at once.

        A transcript file (given, or beside the media) always wins over recognition.
        """
        sidecar = self._sidecar()
        if sidecar is not None:
            yield sidecar, self._job.media.duration
        elif self.audio is None:
            yield Transcript("und", (), warnings=("no sound: no words",)), self._job.media.duration
        else:
            yield from self._recognise(self.audio, progress)
        progress(1.0)

    def sound(self, transcript: Transcript, until: float) -> tuple[Transcript, dict[str, Signal]]:
        """Speaker labels on the words, and the sound curves, of the first ``until`` seconds."""
        if self.audio is None:
            return transcript, {}
        from talkreel.perceive.prosody import measure_sound
        from talkreel.perceive.speakers import VERSION, diarize

        job, audio, words = self._job, self.audio, transcript.words
        heard = _cut(self.voice, until)
        labelled = job.cache.record(
            job.key("speakers", VERSION, words=words, until=until),
            tuple[Word, ...],
            lambda: diarize(audio, heard, words),
        )
        signals = job.cache.record(
            job.key("sound", SOUND_VERSION, words=words, until=until),
            dict[str, Signal],
            lambda: measure_sound(audio, heard, words),
        )
        return replace(transcript, words=labelled), {"voice": heard, **signals}

    def _sidecar(self) -> Transcript | None:
        from talkreel.perceive.realign import align_transcript
        from talkreel.perceive.sidecar import find_sidecar, read_transcript

        job = self._job
        path = job.options.transcript or find_sidecar(Path(job.media.uri))
        if path is None:
            return None
        read = read_transcript(path, job.media.duration)
        if self.audio is None:
            return read
        audio = self.audio
        return job.cache.record(
            job.key("sidecar", SIDECAR_VERSION, transcript=read),
            Transcript,
            lambda: align_transcript(read, audio),
        )

    def _recognise(self, audio: Audio, progress: Progress) -> Iterator[tuple[Transcript, float]]:
        from talkreel.perceive.transcribe import blocks, load_transcriber
        from talkreel.perceive.vad import voiced_spans

        job, language = self._job, self._job.options.language
        wanted = os.environ.get(WHISPER_VARIABLE) or "default"
        transcriber = load_transcriber(wanted, models_dir=job.models_dir)
        within = job.options.range
        planned = transcriber.plan(voiced_spans(self.voice), job.media.duration)
        groups = blocks([span for span in planned if _inside(span, within)])
        keys = [
            job.key("words", transcriber.version, by=transcriber.name, spans=group, to=language)
            for group in groups
        ]
        known = [job.cache.peek(key, tuple[SpeechChunk, ...]) for key in keys]
        # One stream over all that is missing keeps every core busy across the blocks.
        missing = [
            span
            for group, chunks in zip(groups, known, strict=True)
            if chunks is None
            for span in group
        ]
        total = sum(span.duration for group in groups for span in group)
        heard: list[SpeechChunk] = []
        with closing(transcriber.chunks(audio, missing, language=language)) as fresh:
            for group, key, stored in zip(groups, keys, known, strict=True):
                heard.extend(stored or self._next_block(key, group, fresh))
                if transcriber.gives_up(heard):
                    break
                progress(sum(chunk.span.duration for chunk in heard) / total)
                if missing:
                    yield transcriber.assemble(heard, language=language), group[-1].end
        yield transcriber.assemble(heard, language=language), job.media.duration

    def _next_block(
        self, key: StageKey, group: Sequence[Span], fresh: Iterator[SpeechChunk]
    ) -> tuple[SpeechChunk, ...]:
        return self._job.cache.record(
            key, tuple[SpeechChunk, ...], lambda: tuple(islice(fresh, len(group)))
        )


def _cut(signal: Signal, until: float) -> Signal:
    count = int(np.ceil((until - signal.start) / signal.step))
    return replace(signal, values=signal.values[: max(0, count)])


def _inside(span: Span, within: Span | None) -> bool:
    if within is None:
        return True
    return span.overlap(within.pad(RANGE_MARGIN_SECONDS, RANGE_MARGIN_SECONDS)) > 0
