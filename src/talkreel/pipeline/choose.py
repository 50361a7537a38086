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
from talkreel.models.text import TextEmbedder
from talkreel.pipeline.job import Job
from talkreel.ranking.options import RankOptions
from talkreel.ranking.rank import rank
from talkreel.ranking.score import CraftScorer, Scorer

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
    """

    transcript: Transcript
    signals: Mapping[str, Signal]
    shots: Sequence[Shot]
    duration: float


class Chooser:
    """Ranks candidates of one media; the embedder loads when first needed.

    Args:
        job: media, options and cache.
        scorer: what judges the candidates.
    """

    def __init__(self, job: Job, scorer: Scorer | None = None) -> None:
        self._job = job
        self.scorer = scorer or CraftScorer()

    @cached_property
    def _embedder(self) -> TextEmbedder:
        return TextEmbedder()

    def choose(
        self, heard: Heard, *, clips: int | None = None, progress: Progress = silent
    ) -> tuple[Candidate, ...]:
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
        texts = [sentence.text for sentence in heard.transcript.sentences]
        embeddings = self._embed(texts, progress)
        query = self._embed([options.query], silent)[0] if options.query else None
        return rank(
            heard.transcript,
            heard.signals,
            embeddings,
            rank_options,
            duration=heard.duration,
            shots=heard.shots,
            query_embedding=query,
            scorer=self.scorer,
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
