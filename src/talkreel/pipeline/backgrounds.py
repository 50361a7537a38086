"""What stands behind the captions of an edit: colours of the source, placed as the clip is."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from talkreel.core.arrays import FloatArray
from talkreel.core.edits import CaptionCue, Captions, Edit, LayoutKind
from talkreel.core.media import Media
from talkreel.edit.captions import block_height, line_width
from talkreel.edit.contrast import GRAYS
from talkreel.edit.regions import regions_at
from talkreel.media.frames import FrameReader

# Cues that are looked at, evenly spread: a plate is for the whole clip.
_MOST_LOOKS = 16
_LOOK_WIDTH = 320
# Points across and down each cue's block.
_GRID = (32, 8)
# The waveform's canvas and the blurred fill beside a fitted picture are dark and even.
_DARK = np.full((1, 3), 24.0)
_FILL_LIGHT = 0.55


def backgrounds(edit: Edit, media: Media) -> FloatArray:
    """[N, 3] sRGB of what is behind the text, over the whole clip.

    Where b-roll covers the picture any gray may be there, and all are given.

    Raises:
        ValueError: the edit has no captions.
        MediaError: the source does not decode there.
    """
    if edit.captions is None:
        raise ValueError(f"the edit {edit.id!r} has no captions to look behind")
    cues = _some(edit.captions.cues)
    parts: list[FloatArray] = [GRAYS] if _covered(edit) else []
    shown = [cue for cue in cues if _layout_kind(edit, cue) is not LayoutKind.WAVEFORM]
    if len(shown) < len(cues) or media.video is None:
        parts.append(_DARK)
    if media.video is not None and shown:
        with FrameReader(media, width=_LOOK_WIDTH) as reader:
            frames = reader.at([cue.span.middle for cue in shown])
        aspect = media.video.width / media.video.height
        for cue, frame in zip(shown, frames, strict=True):
            parts.append(_behind(edit, edit.captions, cue, frame.image, aspect))
    return np.concatenate(parts)


def _some(cues: tuple[CaptionCue, ...]) -> list[CaptionCue]:
    if len(cues) <= _MOST_LOOKS:
        return list(cues)
    return [cues[round(i)] for i in np.linspace(0, len(cues) - 1, _MOST_LOOKS)]


def _covered(edit: Edit) -> bool:
    return any(broll.span.overlap(cue.span) for broll in edit.broll for cue in _cues(edit))


def _cues(edit: Edit) -> Iterator[CaptionCue]:
    if edit.captions is not None:
        yield from edit.captions.cues


def _layout_kind(edit: Edit, cue: CaptionCue) -> LayoutKind:
    middle = cue.span.middle
    return next((x for x in edit.layouts if x.span.contains(middle)), edit.layouts[-1]).kind


def _behind(
    edit: Edit, captions: Captions, cue: CaptionCue, image: NDArray[np.uint8], aspect: float
) -> FloatArray:
    """[N, 3] of the points of the block of ``cue``."""
    layout = next((x for x in edit.layouts if x.span.contains(cue.span.middle)), edit.layouts[-1])
    regions = regions_at(layout, cue.span.middle, edit.canvas, aspect)
    half = max(line_width(line, captions.style, edit.canvas) for line in cue.lines) / 2
    bottom = cue.top + block_height(captions.style, len(cue.lines))
    across = np.linspace(0.5 - half, 0.5 + half, _GRID[0])
    down = np.linspace(cue.top, bottom, _GRID[1])
    x, y = (axis.ravel() for axis in np.meshgrid(across, down))
    height, width, _ = image.shape
    # Beside the regions is the darkened fill, about as light as the picture on the whole.
    colours = np.repeat(image.mean(axis=(0, 1))[None, :] * _FILL_LIGHT, len(x), axis=0)
    for region in regions:
        left, top, right, low = region.canvas
        inside = (x >= left) & (x < right) & (y >= top) & (y < low)
        u = region.source[0] + (x - left) / (right - left) * (region.source[2] - region.source[0])
        v = region.source[1] + (y - top) / (low - top) * (region.source[3] - region.source[1])
        column = np.clip(u * width, 0, width - 1).astype(np.int64)
        row = np.clip(v * height, 0, height - 1).astype(np.int64)
        colours[inside] = image[row, column][inside]
    return np.asarray(colours, dtype=np.float64)
