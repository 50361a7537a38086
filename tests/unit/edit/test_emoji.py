from __future__ import annotations

from fractions import Fraction

import pytest

from talkreel.core.edits import Canvas, CaptionWord
from talkreel.core.spans import Span
from talkreel.edit.captions import lay_out
from talkreel.edit.emoji import choose_emoji, emoji_box, emoji_for
from talkreel.edit.styles import find_style

PHONE = Canvas(1080, 1920, Fraction(30))


@pytest.mark.parametrize(
    ("word", "emoji"),
    [("money,", "💰"), ("Rockets!", "🚀"), ("car", "🚗"), ("care", None), ("the", None)],
)
def test_words_get_the_emoji_that_stands_for_them(word: str, emoji: str | None) -> None:
    assert emoji_for(word) == emoji


def test_emoji_come_with_their_word_and_seldom() -> None:
    texts = ["all", "the", "money", "and", "all", "the", "fire", "and", "then"]
    texts += ["a", "rocket", "to", "the", "moon", "at", "last"]
    words = [CaptionWord(t, Span(0.5 * i, 0.5 * i + 0.4)) for i, t in enumerate(texts)]
    captions = lay_out(words, (Span(0.0, 20.0),), find_style("bold"), PHONE)
    assert captions is not None
    chosen = choose_emoji(captions)
    assert [emoji for _, emoji, _ in chosen] == ["💰", "🚀"]
    for cue, _, span in chosen:
        assert span.end == cue.span.end
        left, top, right, bottom = emoji_box(cue, captions, PHONE)
        assert bottom < cue.top
        assert (right - left) * 1080 == pytest.approx((bottom - top) * 1920)
