"""Captions as an ASS script for libass, placed to the pixel.

Every state of a line (none of its words spoken, the first, the second, ...) is its own event,
with a colour tag before every word in all of them, so that the states are shaped and placed
alike and differ by colour alone: nothing moves when the highlight does. Lines are broken and
placed here, never by libass.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from talkreel.core.edits import Canvas, CaptionCue, Captions, CaptionStyle, CaptionWord, join_words
from talkreel.core.graphics import Card
from talkreel.core.spans import TimeMap
from talkreel.media.fonts import FALLBACK_FILE, check_font, find_font, measure_font
from talkreel.rendering.ass_text import (
    Setting,
    ass_colour,
    drawable,
    event,
    runs_right_to_left,
    style_line,
    wrap,
)
from talkreel.rendering.cards import card_styles
from talkreel.rendering.plates import cue_plate, word_plate

TITLE_FAMILY, TITLE_FILE = "Roboto", "Roboto-Bold.ttf"
# A word stays lit over a gap up to this long, then goes out.
_LINGER_SECONDS = 0.25
# Em heights as shares of the canvas' height and width; the smaller one counts.
_TITLE_SIZE, _TITLE_SIZE_ACROSS = 0.044, 0.078
_TITLE_WIDTH = 0.82
_TITLE_LINES = 4
_TITLE_TOP = 0.16
_STYLE_FIELDS = (
    "Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, "
    "Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, "
    "Alignment, MarginL, MarginR, MarginV, Encoding"
)
_EVENT_FIELDS = "Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text"


def caption_fonts(captions: Captions | None, cards: Sequence[Card] = ()) -> tuple[str, ...]:
    """Font files that a script for ``captions`` and ``cards`` uses."""
    mine = (captions.style.font_file,) if captions else ()
    return (*mine, *(card.font_file for card in cards), TITLE_FILE, FALLBACK_FILE)


def check_fonts(captions: Captions | None, cards: Sequence[Card] = ()) -> None:
    """See that fonts named by path are those of the edit.

    Raises:
        RenderError: one is gone or was changed.
    """
    named = [(captions.style.font_file, captions.style.font_digest)] if captions else []
    named += [(card.font_file, card.font_digest) for card in cards]
    for file_name, digest in dict.fromkeys(named):
        if digest:
            check_font(file_name, digest)


def ass_script(
    captions: Captions | None,
    canvas: Canvas,
    times: TimeMap,
    frames: int,
    *,
    title: str = "",
    cards: Sequence[Card] = (),
) -> str:
    """The script that draws ``captions`` on ``canvas``.

    Args:
        captions: cues on the source clock, or None.
        canvas: what they are drawn on; one script pixel is one canvas pixel.
        times: source clock to clip clock.
        frames: delivered frames.
        title: shown all along in the upper part; empty for none.
        cards: drawn over all of that.

    Raises:
        RenderError: the font is missing.
    """
    styles: list[str] = []
    events: list[str] = []
    if captions is not None:
        font = measure_font(find_font(captions.style.font_file))
        setting = Setting(captions.style, font, canvas, times, frames)
        styles.append(style_line("Caption", setting))
        for cue in captions.cues:
            events += _cue_events(cue, setting)
    if title:
        setting = _title_setting(canvas, times, frames)
        styles.append(style_line("Title", setting))
        events += _title_events(title, setting)
    for card_style, card_events in card_styles(cards, canvas, times, frames):
        styles.append(card_style)
        events += card_events
    return _document(canvas, styles, events)


def _document(canvas: Canvas, styles: Sequence[str], events: Sequence[str]) -> str:
    head = [
        "[Script Info]",
        "ScriptType: v4.00+",
        f"PlayResX: {canvas.width}",
        f"PlayResY: {canvas.height}",
        "WrapStyle: 2",
        "ScaledBorderAndShadow: yes",
        "Kerning: yes",
        "YCbCr Matrix: None",
        "",
        "[V4+ Styles]",
        f"Format: {_STYLE_FIELDS}",
    ]
    middle = ["", "[Events]", f"Format: {_EVENT_FIELDS}"]
    return "\n".join([*head, *styles, *middle, *events, ""])


@dataclass(frozen=True, slots=True)
class _State:
    """How a run of words looks over frames ``first`` to ``last`` (half-open).

    ``lit`` is the index of the word spoken now or -1, ``begun`` how many words are spoken or
    being spoken; it is 0 throughout for a style that shows no difference.
    """

    first: int
    last: int
    lit: int
    begun: int


def _cue_events(cue: CaptionCue, setting: Setting) -> Iterator[str]:
    first, last = setting.frame(cue.span.start), setting.frame(cue.span.end)
    if last <= first:
        return
    style = setting.style
    if style.plate_colour is not None:
        yield event(0, first, last, setting, "Caption", cue_plate(cue, setting))
    words = [word for line in cue.lines for word in line]
    states = _states(words, first, last, setting)
    before = 0
    for number, line in enumerate(cue.lines):
        place = _place(setting.canvas.width / 2, setting.line_top(cue.top, number))
        place += _look(line, setting)
        for state in _line_states(states, before, len(line)):
            if style.active_plate is not None and state.lit >= 0:
                plate = word_plate(line, state.lit, cue.top, number, setting)
                yield event(0, state.first, state.last, setting, "Caption", plate)
            text = place + _line_text(line, state, setting)
            yield event(1, state.first, state.last, setting, "Caption", text)
        before += len(line)


def _look(line: Sequence[CaptionWord], setting: Setting) -> str:
    """Tags that hold for a whole line."""
    glow = setting.style.glow * setting.canvas.height
    tags = f"\\blur{glow:.2f}" if glow else ""
    # Lets libass take the direction of the paragraph from its first letter.
    tags += "\\fe-1" if runs_right_to_left(join_words(line)) else ""
    return f"{{{tags}}}" if tags else ""


def _states(words: Sequence[CaptionWord], first: int, last: int, setting: Setting) -> list[_State]:
    """What shows of ``words``, covering ``first`` to ``last``."""
    counts = setting.style.spoken_colour is not None or setting.style.reveal
    marks: list[tuple[int, int, int]] = [(first, -1, 0)]
    for i, word in enumerate(words):
        begin, begun = setting.frame(word.span.start), (i + 1) * counts
        following = words[i + 1].span.start if i + 1 < len(words) else math.inf
        marks.append((begin, i, begun))
        if following - word.span.end > _LINGER_SECONDS:
            marks.append((setting.frame(word.span.end), -1, begun))
    at = [min(max(frame, first), last) for frame, _, _ in marks]
    for i in range(1, len(at)):
        at[i] = max(at[i], at[i - 1])
    ends = [*at[1:], last]
    pieces = zip(at, ends, marks, strict=True)
    return [_State(begin, end, lit, begun) for begin, end, (_, lit, begun) in pieces if end > begin]


def _line_states(states: Sequence[_State], before: int, count: int) -> list[_State]:
    """The states of one line's words, with equal neighbours joined."""
    merged: list[_State] = []
    for state in states:
        lit = state.lit - before if before <= state.lit < before + count else -1
        begun = min(max(state.begun - before, 0), count)
        if merged and (merged[-1].lit, merged[-1].begun) == (lit, begun):
            merged[-1] = _State(merged[-1].first, state.last, lit, begun)
        else:
            merged.append(_State(state.first, state.last, lit, begun))
    return merged


