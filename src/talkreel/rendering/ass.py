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
from fractions import Fraction

from talkreel.core.edits import Canvas, CaptionCue, Captions, CaptionStyle, CaptionWord
from talkreel.core.spans import TimeMap
from talkreel.media.fonts import (
    FALLBACK_FAMILY,
    FALLBACK_FILE,
    FontMeasures,
    find_font,
    measure_font,
)

TITLE_FAMILY, TITLE_FILE = "Roboto", "Roboto-Bold.ttf"
# Distance of baselines in ems.
LINE_HEIGHT = 1.2
# A word stays lit over a gap up to this long, then goes out.
_LINGER_SECONDS = 0.25
_PLATE_PADDING = (0.38, 0.16)
_PLATE_RADIUS = 0.28
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


@dataclass(frozen=True, slots=True)
class _Setting:
    """What every line needs to be placed."""

    style: CaptionStyle
    font: FontMeasures
    canvas: Canvas
    times: TimeMap
    frames: int

    @property
    def em(self) -> float:
        return self.style.size * self.canvas.height

    def frame(self, source_seconds: float) -> int:
        """First frame at or after a source second: nothing shows before it is said."""
        clip = self.times.to_clip(source_seconds)
        frame = math.ceil(clip * self.canvas.frame_rate - Fraction(1, 1000))
        return min(max(frame, 0), self.frames)

    def line_top(self, top: float, line: int) -> float:
        """Y of libass' ascent line so that capitals sit in the middle of line box ``line``."""
        baseline = (LINE_HEIGHT + self.font.cap_height) / 2 + line * LINE_HEIGHT
        return top * self.canvas.height + (baseline - self.font.ascent) * self.em


def caption_fonts(captions: Captions | None) -> tuple[str, ...]:
    """Font files that a script for ``captions`` uses."""
    mine = (captions.style.font_file,) if captions else ()
    return (*mine, TITLE_FILE, FALLBACK_FILE)


def ass_script(
    captions: Captions | None,
    canvas: Canvas,
    times: TimeMap,
    frames: int,
    *,
    title: str = "",
) -> str:
    """The script that draws ``captions`` on ``canvas``.

    Args:
        captions: cues on the source clock, or None.
        canvas: what they are drawn on; one script pixel is one canvas pixel.
        times: source clock to clip clock.
        frames: delivered frames.
        title: shown all along in the upper part; empty for none.

    Raises:
        RenderError: the font is missing.
    """
    styles: list[str] = []
    events: list[str] = []
    if captions is not None:
        font = measure_font(find_font(captions.style.font_file))
        setting = _Setting(captions.style, font, canvas, times, frames)
        styles.append(_style_line("Caption", setting))
        for cue in captions.cues:
            events += _cue_events(cue, setting)
    if title:
        font = measure_font(find_font(TITLE_FILE))
        size = min(_TITLE_SIZE, _TITLE_SIZE_ACROSS * canvas.width / canvas.height)
        plain = CaptionStyle("title", TITLE_FAMILY, TITLE_FILE, size, outline=0.0)
        setting = _Setting(plain, font, canvas, times, frames)
        styles.append(_style_line("Title", setting))
        events += _title_events(title, setting)
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


def _style_line(name: str, setting: _Setting) -> str:
    style, height = setting.style, setting.canvas.height
    size = setting.font.ass_size(setting.em)
    colours = [ass_colour(style.colour)] * 2 + [ass_colour(style.outline_colour)]
    shade = "&H78000000"
    bold = -1 if setting.font.bold else 0
    fields = [name, style.font, f"{size:.2f}", *colours, shade, bold, 0, 0, 0, 100, 100, 0, 0, 1]
    fields += [f"{style.outline * height:.2f}", f"{style.shadow * height:.2f}", 8, 0, 0, 0, 1]
    return "Style: " + ",".join(str(field) for field in fields)


def _cue_events(cue: CaptionCue, setting: _Setting) -> Iterator[str]:
    first, last = setting.frame(cue.span.start), setting.frame(cue.span.end)
    if last <= first:
        return
    if setting.style.plate_colour is not None:
        yield _event(0, first, last, setting, "Caption", _plate(cue, setting))
    words = [word for line in cue.lines for word in line]
    states = _states(words, first, last, setting)
    before = 0
    for number, line in enumerate(cue.lines):
        place = _place(setting.canvas.width / 2, setting.line_top(cue.top, number))
        for begin, end, active in _line_states(states, before, len(line)):
            text = place + _line_text(line, active, setting)
            yield _event(1, begin, end, setting, "Caption", text)
        before += len(line)


def _states(
    words: Sequence[CaptionWord], first: int, last: int, setting: _Setting
) -> list[tuple[int, int, int]]:
    """(begin frame, end frame, index of the lit word or -1), covering ``first`` to ``last``."""
    marks: list[tuple[int, int]] = [(first, -1)]
    for i, word in enumerate(words):
        begin = setting.frame(word.span.start)
        following = words[i + 1].span.start if i + 1 < len(words) else math.inf
        marks.append((begin, i))
        if following - word.span.end > _LINGER_SECONDS:
            marks.append((setting.frame(word.span.end), -1))
    at = [min(max(frame, first), last) for frame, _ in marks]
    for i in range(1, len(at)):
        at[i] = max(at[i], at[i - 1])
    ends = [*at[1:], last]
    pieces = zip(at, ends, marks, strict=True)
    return [(begin, end, word) for begin, end, (_, word) in pieces if end > begin]


