from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkreel.core.spans import Span, TimeMap, merge

seconds = st.floats(-1e5, 1e5, allow_nan=False)
spans = st.tuples(seconds, st.floats(0, 1e4)).map(lambda pair: Span(pair[0], pair[0] + pair[1]))


@st.composite
def kept_spans(draw: st.DrawFn) -> tuple[Span, ...]:
    pieces = draw(st.lists(st.tuples(st.floats(0.01, 5), st.floats(0.05, 20)), min_size=1))
    at, kept = 0.0, []
    for gap, length in pieces:
        kept.append(Span(at + gap, at + gap + length))
        at += gap + length
    return tuple(kept)


@pytest.mark.parametrize(("start", "end"), [(2, 1), (math.nan, 1), (0, math.inf)])
def test_a_span_refuses_bad_bounds(start: float, end: float) -> None:
    with pytest.raises(ValueError, match="span"):
        Span(start, end)


def test_spans_are_half_open() -> None:
    assert Span(1, 2).contains(1)
    assert not Span(1, 2).contains(2)
    assert Span(0, 1).overlap(Span(1, 2)) == 0
    assert Span(0, 1).intersect(Span(1, 2)) is None


@given(spans, spans)
def test_overlap_and_gap_are_symmetric_and_exclusive(a: Span, b: Span) -> None:
    assert a.overlap(b) == b.overlap(a)
    assert a.gap(b) == b.gap(a)
    assert a.overlap(b) == 0 or a.gap(b) == 0


@given(spans, spans)
def test_clamp_stays_inside(a: Span, bounds: Span) -> None:
    clamped = a.clamp(bounds)
    assert bounds.start <= clamped.start <= clamped.end <= bounds.end


@given(st.lists(spans))
def test_merge_gives_separate_ordered_spans_that_cover_the_same(parts: list[Span]) -> None:
    merged = merge(parts)
    assert all(a.end < b.start for a, b in pairwise(merged))
    for part in parts:
        assert any(m.start <= part.start and part.end <= m.end for m in merged)


def test_merge_joins_over_small_gaps() -> None:
    assert merge([Span(2, 3), Span(0, 1)], max_gap=1) == (Span(0, 3),)


@given(kept_spans(), st.floats(0, 1))
def test_time_map_there_and_back(kept: tuple[Span, ...], share: float) -> None:
    mapped = TimeMap(kept)
    clip_time = share * mapped.duration
    assert mapped.to_clip(mapped.to_source(clip_time)) == pytest.approx(clip_time, abs=1e-6)


@given(kept_spans(), seconds, seconds)
def test_time_map_never_goes_back(kept: tuple[Span, ...], a: float, b: float) -> None:
    mapped = TimeMap(kept)
    first, second = sorted((a, b))
    assert mapped.to_clip(first) <= mapped.to_clip(second)
    assert 0 <= mapped.to_clip(a) <= mapped.duration


@given(kept_spans())
def test_kept_spans_keep_their_length(kept: tuple[Span, ...]) -> None:
    mapped = TimeMap(kept)
    for span in kept:
        on_clip = mapped.span_to_clip(span)
        assert on_clip is not None
        assert on_clip.duration == pytest.approx(span.duration, abs=1e-6)


def test_what_is_cut_away_has_no_clip_span() -> None:
    mapped = TimeMap((Span(0, 1), Span(3, 4)))
    assert mapped.span_to_clip(Span(1.5, 2.5)) is None
    assert mapped.to_clip(2) == 1.0
    assert mapped.span_to_clip(Span(0.5, 3.5)) == Span(0.5, 1.5)


@pytest.mark.parametrize(
    "kept", [(), (Span(1, 1),), (Span(0, 2), Span(1, 3)), (Span(5, 6), Span(0, 1))]
)
def test_time_map_refuses_disorder(kept: tuple[Span, ...]) -> None:
    with pytest.raises(ValueError, match="kept span|at least one"):
        TimeMap(kept)
