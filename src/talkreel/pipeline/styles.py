"""``talkreel styles``: what each caption style looks like, drawn by the renderer itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from talkreel.core.edits import Canvas, CaptionStyle, CaptionWord
from talkreel.core.errors import InputError
from talkreel.core.spans import Span
from talkreel.edit.captions import lay_out
from talkreel.edit.styles import STYLES
from talkreel.media.frames import FrameReader
from talkreel.media.probe import probe
from talkreel.pipeline.deliver import check_folder
from talkreel.rendering.preview import backdrop, draw_preview

_CANVAS = Canvas(540, 960, Fraction(25))
_WORDS = ("This", "is", "how", "your", "words", "will", "look.")
_EMPHASISED = 4
_WORD_SECONDS = 0.4


@dataclass(frozen=True, slots=True)
class StyleEntry:
    """A style in the list.

    Attributes:
        name: what ``--captions`` takes.
        style: all of it.
        preview: the picture drawn, or None.
    """

    name: str
    style: CaptionStyle
    preview: Path | None = None


def list_styles(
    out: Path | None = None,
    on: Path | None = None,
    styles: Mapping[str, CaptionStyle] = STYLES,
) -> list[StyleEntry]:
    """The styles, with a preview of each in ``out`` when it is given.

    Args:
        out: folder, made when missing.
        on: video whose middle is drawn on; a made picture otherwise.
        styles: which.

    Raises:
        InputError: ``on`` without ``out``, or a file without a picture.
        OutputError: ``out`` cannot be written.
    """
    if out is None:
        if on is not None:
            raise InputError("--on draws previews: say where with --out DIR")
        return [StyleEntry(name, style) for name, style in styles.items()]
    check_folder(out)
    out.mkdir(parents=True, exist_ok=True)
    picture = backdrop(_CANVAS) if on is None else _frame_of(on)
    entries = []
    for name, style in styles.items():
        path = out / f"{name}.png"
        _draw(style, picture, path)
        entries.append(StyleEntry(name, style, path))
    return entries


def _draw(style: CaptionStyle, picture: NDArray[np.uint8], path: Path) -> None:
    words = [
        CaptionWord(text, Span(i * _WORD_SECONDS, (i + 1) * _WORD_SECONDS), i == _EMPHASISED)
        for i, text in enumerate(_WORDS)
    ]
    captions = lay_out(words, (Span(0.0, words[-1].span.end),), style, _CANVAS)
    assert captions is not None
    # The cue with the emphasised word, while another one is lit.
    cue = next(c for c in captions.cues if any(w.emphasis for line in c.lines for w in line))
    inside = [word for line in cue.lines for word in line]
    lit = next((word for word in reversed(inside) if not word.emphasis), inside[0])
    # Each preview shows its cue alone: the first seconds are not drawn to get there.
    shift = -cue.span.start
    moved = tuple(
        tuple(replace(word, span=word.span.shift(shift)) for word in line) for line in cue.lines
    )
    alone = replace(cue, span=cue.span.shift(shift), lines=moved)
    second = lit.span.middle + shift
    draw_preview(replace(captions, cues=(alone,)), _CANVAS, picture, second, path)


def _frame_of(video: Path) -> NDArray[np.uint8]:
    """The middle of the middle picture of ``video``, at the canvas' size."""
    from PIL import Image, ImageOps

    media = probe(video)
    if media.video is None:
        raise InputError(f"{video} has no picture to draw styles on: give a video, or leave --on")
    with FrameReader(media, width=media.video.width) as reader:
        image = Image.fromarray(reader.at([media.duration / 2])[0].image)
    fitted = ImageOps.fit(image, (_CANVAS.width, _CANVAS.height))
    return np.asarray(fitted, dtype=np.uint8)
