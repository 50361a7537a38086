"""Rules that hold for any transcript, however odd."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from talkreel.core.candidates import Candidate
from talkreel.core.errors import NothingToClip
from talkreel.core.signals import Signal
from talkreel.core.spans import Span
from talkreel.core.transcript import Transcript, Word
from talkreel.ranking.options import RankOptions
from talkreel.ranking.rank import rank

TEXTS = st.one_of(
    st.sampled_from(
        [
            "And",
            "But",
            "So",
            "the",
            "a",
            "whale",
            "money.",
            "you?",
            "never!",
            "100",
            "Paris,",
            "—",
            "“Why",
            "why”",
            "...",
            "I",
            "he",
            "said:",
            "3.5%",
            "ok;",
            "don’t",
            "can't",
            "$9",
            "naïve",
            "東京。",
            "ß",
            "İ",
            "ﬁ",
            "😀",
            "and.",
            "the?",
            ".",
        ]
    ),
    st.text(min_size=1, max_size=8).filter(lambda t: t and not any(c.isspace() for c in t)),
)


@st.composite
def transcripts(draw: st.DrawFn) -> tuple[Transcript, float]:
    count = draw(st.integers(0, 120))
    seed = draw(st.integers(0, 2**16))
    rng = np.random.default_rng(seed)
    pool = draw(st.lists(TEXTS, min_size=1, max_size=25))
    words, clock = [], float(rng.uniform(0, 5))
    for _ in range(count):
        length = float(rng.choice([0.0, 0.1, 0.3, 0.5, 3.0]))
        words.append(Word(pool[int(rng.integers(len(pool)))], Span(clock, clock + length)))
        clock += max(0.0, length + float(rng.choice([-0.05, 0.0, 0.1, 0.4, 2.0, 90.0], p=_PAUSES)))
    end = max((word.span.end for word in words), default=0.0)
    return Transcript("en", tuple(words)), max(end - draw(st.sampled_from([0.0, 2.0])), 0) + 0.5


_PAUSES = [0.1, 0.3, 0.3, 0.2, 0.08, 0.02]


def embed(transcript: Transcript) -> np.ndarray:
    rng = np.random.default_rng(len(transcript.words))
    rows = rng.standard_normal((len(transcript.sentences), 384))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def attempt(
    transcript: Transcript, duration: float, options: RankOptions, signals: dict[str, Signal]
) -> tuple[Candidate, ...]:
    try:
        return rank(transcript, signals, embed(transcript), options, duration=duration)
    except NothingToClip:
        return ()


@settings(max_examples=120, deadline=None)
@given(
    made=transcripts(),
    clips=st.one_of(st.none(), st.integers(1, 12)),
    limits=st.sampled_from([(15.0, 60.0), (5.0, 10.0), (20.0, 21.0), (1.0, 300.0)]),
    sound=st.booleans(),
)
def test_any_transcript_keeps_the_rules(
    made: tuple[Transcript, float],
    clips: int | None,
    limits: tuple[float, float],
    sound: bool,
) -> None:
    transcript, duration = made
    options = RankOptions(clips=clips, min_seconds=limits[0], max_seconds=limits[1])
    rng = np.random.default_rng(0)
    level = np.where(rng.random(round(duration * 10)) < 0.1, np.nan, -30.0)
    signals = {"loudness": Signal("loudness", level, "LUFS", 0.0, 0.1)} if sound else {}
    found = attempt(transcript, duration, options, signals)
    assert found == attempt(transcript, duration, options, signals)
    assert clips is None or len(found) <= clips
    assert [c.score for c in found] == sorted((c.score for c in found), reverse=True)
    for candidate in found:
        span = candidate.span
        assert span.start >= 0
        assert span.end <= duration + 1e-6
        assert span.duration <= options.max_seconds + 1e-6
        assert span.duration >= min(options.min_seconds, duration) - 1e-6
        assert 1 <= len(candidate.title) <= 60
        assert 0 <= candidate.score <= 99
        for part in candidate.sub_scores:
            assert all(span.start <= r.span.start <= r.span.end <= span.end for r in part.reasons)
    for a, b in combinations(found, 2):
        shorter = min(a.span.duration, b.span.duration)
        assert a.span.overlap(b.span) <= 0.4 * shorter + 1e-6
