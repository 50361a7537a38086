"""Speech to words with times: the protocol, the bundled recogniser and how chunks go together."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Protocol

from talkreel.core.errors import ModelMissing
from talkreel.core.spans import Span
from talkreel.core.stage import Progress, silent
from talkreel.core.transcript import Transcript, Word
from talkreel.media.audio import Audio
from talkreel.perceive.align import Aligner
from talkreel.perceive.chunks import plan_chunks
from talkreel.perceive.hear import ChunkListener, SpeechChunk, placed
from talkreel.perceive.language import judge_language
from talkreel.perceive.moonshine import Moonshine
from talkreel.perceive.speech_pool import SpeechPool
from talkreel.perceive.speech_worker import parse_chunk

# Speech in one unit of caching: small enough that little is lost when a run is killed.
BLOCK_SECONDS = 60.0


class Transcriber(Protocol):
    """Turns sound into words; whole files or, to resume and to stream, chunk by chunk.

    ``name`` and ``version`` go into the cache key of every chunk.
    """

    name: str
    version: int

    def plan(self, voice: Sequence[Span], duration: float) -> tuple[Span, ...]:
        """Chunks to recognise, in order; see ``plan_chunks``."""
        ...

    def chunks(
        self, audio: Audio, spans: Iterable[Span], *, language: str = "en"
    ) -> Generator[SpeechChunk, None, None]:
        """One result per span, in order, each as soon as it and those before it are ready.

        A result depends on its own span alone, so any subset can be cached and skipped.
        """
        ...

    def gives_up(self, chunks: Sequence[SpeechChunk]) -> bool:
        """Whether what was heard shows that the rest will not be understood either."""
        ...

    def assemble(self, chunks: Sequence[SpeechChunk], *, language: str = "en") -> Transcript:
        """A transcript of what was heard so far, with what there is to warn about."""
        ...


def transcribe(
    transcriber: Transcriber,
    audio: Audio,
    voice: Sequence[Span],
    *,
    language: str = "en",
    progress: Progress = silent,
) -> Transcript:
    """All words of the voiced spans, with times on the clock of ``audio``.

    Args:
        transcriber: what recognises.
        audio: the sound.
        voice: where someone speaks.
        language: ISO 639-1 code, or ``auto`` where the recogniser finds out.
        progress: share of the speech that was heard.
    """
    spans = transcriber.plan(voice, audio.duration)
    total = sum(span.duration for span in spans)
    heard: list[SpeechChunk] = []
    with closing(transcriber.chunks(audio, spans, language=language)) as chunks:
        for chunk in chunks:
            heard.append(chunk)
            progress(min(1.0, sum(span.duration for span in spans[: len(heard)]) / total))
            if transcriber.gives_up(heard):
                break
    progress(1.0)
    return transcriber.assemble(heard, language=language)


class LocalTranscriber:
    """Moonshine tiny English with forced alignment, on every core.

    Args:
        workers: processes; None takes one per core (at most four). 0 works in this process.

    Raises:
        ValueError: workers is negative.
    """

    name = f"{Moonshine.name}+{Aligner.name}"
    version = 10_000 * Moonshine.version + 100 * Aligner.version + ChunkListener.version
    languages = ("en",)

    def __init__(self, *, workers: int | None = None) -> None:
        if workers is not None and workers < 0:
            raise ValueError(f"workers is 0 or more, got {workers}")
        self._workers = workers
        self._here: ChunkListener | None = None

    def plan(self, voice: Sequence[Span], duration: float) -> tuple[Span, ...]:
        """Chunks to recognise, in order; see ``plan_chunks``."""
        return plan_chunks(voice, duration)

    def chunks(
        self, audio: Audio, spans: Iterable[Span], *, language: str = "en"
    ) -> Generator[SpeechChunk, None, None]:
        """One result per span, in order; nothing for a language this recogniser lacks."""
        if not self._knows(language):
            return
        if self._workers == 0:
            yield from (self.transcribe_chunk(audio, span) for span in spans)
            return
        spans = list(spans)
        if not spans:
            return
        count = None if self._workers is None else min(self._workers, len(spans))
        requests = (({"task": "chunk"}, audio.samples(span)) for span in spans)
        with SpeechPool(count) as pool:
            for span, chunk in zip(spans, pool.map(requests, parse_chunk), strict=True):
                yield placed(chunk, span)

    def transcribe_chunk(self, audio: Audio, span: Span) -> SpeechChunk:
        """The same as ``chunks`` for one span, in this process."""
        if self._here is None:
            self._here = ChunkListener(Moonshine(), Aligner())
        return placed(self._here(audio.samples(span)), span)

    def gives_up(self, chunks: Sequence[SpeechChunk]) -> bool:
        """Whether this is clearly not English."""
        return judge_language(chunks).hopeless

    def assemble(self, chunks: Sequence[SpeechChunk], *, language: str = "en") -> Transcript:
        """Words in order; none, and a warning, when the speech is not English."""
        if not self._knows(language):
            warning = (
                f"the bundled recogniser knows English only, not {language!r}: give a transcript "
                "file or Whisper weights; clips are chosen by sound and picture alone"
            )
            return Transcript("und", (), self.name, (warning,))
        verdict = judge_language(chunks)
        if not verdict.english:
            return Transcript("und", (), self.name, (verdict.warning,))
        return Transcript("en", in_order(chunks), self.name)

    def _knows(self, language: str) -> bool:
        return language.lower().split("-")[0] in (*self.languages, "auto")


def blocks(spans: Sequence[Span], seconds: float = BLOCK_SECONDS) -> tuple[tuple[Span, ...], ...]:
    """Chunks in groups of about ``seconds``, for caching; adding chunks changes the last only."""
    groups: list[list[Span]] = []
    filled = 0.0
    for span in spans:
        if not groups or filled >= seconds:
            groups.append([])
            filled = 0.0
        groups[-1].append(span)
        filled += span.duration
    return tuple(tuple(group) for group in groups)


def in_order(chunks: Iterable[SpeechChunk]) -> tuple[Word, ...]:
    """The words of all chunks, none starting before the one before it has ended."""
    words: list[Word] = []
    for chunk in chunks:
        words.extend(chunk.words)
    return tuple(words)


def load_transcriber(name: str = "default", *, models_dir: Path | None = None) -> Transcriber:
    """A recogniser by name.

    Args:
        name: ``default`` or ``moonshine`` for the bundled one; otherwise a folder with Whisper
            weights, as a path or as its name inside ``models_dir``.
        models_dir: where weights with a plain name are looked for.

    Raises:
        ModelMissing: no such weights.
    """
    if name in ("default", "moonshine"):
        return LocalTranscriber()
    places = [Path(name)] + ([models_dir / name] if models_dir else [])
    for place in places:
        if place.is_dir():
            from talkreel.perceive.whisper import WhisperTranscriber

            return WhisperTranscriber(place)
    looked = " or ".join(str(place) for place in places)
    raise ModelMissing(
        f"no speech recogniser {name!r}: give 'default' or a folder with Whisper weights "
        f"(looked for {looked})"
    )
