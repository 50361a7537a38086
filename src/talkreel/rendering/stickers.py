"""Emoji over the picture: drawn from a colour font once, shown for their frames.

libass draws glyphs in one colour only (libass/libass#381), so they are pictures of their own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from talkreel.core.edits import Edit
from talkreel.core.errors import RenderError
from talkreel.core.graphics import Sticker
from talkreel.rendering.logo import check_asset
from talkreel.rendering.pixels import Pixels
from talkreel.rendering.schedule import Schedule

if TYPE_CHECKING:
    from PIL.Image import Image

# Bitmap fonts come in one size: Noto 109 or 136, Apple 160; an outline font takes the first.
_SIZES = (160, 136, 128, 109, 96, 72, 64)


def draw_glyph(text: str, font: Path) -> Image | None:
    """``text`` in the colours of ``font``, cut to its ink; None where the font lacks it.

    Raises:
        RenderError: the file is no font that can be drawn.
    """
    from PIL import Image, ImageDraw, ImageFont

    opened = None
    for size in _SIZES:
        try:
            opened = ImageFont.truetype(str(font), size)
            break
        except OSError:
            continue
    if opened is None:
        raise RenderError(f"{font} is no font that can be drawn: name a colour font")
    image = Image.new("RGBA", (400, 400), (0, 0, 0, 0))
    ImageDraw.Draw(image).text((80, 80), text, font=opened, embedded_color=True)
    ink = image.getbbox()
    return image.crop(ink) if ink else None


def sticker_inputs(edit: Edit, folder: Path) -> list[str]:
    """Arguments that open the stickers of ``edit``, one input each, drawn in ``folder``.

    Raises:
        RenderError: the font is gone, was changed, or lacks a glyph.
    """
    from PIL import Image

    arguments: list[str] = []
    for number, sticker in enumerate(edit.graphics.stickers):
        image = draw_glyph(sticker.text, check_asset(sticker.font, "emoji font"))
        if image is None:
            raise RenderError(f"the emoji font {sticker.font.path} lacks {sticker.text!r}")
        _, _, width, height = _pixels(sticker, edit)
        scale = min(width / image.width, height / image.height)
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        framed = Image.new("RGBA", (width, height), (0, 0, 0, 0))
        at = ((width - size[0]) // 2, (height - size[1]) // 2)
        framed.paste(image.resize(size, Image.Resampling.LANCZOS), at)
        framed.save(folder / f"sticker{number}.png")
        arguments += ["-f", "image2", "-i", f"sticker{number}.png"]
    return arguments


def sticker_chains(
    edit: Edit, schedule: Schedule, pixels: Pixels, first_input: int, before: str, after: str
) -> Iterator[str]:
    """Filters from ``[before]`` to ``[after]`` with every sticker on its frames."""
    stickers = edit.graphics.stickers
    for i, sticker in enumerate(stickers):
        out = after if i == len(stickers) - 1 else f"{after}{i}"
        left, top, _, _ = _pixels(sticker, edit)
        times = edit.time_map
        first = math.ceil(times.to_clip(sticker.span.start) * schedule.rate - 1e-3)
        last = math.ceil(times.to_clip(sticker.span.end) * schedule.rate - 1e-3)
        yield (
            f"[{first_input + i}:v]format=rgba,scale=out_color_matrix=bt709:out_range=tv,"
            f"format=yuva444p[{after}{i}s]"
        )
        yield (
            f"[{before}][{after}{i}s]overlay={left}:{top}:format={pixels.overlaid}"
            f":eof_action=repeat:enable='between(n,{first},{last - 1})'[{out}]"
        )
        before = out


def _pixels(sticker: Sticker, edit: Edit) -> tuple[int, int, int, int]:
    canvas = edit.canvas
    x0, y0, x1, y1 = sticker.box
    left, top = 2 * round(x0 * canvas.width / 2), 2 * round(y0 * canvas.height / 2)
    return left, top, round((x1 - x0) * canvas.width), round((y1 - y0) * canvas.height)