def _line_text(line: Sequence[CaptionWord], state: _State, setting: Setting) -> str:
    text = ""
    for i, word in enumerate(line):
        colour = ass_colour(_colour(word, i, state, setting.style))
        if i % 2:
            colour = _nearly(colour)
        tags = f"\\1c{colour[:2]}{colour[4:]}&"
        if setting.style.reveal:
            shade = "78" if i < state.begun else "FF"
            clear = "00" if i < state.begun else "FF"
            tags += f"\\1a&H{clear}&\\3a&H{clear}&\\4a&H{shade}&"
        shown = word.text.upper() if setting.style.uppercase else word.text
        text += " " if i and not word.glued else ""
        text += f"{{{tags}}}{drawable(shown, setting)}"
    return text


def _colour(word: CaptionWord, index: int, state: _State, style: CaptionStyle) -> str:
    if index == state.lit and style.active_colour != style.colour:
        return style.active_colour
    if word.emphasis and style.emphasis_colour is not None:
        return style.emphasis_colour
    if style.spoken_colour is not None and index < state.begun:
        return word.colour or style.spoken_colour
    return word.colour or style.colour


def _nearly(colour: str) -> str:
    """A colour one step away.

    libass places runs of one colour as a whole, to a fraction of a pixel. Words that never
    share their neighbour's exact colour are always runs of their own, so none of them shifts by
    that fraction when the highlight reaches it.
    """
    return f"&H{int(colour[2:], 16) ^ 0x010000:08X}"


def _title_setting(canvas: Canvas, times: TimeMap, frames: int) -> Setting:
    size = min(_TITLE_SIZE, _TITLE_SIZE_ACROSS * canvas.width / canvas.height)
    plain = CaptionStyle("title", TITLE_FAMILY, TITLE_FILE, size, outline=0.0)
    return Setting(plain, measure_font(find_font(TITLE_FILE)), canvas, times, frames)


def _title_events(title: str, setting: Setting) -> Iterator[str]:
    room = _TITLE_WIDTH * setting.canvas.width / setting.em
    for number, line in enumerate(wrap(title, setting.font, room)[:_TITLE_LINES]):
        place = _place(setting.canvas.width / 2, setting.line_top(_TITLE_TOP, number))
        text = place + drawable(line, setting)
        yield event(1, 0, setting.frames, setting, "Title", text)


def _place(x: float, y: float) -> str:
    return f"{{\\an8\\q2\\pos({x:.1f},{y:.2f})}}"
