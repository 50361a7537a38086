"""The words of a clip: taken from the talk, ranked by the hook model."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from talkreel.core.analysis import Analysis
from talkreel.core.arrays import FloatArray
from talkreel.core.candidates import Candidate
from talkreel.core.errors import ModelMissing
from talkreel.core.spans import Span
from talkreel.core.transcript import Transcript
from talkreel.core.words import Chapter, ClipWords, Phrasing
from talkreel.models.shipped import load_bundle, specs
from talkreel.pipeline.craft_options import CraftOptions
from talkreel.pipeline.draft import Draft
from talkreel.pipeline.job import Job
from talkreel.ranking.hashtags import hashtags
from talkreel.ranking.headlines import Line, hook_lines, name_chapters, title_lines
from talkreel.ranking.posts import compose, describe
from talkreel.ranking.talk import Unit, sentence_units

if TYPE_CHECKING:
    from talkreel.models.hook import HookRanker
    from talkreel.pipeline.rewrite import Writer

VERSION = 1
_LANGUAGE = "en"  # what the hook model and the word lists were made for


class Wordsmith:
    """Writes the words of every clip of one job; the hook model loads when first needed.

    Raises:
        InputError: an engine is asked for that cannot be opened.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        # Opened at once, so that a wrong path or URL is told before any work is done.
        self._writer = _open_writer(job.options.craft)

    @cached_property
    def _ranker(self) -> HookRanker | None:
        try:
            bundle = load_bundle("hook")
        except ModelMissing:
            return None
        from talkreel.models.hook import HookRanker

        return HookRanker(bundle)

    def __call__(self, candidate: Candidate, analysis: Analysis) -> ClipWords | None:
        """The words of one clip; None where nobody speaks in it."""
        talk = sentences(analysis.transcript, analysis.media.span)
        clip = [unit for unit in talk if unit.span.overlap(candidate.span) > unit.span.duration / 2]
        if not clip:
            return None
        hook = specs().get("hook")
        key = self._job.key(
            "words",
            VERSION,
            span=candidate.span,
            words=analysis.transcript.words,
            language=analysis.transcript.language,
            hook=hook.files if hook else None,
            writer=self._writer.identity if self._writer else None,
        )
        return self._job.cache.record(
            key, ClipWords, lambda: self._write(clip, talk, analysis.transcript.language)
        )

    def _write(self, clip: Sequence[Unit], talk: Sequence[Unit], language: str) -> ClipWords:
        span = Span(clip[0].span.start, clip[-1].span.end)
        ranker = self._ranker if language == _LANGUAGE else None
        draft = self._writer(clip) if self._writer else Draft()
        titles = ranked((*title_lines(clip, span), *draft.titles), ranker)
        hooks = ranked((*hook_lines(clip), *draft.hooks), ranker)
        description = draft.description or describe(clip)
        tags = hashtags(clip, talk) if language == _LANGUAGE else ()
        posts = compose(titles[0].text, hooks[0].text if hooks else "", description, tags)
        return ClipWords(
            titles=titles,
            hooks=hooks,
            description=description,
            hashtags=tags,
            posts=posts,
            refused=draft.refused,
        )


def _open_writer(options: CraftOptions) -> Writer | None:
    if options.llm is None:
        return None
    from talkreel.models.language import open_engine
    from talkreel.pipeline.rewrite import Writer

    return Writer(open_engine(options.llm, options.llm_model))


def sentences(transcript: Transcript, bounds: Span) -> tuple[Unit, ...]:
    """Whole sentences of a talk, however long."""
    return sentence_units(transcript, bounds, max_seconds=bounds.duration + 1.0)


def ranked(lines: Sequence[Line], ranker: HookRanker | None) -> tuple[Phrasing, ...]:
    """Lines in the hook model's order; in the order given where there is no model."""
    if ranker is None or len(lines) < 2:
        return tuple(Phrasing(line.text, line.span, line.source) for line in lines)
    ranking = ranker.rank([line.text for line in lines])
    order = ranking.order
    best, second = order[0], order[1]
    others = len(lines) - 1
    wins = (ranking.wins.sum(axis=1) - np.diag(ranking.wins)) / others
    return tuple(
        Phrasing(
            lines[i].text,
            lines[i].span,
            lines[i].source,
            wins=round(float(wins[i]), 3),
            too_close=bool(ranking.too_close[best, second if i == best else i]),
        )
        for i in order
    )


def chapters(transcript: Transcript, embeddings: FloatArray, bounds: Span) -> tuple[Chapter, ...]:
    """Chapters of the talk.

    Args:
        transcript: words of all of it.
        embeddings: [S, 384] of its sentences.
        bounds: of the media.
    """
    units = sentences(transcript, bounds)
    if not units:
        return ()
    return name_chapters(units, np.asarray(embeddings)[[unit.sentence for unit in units]])
