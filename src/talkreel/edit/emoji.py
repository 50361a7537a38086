"""Which words of the captions get an emoji, and where it stands."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files

from talkreel.core.edits import Box, Canvas, CaptionCue, Captions
from talkreel.core.spans import Span
from talkreel.edit.captions import edge_height

# One at a time, and then none for a while: they are spice.
_APART_SECONDS = 4.0
# Side of the square, as a share of a 9:16 canvas' height, and its distance from the text.
_SIZE, _GAP = 0.052, 0.006
_REFERENCE = 4.0 / 3.0


def emoji_for(text: str) -> str | None:
    """The emoji of a word, or None."""
    plain = "".join(c for c in text.lower() if c.isalpha() or c == "'").strip("'")
    for emoji, begins in _table():
        for begin in begins:
            # Short words must be the word itself: "car" is not "care".
            whole = plain in (begin, f"{begin}s", f"{begin}'s")
            if whole or (len(begin) > 4 and plain.startswith(begin)):
                return emoji
    return None


def choose_emoji(captions: Captions) -> list[tuple[CaptionCue, str, Span]]:
    """(cue, emoji, when it shows): from its word's start to the end of the cue."""
    chosen: list[tuple[CaptionCue, str, Span]] = []
    free = float("-inf")
    for cue in captions.cues:
        for word in (word for line in cue.lines for word in line):
            emoji = emoji_for(word.text)
            if emoji is None or word.span.start < free or word.span.start >= cue.span.end:
                continue
            chosen.append((cue, emoji, Span(word.span.start, cue.span.end)))
            free = word.span.start + _APART_SECONDS
            break
    return chosen


def emoji_box(cue: CaptionCue, captions: Captions, canvas: Canvas) -> Box:
    """A square above the middle of the cue's text."""
    shape = canvas.width / canvas.height
    size = _SIZE * _REFERENCE * float(shape**0.5)
    bottom = cue.top - edge_height(captions.style) - _GAP
    return (0.5 - size / shape / 2, bottom - size, 0.5 + size / shape / 2, bottom)


@lru_cache(maxsize=1)
def _table() -> tuple[tuple[str, Sequence[str]], ...]:
    text = files("talkreel.edit").joinpath("emoji.toml").read_text(encoding="utf-8")
    return tuple(tomllib.loads(text).items())
