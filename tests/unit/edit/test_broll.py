from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from talkreel.core.craft import Placement
from talkreel.core.edits import Canvas, CropKey, CropPath, Edit, Layout, LayoutKind
from talkreel.core.spans import Span
from talkreel.core.transcript import Word
from talkreel.edit.broll import (
    APART_SECONDS,
    LONGEST_SECONDS,
    MOST_SHARE,
    SHORTEST_SECONDS,
    Moment,
    choose,
    find_moments,
    find_spot,
)
from talkreel.edit.phrases import break_cost

CANVAS = Canvas(1080, 1920, Fraction(30))
CROP = (CropPath((CropKey(0.0, (0.3, 0.0, 0.6, 1.0)),)),)
WHOLE = (CropPath((CropKey(0.0, (0.0, 0.0, 1.0, 1.0)),)),)


def talk(text: str, start: float = 10.0, step: float = 0.4) -> list[Word]:
    return [
        Word(word, Span(start + i * step, start + i * step + 0.35), 0.9)
        for i, word in enumerate(text.split())
    ]


WORDS = talk(
    "This is how we lost our bees. In the winter the snow came early, and all of the hives "
    "were frozen, so the farmers had to buy new ones, and the price of honey went up in the "
    "shops, which nobody had seen before in this town. That is all."
)
END = WORDS[-1].span.end + 0.2


def clip(*layouts: Layout) -> Edit:
    whole = Span(9.8, END)
    return Edit(
        id="a",
        title="t",
        media_uri="/talk.mp4",
        media_digest="ab" * 32,
        kept=(whole,),
        canvas=CANVAS,
        layouts=layouts or (Layout(whole, LayoutKind.CROP, CROP),),
    )


def keywords(words: Sequence[str]) -> list[str]:
    return [word for word in words if len(word) > 4]


def test_moments_begin_after_the_hook_and_last_two_to_five_seconds() -> None:
    found = find_moments(clip(), WORDS, keywords)
    hook_ends = WORDS[6].span.end
    assert found
    for moment in found:
        assert moment.span.start >= hook_ends
        assert moment.span.end <= END - 1.5
        assert SHORTEST_SECONDS <= moment.span.duration <= LONGEST_SECONDS
        first = next(i for i, word in enumerate(WORDS) if word.span.end > moment.span.start)
        border = break_cost(WORDS[first - 1].text, WORDS[first].text) <= 0.5
        assert border, f"{moment.text!r} begins inside a phrase"


def test_no_moment_over_a_face_that_emotes_or_over_slides() -> None:
    feeling = Span(14.0, END)
    assert not find_moments(clip(), WORDS, keywords, avoid=[feeling.pad(2.0, 0.0)])
    slides = Layout(Span(9.8, END), LayoutKind.FIT, WHOLE)
    assert not find_moments(clip(slides), WORDS, keywords)


def test_a_clip_of_little_more_than_its_hook_has_no_moment() -> None:
    short = Span(9.8, 13.5)
    layouts = (Layout(short, LayoutKind.CROP, CROP),)
    assert find_moments(replace(clip(), kept=(short,), layouts=layouts), WORDS, keywords) == ()


def test_no_moment_crosses_a_change_of_layout() -> None:
    cut = 18.0
    edit = clip(
        Layout(Span(9.8, cut), LayoutKind.CROP, CROP), Layout(Span(cut, END), LayoutKind.CROP, CROP)
    )
    found = find_moments(edit, WORDS, keywords)
    assert found
    assert all(moment.span.end <= cut or moment.span.start >= cut for moment in found)


@pytest.mark.parametrize("seed", range(20))
def test_chosen_pictures_leave_room_for_the_speaker(seed: int) -> None:
    random = np.random.default_rng(seed)
    edit = clip()
    starts = np.sort(random.uniform(13, END - 7, 12))
    moments = [Moment(Span(s, s + random.uniform(2, 5)), "text", ("text",)) for s in starts]
    fit = random.uniform(0, 1, (12, 5))
    pairs = choose(edit, moments, fit, 0.4)
    spans = [moments[m].span for m, _ in pairs]
    assert sum(span.duration for span in spans) <= MOST_SHARE * edit.time_map.duration
    assert all(b.start - a.end >= APART_SECONDS for a, b in pairwise(spans))
    assert len({picture for _, picture in pairs}) == len(pairs)
    assert all(fit[pair] >= 0.4 for pair in pairs)
    assert spans == sorted(spans)


def test_nothing_fits_nothing_is_shown() -> None:
    moment = Moment(Span(15.0, 18.0), "text", ("text",))
    assert choose(clip(), [moment], np.array([[0.39]]), 0.4) == ()


@pytest.mark.parametrize(
    ("wanted", "face", "placement"),
    [
        (Placement.INSET, (0.3, 0.45, 0.7, 0.6), Placement.INSET),  # above the face
        (Placement.INSET, (0.3, 0.13, 0.7, 0.25), Placement.INSET),  # under it
        (Placement.INSET, (0.2, 0.2, 0.8, 0.45), Placement.SPLIT),  # no room
        (Placement.SPLIT, (0.1, 0.2, 0.9, 0.65), Placement.FULL),  # too tall for a half
    ],
)
def test_a_spot_leaves_the_face_whole(
    wanted: Placement, face: tuple[float, float, float, float], placement: Placement
) -> None:
    spot = find_spot(wanted, CANVAS, [face])
    assert spot.placement is placement
    if placement is Placement.INSET:
        assert spot.box[3] <= face[1] or spot.box[1] >= face[3]
    if placement is Placement.SPLIT:
        assert spot.below <= face[1]
        assert face[3] <= spot.below + 0.5
