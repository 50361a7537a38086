from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from talkreel.core.edits import Canvas
from talkreel.core.errors import RenderError
from talkreel.core.spans import Span
from talkreel.core.transcript import Word
from talkreel.edit.captions import (
    CUE_GAP_SECONDS,
    CUE_HOLD_SECONDS,
    block_height,
    edge_height,
    fit_style,
    line_limit,
    make_captions,
)
from talkreel.edit.phrases import LineLimits, break_cost, into_cues
from talkreel.edit.safe_area import caption_bands, safe_area
from talkreel.edit.styles import STYLES, find_style
from talkreel.media.fonts import (
    FALLBACK_FILE,
    find_font,
    font_folders,
    font_for,
    missing_characters,
    text_width,
)

PHONE = Canvas(1080, 1920, Fraction(30))
KEPT = (Span(0.0, 60.0),)


def captions(words, style="bold", canvas=PHONE, kept=KEPT, **more):
    return make_captions(words, kept, find_style(style), canvas, **more)


def shown(result):
    return [word.text for cue in result.cues for line in cue.lines for word in line]


@pytest.mark.parametrize("style", STYLES)
def test_every_word_is_shown_once_and_in_order(sentence, style):
    result = captions(sentence, style)
    assert shown(result) == [word.text for word in sentence]
    assert result.word_count == len(sentence)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("size", [(1080, 1920), (324, 576), (1080, 1080), (1920, 1080)])
def test_text_stays_inside_the_safe_area(sentence, style, size):
    canvas = Canvas(*size, Fraction(30))
    result = captions(sentence, style, canvas)
    area = safe_area(canvas)
    edge = edge_height(result.style)
    for cue in result.cues:
        assert len(cue.lines) <= 2
        assert cue.top - edge >= area.top - 1e-9
        assert cue.top + block_height(result.style, len(cue.lines)) + edge <= area.lowest + 1e-9
        for line in cue.lines:
            text = " ".join(word.text for word in line)
            width = text_width(text, result.style) * result.style.size * canvas.height
            assert width <= area.width * canvas.width


def test_lines_are_short_and_cues_few_words(sentence):
    for name, style in STYLES.items():
        for cue in captions(sentence, name).cues:
            assert sum(len(line) for line in cue.lines) <= style.words_per_cue
            for line in cue.lines:
                assert len(line) == 1 or len(" ".join(w.text for w in line)) <= 21


def test_cues_show_when_spoken_and_leave_after_a_moment(sentence):
    result = captions(sentence)
    for cue, after in pairwise(result.cues):
        assert cue.span.end <= after.span.start
    for cue in result.cues:
        words = [word for line in cue.lines for word in line]
        assert cue.span.start == words[0].span.start
        assert words[-1].span.end <= cue.span.end <= words[-1].span.end + CUE_HOLD_SECONDS + 1e-9


def test_a_long_pause_takes_the_caption_away():
    words = [
        Word("one", Span(1, 1.5)),
        Word("two", Span(1.5 + CUE_GAP_SECONDS + 0.1, 3)),
    ]
    result = captions(words)
    assert len(result.cues) == 2
    assert result.cues[0].span.end == pytest.approx(1.5 + CUE_HOLD_SECONDS)


def test_a_join_ends_a_cue(sentence):
    kept = (Span(0, sentence[4].span.end + 0.01), Span(sentence[5].span.start - 0.01, 60))
    result = captions(sentence, kept=kept)
    for cue in result.cues:
        assert any(s.start <= cue.span.start and cue.span.end <= s.end for s in kept)


def test_words_that_are_cut_away_are_not_shown(sentence):
    result = captions(sentence, kept=(Span(0, sentence[3].span.end),))
    assert shown(result) == [word.text for word in sentence[:4]]


def test_no_words_no_captions():
    assert captions([]) is None
    assert captions([Word("late", Span(70, 71))]) is None


def test_people_talking_at_once_each_get_their_words():
    words = [Word(t, Span(1.0, 1.4)) for t in ("yes", "no", "well")]
    result = captions(words)
    starts = [w.span.start for cue in result.cues for line in cue.lines for w in line]
    assert shown(result) == ["yes", "no", "well"]
    assert starts == sorted(set(starts))


def test_lines_break_at_phrases():
    texts = ["I", "went", "to", "the", "market", "and", "bought", "a", "lot", "of", "apples"]
    limits = LineLimits(18.0, 6, lambda text: 0.6 * len(text))
    cues = into_cues(texts, [0.3 * i for i in range(len(texts))], limits)
    lines = [" ".join(texts[a:b]) for cue in cues for a, b in cue]
    assert not any(line.split()[-1] in ("a", "the", "of", "to", "and") for line in lines)


def test_break_costs():
    assert break_cost("street,", "and") == 0.0
    assert break_cost("street", "and") < break_cost("street", "lamp") < break_cost("the", "street")
    assert break_cost("Dr.", "Who") == 3.0


