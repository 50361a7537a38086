from __future__ import annotations

from fractions import Fraction

import pytest

from talkreel.core.edits import Canvas, CaptionWord, join_words
from talkreel.core.spans import Span
from talkreel.edit.captions import lay_out
from talkreel.edit.scripts import split_unspaced
from talkreel.edit.styles import find_style

PHONE = Canvas(1080, 1920, Fraction(30))


def cues(text, style="bold"):
    words = [CaptionWord(t, Span(2.0 * i, 2.0 * i + 1.9)) for i, t in enumerate(text.split())]
    captions = lay_out(words, (Span(0.0, 100.0),), find_style(style), PHONE)
    return [line for cue in captions.cues for line in cue.lines]


def test_chinese_breaks_between_characters_and_never_before_a_full_stop():
    text = "我们选择登月，不是因为它容易，而是因为它困难，因为这个目标有助于组织我们的力量。"
    lines = [join_words(line) for line in cues(text)]
    assert "".join(lines) == text
    assert len(lines) > 2
    assert all(len(line) <= 15 for line in lines)
    assert not any(line[0] in "，。" for line in lines)


def test_japanese_keeps_small_kana_brackets_and_foreign_words_whole():
    text = "「ちょっと」コンピューターをもって、いってください！"
    lines = [join_words(line) for line in cues(text)]
    assert "".join(lines) == text
    assert not any(line[0] in "」、！ょっー" or line[-1] == "「" for line in lines)
    assert any("コンピューター" in line for line in lines)


def test_pieces_share_the_time_of_their_word_and_stay_in_order():
    words = [CaptionWord("月光が", Span(1.0, 4.0)), CaptionWord("moon", Span(2.5, 3.0))]
    pieces = split_unspaced(words)
    assert [p.text for p in pieces] == ["月", "光", "が", "moon"]
    assert [p.glued for p in pieces] == [False, True, True, False]
    assert [p.span.start for p in pieces] == pytest.approx([1.0, 1.5, 2.0, 2.5])


def test_a_full_stop_of_its_own_joins_the_word_before_it():
    pieces = split_unspaced([CaptionWord("月", Span(1, 2)), CaptionWord("。", Span(2, 2.2))])
    assert [(p.text, p.span) for p in pieces] == [("月。", Span(1, 2.2))]


def test_spaced_scripts_are_left_alone():
    words = [CaptionWord("hello", Span(0, 1)), CaptionWord("한국어", Span(1, 2))]
    assert split_unspaced(words) == words
