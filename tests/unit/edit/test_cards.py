from __future__ import annotations

from fractions import Fraction

import pytest

from talkreel.core.edits import Canvas, CaptionCue, Captions, CaptionWord
from talkreel.core.graphics import CardKind
from talkreel.core.spans import Span
from talkreel.edit.captions import block_height, edge_height
from talkreel.edit.cards import CardLook, Surroundings, lower_third, title_card
from talkreel.edit.safe_area import safe_area
from talkreel.edit.styles import find_style

SPAN = Span(10.0, 12.0)
CANVASES = [Canvas(1080, 1920, Fraction(30)), Canvas(1080, 1080, Fraction(30))]
CANVASES.append(Canvas(1920, 1080, Fraction(30)))


def around(canvas, **more):
    return Surroundings(canvas=canvas, area=safe_area(canvas), **more)


def covers(card, box):
    a, b = card.box, box
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


@pytest.mark.parametrize("canvas", CANVASES)
@pytest.mark.parametrize(
    "text", ["Stop.", "Why the moon matters more than most of us think it does"]
)
def test_a_title_stands_inside_the_safe_area(canvas, text):
    card = title_card(text, SPAN, CardLook(), around(canvas))
    area = safe_area(canvas)
    left, top, right, bottom = card.box
    assert area.sides - 1e-6 <= left
    assert right <= 1 - area.sides + 1e-6
    assert area.top - 1e-6 <= top
    assert bottom <= area.lowest + 1e-6
    assert " ".join(line.text for line in card.lines) == text
    assert card.kind is CardKind.TITLE


def test_a_short_title_is_larger_than_a_long_one():
    canvas = CANVASES[0]
    short = title_card("Stop.", SPAN, CardLook(), around(canvas))
    long = title_card("word " * 14 + "end", SPAN, CardLook(), around(canvas))
    assert short.lines[0].size > long.lines[0].size >= 0.024


def test_a_card_keeps_off_faces_and_captions():
    canvas = CANVASES[0]
    face = (0.2, 0.12, 0.8, 0.45)
    cue = CaptionCue(Span(9.0, 13.0), ((CaptionWord("these", SPAN),),), 0.62)
    captions = Captions(find_style("bold"), (cue,))
    card = title_card(
        "A title", SPAN, CardLook(), around(canvas, captions=captions, faces_at=lambda t: [face])
    )
    assert not covers(card, face)
    edge = edge_height(captions.style)
    low = 0.62 + block_height(captions.style, 1) + edge
    assert not covers(card, (0.0, 0.62 - edge, 1.0, low))


def test_no_card_where_a_face_fills_the_picture():
    whole = around(CANVASES[0], faces_at=lambda t: [(0.1, 0.1, 0.9, 0.8)])
    small = around(CANVASES[0], faces_at=lambda t: [(0.1, 0.11, 0.9, 0.4)])
    assert title_card("word " * 12, SPAN, CardLook(), small) is not None
    tiny_faces = [
        (x / 10, y / 20, x / 10 + 0.05, y / 20 + 0.02) for x in range(10) for y in range(20)
    ]
    crowd = around(CANVASES[0], faces_at=lambda t: tiny_faces)
    assert title_card("word " * 12, SPAN, CardLook(), crowd) is None
    assert lower_third("Ada", "", SPAN, CardLook(), whole) is not None


def test_a_word_too_long_for_any_size_leaves_no_card():
    assert title_card("w" * 60, SPAN, CardLook(), around(CANVASES[0])) is None


def test_a_lower_third_begins_at_the_left_margin():
    card = lower_third("Ada Lovelace", "Mathematician", SPAN, CardLook(), around(CANVASES[0]))
    assert card.box[0] == pytest.approx(safe_area(CANVASES[0]).sides)
    assert [line.text for line in card.lines] == ["Ada Lovelace", "Mathematician"]
    assert not card.centred


def test_a_face_found_only_later_in_the_same_picture_is_kept_off_too():
    face = (0.2, 0.12, 0.8, 0.45)
    late = around(CANVASES[0], faces_at=lambda t: [face] if t > 17.0 else [], scene=Span(8.0, 20.0))
    card = title_card("A title", SPAN, CardLook(), late)
    assert not covers(card, face)
