from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talkreel.core.spans import Span
from talkreel.perceive.chunks import (
    HARD_PAUSE_SECONDS,
    LONGEST_SECONDS,
    PAD_SECONDS,
    plan_chunks,
)
from talkreel.perceive.transcribe import blocks


@st.composite
def voices(draw: st.DrawFn) -> list[Span]:
    spans, at = [], draw(st.floats(0, 3))
    for _ in range(draw(st.integers(0, 25))):
        length = draw(st.floats(0.1, 12))
        spans.append(Span(at, at + length))
        at += length + draw(st.sampled_from([0.0, 0.1, 0.3, 0.8, 1.5, 20.0]))
    return spans


@settings(deadline=None)
@given(voices())
def test_chunks_cover_all_speech_in_order_and_are_short_enough(voice: list[Span]) -> None:
    end = voice[-1].end + 0.1 if voice else 1.0
    chunks = plan_chunks(voice, end)
    assert all(a.end <= b.start for a, b in pairwise(chunks))
    assert all(chunk.duration <= LONGEST_SECONDS + 2 * PAD_SECONDS + 1e-6 for chunk in chunks)
    assert all(0 <= chunk.start < chunk.end <= end for chunk in chunks)
    heard = sum(span.overlap(chunk) for span in voice for chunk in chunks)
    assert heard == pytest.approx(sum(span.duration for span in voice), abs=0.1)


@settings(deadline=None)
@given(voices(), st.integers(1, 24))
def test_hearing_more_changes_the_last_chunk_at_most(voice: list[Span], known: int) -> None:
    duration = 1000.0
    early = plan_chunks(voice[:known], duration)
    full = plan_chunks(voice, duration)
    assert full[: max(0, len(early) - 1)] == early[:-1]


def test_a_long_pause_always_ends_a_chunk() -> None:
    voice = [Span(0, 1), Span(1 + HARD_PAUSE_SECONDS, 4)]
    assert len(plan_chunks(voice, 5)) == 2


def test_the_longest_late_pause_is_taken() -> None:
    voice = [Span(0, 7), Span(7.5, 11), Span(11.2, 15), Span(15.1, 20)]
    assert plan_chunks(voice, 21)[0].end == pytest.approx(7.25)


def test_padding_stops_in_the_middle_of_a_pause_and_at_the_ends() -> None:
    voice = [Span(0.1, 9), Span(9.2, 17), Span(17.1, 20)]
    chunks = plan_chunks(voice, 20.1)
    assert (chunks[0].start, chunks[0].end) == (0.0, pytest.approx(9.1))
    assert chunks[-1].end == pytest.approx(20.1)


def test_one_stretch_longer_than_a_chunk_is_split_evenly() -> None:
    chunks = plan_chunks([Span(0, 40)], 40)
    assert [chunk.duration for chunk in chunks] == pytest.approx([40 / 3] * 3, abs=0.002)


def test_no_speech_needs_no_chunk() -> None:
    assert plan_chunks([], 100) == ()


def test_disorder_is_refused() -> None:
    with pytest.raises(ValueError, match="out of order"):
        plan_chunks([Span(5, 6), Span(1, 2)], 10)


@settings(deadline=None)
@given(voices())
def test_blocks_keep_all_chunks_in_order(voice: list[Span]) -> None:
    chunks = plan_chunks(voice, 1000.0)
    groups = blocks(chunks, 30.0)
    assert tuple(span for group in groups for span in group) == chunks
    shorter = blocks(chunks[:-1], 30.0)
    assert shorter[: max(0, len(shorter) - 1)] == groups[: max(0, len(shorter) - 1)]
