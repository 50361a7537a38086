"""Words and signals to ranked candidates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from talkreel.core.arrays import FloatArray
from talkreel.core.candidates import Candidate
from talkreel.core.signals import Signal
from talkreel.core.stage import Progress, silent
from talkreel.core.tracks import Shot
from talkreel.core.transcript import Transcript
from talkreel.media.audio import Audio
from talkreel.models.shipped import specs
from talkreel.models.text import TextEmbedder
from talkreel.pipeline.job import Job
from talkreel.pipeline.listen import SOUND_VERSION
from talkreel.pipeline.read import VERSION as READINGS_VERSION
from talkreel.pipeline.read import read_sentences
from talkreel.ranking.options import RankOptions
from talkreel.ranking.rank import rank
from talkreel.ranking.readings import Readings
from talkreel.ranking.score import CraftScorer, Scorer
from talkreel.ranking.viral import ViralScorer

# Sentences are embedded and cached in groups, so that a talk heard further keeps the earlier ones.
GROUP_SENTENCES = 64


@dataclass(frozen=True, slots=True)
class Heard:
    """What ranking looks at.

    Attributes:
        transcript: words so far.
        signals: sound so far.
        shots: of the picture, or none yet.
        duration: seconds of the source that were heard.
        audio: of the whole source, or None.
    """

    transcript: Transcript
    signals: Mapping[str, Signal]
    shots: Sequence[Shot]
    duration: float
    audio: Audio | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen and by what.

    Attributes:
        candidates: best first.
        scorer: name of what judged them.
        readings: what the models read; empty where none did.
        embeddings: [S, 384] of the transcript's sentences.
    """

    candidates: tuple[Candidate, ...]
    scorer: str
    readings: Readings
    embeddings: FloatArray


class Chooser:
    """Ranks candidates of one media; models load when first needed."""

    def __init__(self, job: Job) -> None:
        self._job = job

    @cached_property
    def _embedder(self) -> TextEmbedder:
        return TextEmbedder()

    def choose(
        self, heard: Heard, *, clips: int | None = None, progress: Progress = silent
    ) -> Choice:
        """Candidates, best first.

        Raises:
            NothingToClip: nothing is worth a clip, with why.
        """
        options = self._job.options
        rank_options = RankOptions(
            clips=clips if clips is not None else options.clips,
            min_seconds=options.min_seconds,
            max_seconds=options.max_seconds,
            range=options.range,
            query=options.query,
        )
        query = self._embed([options.query], silent)[0] if options.query else None
        embeddings, readings, scorer = self.judge(heard, progress)
        candidates = rank(
            heard.transcript,
            heard.signals,
            embeddings,
            rank_options,
            duration=heard.duration,
            shots=heard.shots,
            query_embedding=query,
            scorer=scorer,
        )
        return Choice(candidates, scorer.name, readings, embeddings)

    def judge(
        self, heard: Heard, progress: Progress = silent
    ) -> tuple[FloatArray, Readings, Scorer]:
        """[S, 384] of the sentences, what the models read in them, and what scores by it."""
        texts = [sentence.text for sentence in heard.transcript.sentences]
        embeddings = self._embed(texts, progress)
        readings = self._read(heard, embeddings)
        scorer: Scorer = ViralScorer(readings) if readings.sources else CraftScorer()
        return embeddings, readings, scorer

    def _read(self, heard: Heard, embeddings: FloatArray) -> Readings:
        if self._job.options.scorer == "craft":
            return Readings()
        bundles = {name: spec.files for name, spec in specs().items()}
        key = self._job.key(
            "readings",
            READINGS_VERSION,
            bundles=bundles,
            sound=SOUND_VERSION,
            texts=TextEmbedder.version,
            words=heard.transcript.words,
            until=heard.duration,
        )
        return self._job.cache.record(
            key,
            Readings,
            lambda: read_sentences(heard.transcript, embeddings, heard.signals, heard.audio),
        )

    def _embed(self, texts: Sequence[str], progress: Progress) -> FloatArray:
        rows: list[FloatArray] = [np.zeros((0, 384), np.float32)]
        for first in range(0, len(texts), GROUP_SENTENCES):
            rows.append(self._group(texts[first : first + GROUP_SENTENCES]))
            progress(min(1.0, (first + GROUP_SENTENCES) / len(texts)))
        return np.concatenate(rows)

    def _group(self, texts: Sequence[str]) -> FloatArray:
        key = self._job.key(TextEmbedder.name, TextEmbedder.version, texts=list(texts))
        return self._job.cache.record(key, FloatArray, lambda: self._embedder(texts))
