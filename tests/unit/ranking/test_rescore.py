"""A changed clip is scored by the scorer that chose it."""

from __future__ import annotations

import numpy as np
import pytest

from talkreel.core.signals import Signal
from talkreel.core.spans import Span
from talkreel.ranking.options import RankOptions
from talkreel.ranking.rank import rank
from talkreel.ranking.rescore import Rescorer, without_spans
from talkreel.ranking.score import CraftScorer
from tests.unit.ranking.conftest import embed_transcript, long_talk, make_talk, make_transcript


def test_an_unchanged_clip_keeps_its_score() -> None:
    texts = long_talk(40)
    transcript = make_transcript(texts)
    duration = transcript.words[-1].span.end + 1
    chosen = rank(transcript, {}, embed_transcript(transcript), RankOptions(), duration=duration)
    rescore = Rescorer(make_talk(texts), CraftScorer(), RankOptions())
    for candidate in chosen:
        again = rescore([candidate.span])
        assert again is not None
        assert abs(again.score - candidate.score) <= 1  # one more proposal shifts percentiles


def test_leaving_out_a_dangling_start_raises_the_score() -> None:
    texts = [
        "And therefore they did it because of him.",
        "Nobody knows why whales sing in the dark.",
        "In 1967 we recorded the first song of a whale.",
        "The song changed how millions of people saw the ocean.",
        "What would you do if the ocean sang to you?",
        "You would never hunt a whale again.",
    ]
    talk = make_talk(texts)
    rescore = Rescorer(talk, CraftScorer(), RankOptions(min_seconds=5))
    whole = rescore([Span(0.0, talk.duration)])
    later = rescore([Span(talk.units[1].span.start, talk.duration)])
    assert whole is not None
    assert later is not None
    assert later.total > whole.total + 0.02
    parts = {part.name: part.value for part in whole.parts}
    assert {part.name for part in later.parts} == set(parts)


def test_what_is_taken_out_is_gone_from_words_and_curves() -> None:
    talk = make_talk(["One two three four.", "Five six seven eight.", "Nine ten eleven twelve."])
    curve = Signal("energy", np.arange(round(talk.duration * 10), dtype=np.float64), "dB", 0.0, 0.1)
    talk.signals["energy"] = curve  # type: ignore[index]
    gone = talk.units[1].span.pad(0.1, 0.1)
    left = without_spans(talk, [gone])
    assert [unit.text for unit in left.units] == [talk.units[0].text, talk.units[2].text]
    assert left.duration == pytest.approx(talk.duration - gone.duration)
    moved = left.units[1].span
    assert moved.start == pytest.approx(talk.units[2].span.start - gone.duration)
    before = curve.mean_over(talk.units[2].span)
    assert left.signals["energy"].mean_over(moved) == pytest.approx(before, abs=1.5)
    assert len(left.embeddings) == 2


def test_evidence_comes_back_on_the_source_clock() -> None:
    talk = make_talk(long_talk(30))
    first, drop, last = talk.units[3], talk.units[5], talk.units[9]
    rescore = Rescorer(talk, CraftScorer(), RankOptions(min_seconds=5))
    kept = [Span(first.span.start, drop.span.start), Span(drop.span.end, last.span.end)]
    found = rescore(kept)
    assert found is not None
    for part in found.parts:
        for reason in part.reasons:
            there = found.to_source(reason.span)
            assert kept[0].start - 0.01 <= there.start <= there.end <= kept[-1].end + 0.01
    assert rescore([Span(talk.duration - 0.2, talk.duration)]) is None
