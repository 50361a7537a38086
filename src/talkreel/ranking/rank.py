"""From what was heard and seen to ranked candidates. Pure: same input, same output."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from talkreel.core.arrays import FloatArray
from talkreel.core.candidates import Candidate, Reason, SubScore
from talkreel.core.errors import InputError, NothingToClip
from talkreel.core.signals import Signal
from talkreel.core.spans import Span
from talkreel.core.tracks import Shot
from talkreel.core.transcript import Transcript
from talkreel.ranking.choose import Chooser, auto_count
from talkreel.ranking.facts import Facts
from talkreel.ranking.options import RankOptions
from talkreel.ranking.propose import proposals_for
from talkreel.ranking.query import Relevance, relevance
from talkreel.ranking.score import CraftScorer, Scorer, Scores, gather_facts
from talkreel.ranking.talk import Proposals, Talk, sentence_units
from talkreel.ranking.titles import make_title
from talkreel.ranking.weights import RULES, ChoiceRules
from talkreel.ranking.wordless import is_silent, wordless_units

SHORTEST_MEDIA_SECONDS = 2.0  # nothing can be told in less
_EMBEDDING_SIZE = 384
# Totals of chosen clips lie between 0.63 and 0.85 on 60 real talks (5th to 95th percentile); the
# curve spreads that range over about 50 to 90.
_SCORE_MIDDLE, _SCORE_SLOPE = 0.64, 10.0


def rank(
    transcript: Transcript,
    signals: Mapping[str, Signal],
    embeddings: FloatArray,
    options: RankOptions,
    *,
    duration: float,
    shots: Sequence[Shot] = (),
    query_embedding: FloatArray | None = None,
    scorer: Scorer | None = None,
    rules: ChoiceRules = RULES,
) -> tuple[Candidate, ...]:
    """The best clips of a talk, best first.

    A candidate's id, title and text depend on its own words and times only.

    Args:
        transcript: words; may be empty.
        signals: curves by name (see ``perceive.prosody``); any may be missing.
        embeddings: [len(transcript.sentences), 384] unit vectors.
        options: wishes.
        duration: seconds of the media.
        shots: of the picture.
        query_embedding: [384] unit vector of ``options.query``.
        scorer: what judges proposals; the craft priors when left out.
        rules: how spans are chosen.

    Raises:
        NothingToClip: silent, too short, or nothing that fits the limits; says why.
        InputError: ``options.range`` lies outside the media.
        ValueError: embeddings of the wrong shape, or a query without its embedding.
    """
    _check(transcript, embeddings, options, duration, query_embedding)
    bounds = _bounds(options, duration)
    talk = _talk(transcript, signals, embeddings, options, bounds, duration, tuple(shots))
    talk = replace(talk, query=options.query, query_embedding=query_embedding)
    facts = gather_facts(talk)
    proposals = proposals_for(talk, facts.edges, options, bounds)
    if not len(proposals):
        raise NothingToClip(
            f"nothing between {options.min_seconds:g} and {options.max_seconds:g} s starts and "
            "ends on whole sentences; allow other lengths"
        )
    scores = (scorer or CraftScorer())(talk, facts, proposals)
    near = relevance(talk, proposals) if query_embedding is not None else None
    if near is not None:
        scores = _towards(scores, near, rules)
    chosen = _choose(talk, facts, proposals, scores, options, rules)
    ordered = sorted(chosen, key=lambda p: (-float(scores.total[p]), float(proposals.start[p])))
    return tuple(_candidate(talk, proposals, scores, p) for p in ordered)


def _check(
    transcript: Transcript,
    embeddings: FloatArray,
    options: RankOptions,
    duration: float,
    query_embedding: FloatArray | None,
) -> None:
    want = (len(transcript.sentences), _EMBEDDING_SIZE)
    got = np.shape(embeddings)
    if got != want and not (want[0] == 0 and np.size(embeddings) == 0):
        raise ValueError(f"embeddings need shape {want}, one row per sentence, got {got}")
    if not np.isfinite(duration) or duration < 0:
        raise ValueError(f"duration is a number of seconds, got {duration}")
    if options.query is not None and query_embedding is None:
        raise ValueError("a query needs its query_embedding")
    if query_embedding is not None and np.shape(query_embedding) != (_EMBEDDING_SIZE,):
        raise ValueError(
            f"query_embedding needs shape ({_EMBEDDING_SIZE},), got {np.shape(query_embedding)}"
        )


def _bounds(options: RankOptions, duration: float) -> Span:
    whole = Span(0.0, duration)
    if duration < SHORTEST_MEDIA_SECONDS:
        raise NothingToClip(
            f"the media lasts {duration:.1f} s; a clip needs at least {SHORTEST_MEDIA_SECONDS:g} s"
        )
    if options.range is None:
        return whole
    inside = options.range.intersect(whole)
    if inside is None:
        raise InputError(
            f"the range {options.range.start:g} to {options.range.end:g} s lies outside the media "
            f"(0 to {duration:.1f} s)"
        )
    if inside.duration < SHORTEST_MEDIA_SECONDS:
        raise NothingToClip(
            f"the range holds {inside.duration:.1f} s; a clip needs at least "
            f"{SHORTEST_MEDIA_SECONDS:g} s"
        )
    return inside


def _talk(
    transcript: Transcript,
    signals: Mapping[str, Signal],
    embeddings: FloatArray,
    options: RankOptions,
    bounds: Span,
    duration: float,
    shots: tuple[Shot, ...],
) -> Talk:
    """The talk in units: sentences where there are words, else stretches of sound."""
    units = sentence_units(transcript, bounds, options.max_seconds)
    if units:
        vectors = np.asarray(embeddings, dtype=np.float64)[[unit.sentence for unit in units]]
        return Talk(units, np.nan_to_num(vectors), signals, duration, shots)
    if is_silent(signals, bounds):
        raise NothingToClip("the sound is silent and there are no words; nothing to clip")
    if not signals and len(shots) < 2:
        raise NothingToClip(
            "there is neither speech nor sound nor a cut in the picture; give a transcript with "
            "--transcript if people speak"
        )
    units = wordless_units(signals, shots, bounds)
    return Talk(units, np.zeros((len(units), _EMBEDDING_SIZE)), signals, duration, shots)


def _towards(scores: Scores, near: Relevance, rules: ChoiceRules) -> Scores:
    """Scores that lean towards the query; the closeness becomes the first sub-score."""
    share = rules.query_share
    explain = scores.explain

    def with_query(index: int) -> tuple[SubScore, ...]:
        parts = explain(index)
        weight = sum(part.weight for part in parts) * share / (1 - share)
        value = float(near.value[index])
        return (SubScore("relevance", value, weight, near.reasons(index)), *parts)

    return Scores(
        share * near.value + (1 - share) * scores.total,
        share * near.value + (1 - share) * scores.local,
        with_query,
    )


def _choose(
    talk: Talk,
    facts: Facts,
    proposals: Proposals,
    scores: Scores,
    options: RankOptions,
    rules: ChoiceRules,
) -> list[int]:
    chooser = Chooser(talk, facts, proposals, scores, rules)
    winners = chooser.winners()
    count = options.clips or auto_count(talk, proposals, scores, winners, rules)
    chosen = chooser.pick(count, winners, [])
    if len(chosen) < count:
        chosen = chooser.pick(count, np.arange(len(proposals)), chosen)
    if len(chosen) < count and options.clips is not None:
        packed = chooser.pack(count)
        chosen = packed if len(packed) > len(chosen) else chosen
    return chosen


def _candidate(talk: Talk, proposals: Proposals, scores: Scores, index: int) -> Candidate:
    span = proposals.span(index)
    units = talk.units[int(proposals.first[index]) : int(proposals.last[index])]
    text = " ".join(unit.text for unit in units if unit.words)
    return Candidate(
        id=candidate_id(span, text),
        span=span,
        score=to_score(float(scores.total[index])),
        sub_scores=scores.explain(index),
        title=make_title(units, span),
        text=text,
    )


def candidate_id(span: Span, text: str) -> str:
    """Twelve hex digits from span (to the millisecond) and text alone."""
    key = f"{span.start:.3f} {span.end:.3f} {text}"
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def to_score(total: float) -> int:
    """0..99 from a total of 0..1, monotone (logistic)."""
    return int(np.clip(round(99 / (1 + np.exp(-_SCORE_SLOPE * (total - _SCORE_MIDDLE)))), 0, 99))


__all__ = ["Reason", "candidate_id", "rank", "to_score"]