def test_a_long_word_makes_all_cues_smaller():
    words = [Word("short", Span(1, 2)), Word("Kraftfahrzeughaftpflichtig", Span(2, 3))]
    plain, result = captions(words[:1]), captions(words)
    assert 0.7 * plain.style.size <= result.style.size < plain.style.size
    assert shown(result) == ["short", "Kraftfahrzeughaftpflichtig"]


def test_an_endless_word_is_broken_to_fit():
    address = "https://example.org/" + "very-long-path/" * 6
    result = captions([Word(address, Span(1, 3))])
    assert "".join(shown(result)) == address
    limit = line_limit(result.style, PHONE)
    assert all(text_width(piece, result.style) <= limit for piece in shown(result))


def test_a_face_moves_the_text_for_the_whole_shot(sentence):
    low = captions(sentence).cues[0].top
    face = (0.3, low - 0.05, 0.7, low + 0.15)
    result = captions(sentence, faces_at=lambda time: [face])
    tops = {cue.top for cue in result.cues}
    assert len(tops) == 1
    assert tops.pop() != low


def test_text_moves_only_when_the_picture_does(sentence):
    plain = captions(sentence)
    low, at = plain.cues[0].top, plain.cues[-3].span.start
    face = (0.3, low - 0.05, 0.7, low + 0.15)

    def faces(time):
        return [face] if time >= at else []

    still = captions(sentence, faces_at=faces)
    assert len({cue.top for cue in still.cues}) == 1
    moved = captions(sentence, faces_at=faces, changes=[at])
    assert len({cue.top for cue in moved.cues}) == 2


def test_styles_are_told_apart_by_more_than_their_name():
    assert len(STYLES) >= 3
    assert len({(s.font_file, s.size, s.plate_colour, s.uppercase) for s in STYLES.values()}) >= 3
    with pytest.raises(ValueError, match="choose one of bold"):
        find_style("nosuch")


def test_fonts_are_found_in_packages():
    assert all(folder.is_dir() for folder in font_folders())
    for style in STYLES.values():
        assert find_font(style.font_file).is_file()
    assert find_font(FALLBACK_FILE).is_file()
    with pytest.raises(RenderError, match="no font file"):
        find_font("Nowhere.ttf")


def test_letters_the_font_lacks_change_the_font_and_emoji_do_not():
    bold = find_style("bold")
    assert font_for(bold, ["naïve", "œuvre", "42%"]) == bold
    assert font_for(bold, ["great", "😀"]) == bold
    assert font_for(bold, ["שלום"]).font_file == FALLBACK_FILE
    assert missing_characters(bold, ["hello", "שלום"]) == ""
    assert missing_characters(bold, ["漢字"]) == "字漢"


def test_widths_follow_what_is_drawn():
    bold, pop = find_style("bold"), find_style("pop")
    assert text_width("wide words", bold) == pytest.approx(
        text_width("wide", bold) + text_width(" ", bold) + text_width("words", bold), abs=0.02
    )
    assert text_width("abc", pop) == pytest.approx(text_width("ABC", bold))
    assert text_width("a → b", bold) > text_width("a b", bold)


def test_a_style_keeps_its_look_on_other_canvases():
    square = fit_style(find_style("bold"), Canvas(1080, 1080, Fraction(30)), ["word"])
    assert square.size * 1080 < find_style("bold").size * 1920
    assert square.size * 1080 > 0.6 * find_style("bold").size * 1920


def test_bands_refuse_a_block_that_cannot_fit():
    with pytest.raises(ValueError, match="does not fit the safe area"):
        caption_bands(PHONE, 0.9)


def test_an_installed_font_draws_what_the_packages_lack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    wide = make_font(tmp_path / "wide.ttf", "漢字")
    monkeypatch.setattr("talkreel.media.fonts.CJK_FONTS", ("/nowhere.ttc", str(wide)))
    bold = find_style("bold")
    found = font_for(bold, ["漢字"])
    assert (found.font, found.font_file) == ("Wide Regular", str(wide))
    assert found.font_digest
    assert missing_characters(found, ["漢字"]) == ""
    assert font_for(bold, ["hello"]) == bold
    assert font_for(bold, ["שלום"]).font_file == FALLBACK_FILE
    monkeypatch.setattr("talkreel.media.fonts.CJK_FONTS", ())
    assert font_for(bold, ["漢字"]) == bold


def make_font(path: Path, letters: str) -> Path:
    """A font with a square for each letter."""
    from fontTools.fontBuilder import FontBuilder
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    for point in ((0, 800), (800, 800), (800, 0)):
        pen.lineTo(point)
    pen.closePath()
    names = [".notdef", *(f"u{ord(c):04X}" for c in letters)]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(c): f"u{ord(c):04X}" for c in letters})
    builder.setupGlyf(dict.fromkeys(names, pen.glyph()))
    builder.setupHorizontalMetrics(dict.fromkeys(names, (1000, 0)))
    builder.setupHorizontalHeader(ascent=900, descent=-100)
    builder.setupNameTable(
        {"familyName": "Wide", "styleName": "Regular", "fullName": "Wide Regular"}
    )
    builder.setupOS2(sTypoAscender=900, usWinAscent=900, usWinDescent=100)
    builder.setupPost()
    builder.save(path)
    return path
