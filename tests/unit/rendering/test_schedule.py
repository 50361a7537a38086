from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from talkreel.core.edits import Canvas, CropKey, CropPath, Edit, Layout, LayoutKind
from talkreel.core.media import Media, VideoStream
from talkreel.core.spans import Span
from talkreel.rendering.schedule import (
    READ_ON_SECONDS,
    make_schedule,
    picture_times,
    sampling,
    seek_seconds,
)

RATE = Fraction(30)
FULL = CropPath((CropKey(0.0, (0.0, 0.0, 1.0, 1.0)),))


def video(rate: Fraction = RATE, *, variable: bool = False) -> VideoStream:
    return VideoStream(
        index=0,
        width=320,
        height=180,
        coded_width=320,
        coded_height=180,
        frame_rate=rate,
        variable=variable,
        codec="h264",
    )


def media(rate: Fraction = RATE, container: str = "mov") -> Media:
    return Media(
        uri="/talk.mp4",
        digest="d",
        container=container,
        duration=600.0,
        video=video(rate),
        audio=None,
    )


def edit(*kept: Span, rate: Fraction = RATE) -> Edit:
    return Edit(
        id="x",
        title="x",
        media_uri="/talk.mp4",
        media_digest="d",
        kept=kept,
        canvas=Canvas(320, 180, rate),
        layouts=(Layout(Span(0, 600), LayoutKind.CROP, (FULL,)),),
    )


def test_frames_and_times_of_one_span() -> None:
    plan = make_schedule(edit(Span(10.0, 12.0)), media())
    assert plan.frames == 60
    assert plan.duration == pytest.approx(2.0)
    np.testing.assert_allclose(plan.times[[0, 1, 59]], [10.0, 10 + 1 / 30, 12 - 1 / 30])


@pytest.mark.parametrize("rate", [Fraction(30000, 1001), Fraction(25), Fraction(24000, 1001)])
def test_many_spans_add_up_to_whole_frames(rate: Fraction) -> None:
    spans = tuple(Span(i * 3.0, i * 3.0 + float(40 / rate)) for i in range(25))
    plan = make_schedule(edit(*spans, rate=rate), media(rate))
    assert plan.frames == 1000
    assert plan.starts == tuple(range(0, 1001, 40))
    assert np.all(np.diff(plan.times) > 0)


def test_a_clip_has_at_least_one_frame() -> None:
    assert make_schedule(edit(Span(1.0, 1.005)), media()).frames == 1


def test_near_spans_are_read_together_and_far_ones_are_not() -> None:
    spans = (Span(0, 2), Span(3, 5), Span(5 + READ_ON_SECONDS + 1, 12))
    plan = make_schedule(edit(*spans), media())
    assert [len(stretch.spans) for stretch in plan.stretches] == [2, 1]
    assert [(stretch.first, stretch.last) for stretch in plan.stretches] == [(0, 120), (120, 180)]


def test_seeking_starts_at_the_span_and_earlier_without_an_index() -> None:
    for container, expected in (("mov", 100.0), ("mpegts", 94.0)):
        source = media(container=container)
        plan = make_schedule(edit(Span(100.0, 101.0)), source)
        assert seek_seconds(plan.stretches[0], plan, source) == expected
    plan = make_schedule(edit(Span(0.2, 1.0)), media())
    assert seek_seconds(plan.stretches[0], plan, media(), lead=0.5) is None


@pytest.mark.parametrize(
    ("source", "snaps"), [(30, True), (60, True), (120, True), (24, False), (5, False)]
)
def test_only_whole_ratios_are_snapped(source: int, snaps: bool) -> None:
    assert (sampling(video(Fraction(source)), RATE).snap > 0) is snaps


def test_no_frame_lies_on_a_rounding_boundary() -> None:
    for ratio in (1, 2, 3, 4):
        how = sampling(video(RATE * ratio), RATE)
        places = np.arange(ratio) / ratio + how.bias * float(RATE)
        assert np.min(np.abs(places - np.round(places - 0.5) - 0.5)) > 0.1


def test_time_goes_on_after_the_last_span_so_that_reading_ends() -> None:
    source = media()
    plan = make_schedule(edit(Span(10.0, 11.0), Span(12.0, 13.0)), source)
    expression = picture_times(plan.stretches[0], plan, source)
    highs = expression.split("st(4,")[1].split(";")[0]
    steps = [float(part.split("*(")[1].rstrip(")")) for part in highs.split("+")]
    assert sum(steps) > 3600