def _line_states(
    states: Sequence[tuple[int, int, int]], before: int, count: int
) -> list[tuple[int, int, int]]:
    """The states of one line's words, with equal neighbours joined."""
    merged: list[tuple[int, int, int]] = []
    for begin, end, word in states:
        active = word - before if before <= word < before + count else -1
        if merged and merged[-1][2] == active:
            merged[-1] = (merged[-1][0], end, active)
        else:
            merged.append((begin, end, active))
    return merged


def _line_text(line: Sequence[CaptionWord], active: int, setting: _Setting) -> str:
    style = setting.style
    words = []
    for i, word in enumerate(line):
        colour = ass_colour(style.active_colour if i == active else style.colour)
        if i % 2:
            colour = _nearly(colour)
        shown = word.text.upper() if style.uppercase else word.text
        words.append(f"{{\\1c{colour[:2]}{colour[4:]}&}}{_drawable(shown, setting)}")
    return " ".join(words)


def _nearly(colour: str) -> str:
    """A colour one step away.

    libass places runs of one colour as a whole, to a fraction of a pixel. Words that never
    share their neighbour's exact colour are always runs of their own, so none of them shifts by
    that fraction when the highlight reaches it.
    """
    return f"&H{int(colour[2:], 16) ^ 0x010000:08X}"


def _drawable(text: str, setting: _Setting) -> str:
    """``text`` escaped, in the fallback font where the style's lacks a character."""
    escaped = escape(text)
    if all(ord(c) in setting.font.characters for c in text):
        return escaped
    return f"{{\\fn{FALLBACK_FAMILY}}}{escaped}{{\\fn{setting.style.font}}}"


def escape(text: str) -> str:
    """``text`` with nothing left that ASS would take for a command."""
    flat = "".join(" " if ord(c) < 32 or c in "\x7f\u2028\u2029" else c for c in text)
    # A word joiner after a backslash keeps it from starting an escape and draws nothing.
    return flat.replace("\\", "\\\u2060").replace("{", "\\{").replace("}", "\\}")


def _plate(cue: CaptionCue, setting: _Setting) -> str:
    """A rounded box behind the lines, as a vector drawing."""
    em, style = setting.em, setting.style
    texts = [" ".join(word.text for word in line) for line in cue.lines]
    shown = [text.upper() if style.uppercase else text for text in texts]
    half = em * (max(setting.font.width(text) for text in shown) / 2 + _PLATE_PADDING[0])
    tall = em * (LINE_HEIGHT * len(shown) + 2 * _PLATE_PADDING[1])
    x = setting.canvas.width / 2 - half
    y = cue.top * setting.canvas.height - _PLATE_PADDING[1] * em
    colour = ass_colour(style.plate_colour or "#000000")
    alpha = round(255 * (1 - style.plate_opacity))
    look = f"{{\\an7\\pos({x:.1f},{y:.1f})\\1c&H{colour[4:]}&\\1a&H{alpha:02X}&\\bord0\\shad0\\p1}}"
    return look + _rounded(2 * half, tall, _PLATE_RADIUS * em)


def _rounded(width: float, height: float, radius: float) -> str:
    """A rectangle with round corners in ASS drawing commands."""
    w, h, r = round(width), round(height), round(radius)
    k = round(radius * 0.45)  # control points of a quarter circle lie 0.55 r from its ends
    return (
        f"m {r} 0 l {w - r} 0 b {w - k} 0 {w} {k} {w} {r} l {w} {h - r} "
        f"b {w} {h - k} {w - k} {h} {w - r} {h} l {r} {h} b {k} {h} 0 {h - k} 0 {h - r} "
        f"l 0 {r} b 0 {k} {k} 0 {r} 0"
    )


def _title_events(title: str, setting: _Setting) -> Iterator[str]:
    room = _TITLE_WIDTH * setting.canvas.width / setting.em
    for number, line in enumerate(wrap(title, setting.font, room)[:_TITLE_LINES]):
        place = _place(setting.canvas.width / 2, setting.line_top(_TITLE_TOP, number))
        text = place + _drawable(line, setting)
        yield _event(1, 0, setting.frames, setting, "Title", text)


def wrap(text: str, font: FontMeasures, ems: float) -> list[str]:
    """``text`` in lines of at most ``ems`` width where words allow it."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font.width(longer) <= ems:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _place(x: float, y: float) -> str:
    return f"{{\\an8\\q2\\pos({x:.1f},{y:.2f})}}"


def _event(layer: int, first: int, last: int, setting: _Setting, style: str, text: str) -> str:
    rate = setting.canvas.frame_rate
    begin, end = ass_time(first, rate), ass_time(last, rate)
    return f"Dialogue: {layer},{begin},{end},{style},,0,0,0,,{text}"


def ass_time(frame: int, rate: Fraction) -> str:
    """The last hundredth of a second at or before ``frame`` begins."""
    hundredths = math.floor(frame * 100 / rate)
    minutes, rest = divmod(hundredths, 6000)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest // 100:02d}.{rest % 100:02d}"


def ass_colour(colour: str) -> str:
    """``#RRGGBB`` as ``&H00BBGGRR``.

    Raises:
        ValueError: it is not ``#RRGGBB``.
    """
    digits = colour.removeprefix("#")
    if len(digits) != 6 or not all(c in "0123456789abcdefABCDEF" for c in digits):
        raise ValueError(f"a colour is #RRGGBB, got {colour!r}")
    return f"&H00{digits[4:6]}{digits[2:4]}{digits[0:2]}".upper()
