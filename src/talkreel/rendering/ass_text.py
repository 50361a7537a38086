"""What every line of an ASS script needs: its setting, escaped text, colours and times."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from fractions import Fraction

from talkreel.core.edits import Canvas, CaptionStyle
from talkreel.core.spans import TimeMap
from talkreel.media.fonts import FALLBACK_FAMILY, FontMeasures

# Distance of baselines in ems.
LINE_HEIGHT = 1.2


@dataclass(frozen=True, slots=True)
class Setting:
    """What every line needs to be placed."""

    style: CaptionStyle
    font: FontMeasures
    canvas: Canvas
    times: TimeMap
    frames: int

    @property
    def em(self) -> float:
        """Pixels."""
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


def style_line(name: str, setting: Setting) -> str:
    """The line of the styles' section that every event of ``name`` starts from."""
    style, height = setting.style, setting.canvas.height
    size = setting.font.ass_size(setting.em)
    colours = [ass_colour(style.colour)] * 2 + [ass_colour(style.outline_colour)]
    shade = "&H78000000"
    bold = -1 if setting.font.bold else 0
    fields = [name, style.font, f"{size:.2f}", *colours, shade, bold, 0, 0, 0, 100, 100, 0, 0, 1]
    fields += [f"{style.outline * height:.2f}", f"{style.shadow * height:.2f}", 8, 0, 0, 0, 1]
    return "Style: " + ",".join(str(field) for field in fields)


def drawable(text: str, setting: Setting) -> str:
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


def runs_right_to_left(text: str) -> bool:
    """Whether a letter of ``text`` is written from right to left."""
    return any(unicodedata.bidirectional(c) in ("R", "AL") for c in text)


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


def event(layer: int, first: int, last: int, setting: Setting, style: str, text: str) -> str:
    """One line of the events' section, over frames ``first`` to ``last`` (half-open)."""
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
