"""Telling slides, documents and shared screens from filmed pictures, and finding stillness."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talkreel.core.arrays import FloatArray

LookAt = Callable[[Sequence[float]], list[NDArray[np.uint8]]]
"""Small upright RGB frames [H, W, 3] (about 320 px wide) that show at ascending source seconds."""

# A step of luma this high between neighbours (of 255) is an edge as drawn, not filmed.
_SHARP = 28.0
# Below this step a pixel belongs to an evenly painted area.
_FLAT = 2.0
# With fewer crisp pixels than this there is nothing to read.
_LEAST_TEXT = 0.01
_BINS = 16
# A narrower strip beside a person tells nothing.
_NARROWEST_PX = 40
# Frames whose mean difference is below this show the same content.
_SAME_PICTURE = 14.0


def screen_likeness(
    frames: Sequence[NDArray[np.uint8]], *, outside: tuple[float, float] | None = None
) -> float:
    """How much the frames look drawn instead of filmed, 0..1.

    Where a drawn picture (slides, documents, code) is not painted evenly it has the crisp
    edges of text and lines; a filmed one has noise and soft edges. Few colours or even areas
    add to the likeness. The mean over the frames.

    Args:
        frames: of one size.
        outside: (left, right) shares of the width to leave out, e.g. where a person stands.

    Raises:
        ValueError: no frame.
    """
    if not frames:
        raise ValueError("screen likeness needs at least one frame")
    return float(np.mean([_likeness(_without(frame, outside)) for frame in frames]))


def _without(frame: NDArray[np.uint8], outside: tuple[float, float] | None) -> NDArray[np.uint8]:
    """The wider of the two parts beside the columns left out."""
    if outside is None:
        return frame
    width = frame.shape[1]
    left, right = int(outside[0] * width), int(np.ceil(outside[1] * width))
    part = frame[:, :left] if left >= width - right else frame[:, right:]
    return part if part.shape[1] >= _NARROWEST_PX else frame


def still_share(frames: Sequence[NDArray[np.uint8]]) -> float:
    """Share of the picture that does not change between consecutive frames, 0..1 (1 for one)."""
    if len(frames) < 2:
        return 1.0
    lumas = [luma(frame) for frame in frames]
    return float(np.mean([(np.abs(a - b) < 8).mean() for a, b in pairwise(lumas)]))


def same_picture(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> bool:
    """Whether two frames of one size show the same place (a person may have moved in it)."""
    a, b = luma(first)[::4, ::4], luma(second)[::4, ::4]
    difference = np.abs(a - b)
    return float(np.median(difference)) < _SAME_PICTURE and float(difference.mean()) < 30.0


def luma(frame: NDArray[np.uint8]) -> FloatArray:
    """[H, W] luma (of 255) of an RGB frame."""
    weights = np.array([0.299, 0.587, 0.114], dtype=np.float32)
    return np.asarray(frame[..., :3].astype(np.float32) @ weights)


def _likeness(frame: NDArray[np.uint8]) -> float:
    light = luma(frame)
    across = np.abs(np.diff(light, axis=1))[:-1]
    down = np.abs(np.diff(light, axis=0))[:, :-1]
    step = np.maximum(across, down)
    busy = step >= _FLAT
    crisp = step >= _SHARP
    if float(crisp.mean()) < _LEAST_TEXT:
        return 0.0
    # Each ramp runs from what filmed pictures show to what drawn ones show: of the pixels that
    # are not even, under a quarter are crisp in film and over two fifths in slides, documents
    # and code, whatever their colours.
    drawn = _ramp(float(crisp.sum() / max(1, busy.sum())), 0.22, 0.42)
    even = _ramp(float(1.0 - busy.mean()), 0.45, 0.75)
    few = _ramp(_dominant_colours(frame), 0.35, 0.7)
    return 0.6 * drawn + 0.4 * max(even, few)


def _dominant_colours(frame: NDArray[np.uint8]) -> float:
    """Share of the area taken by the three commonest of 16 x 16 x 16 colours."""
    cells = frame[::2, ::2, :3].astype(np.int64) // (256 // _BINS)
    codes = (cells[..., 0] * _BINS + cells[..., 1]) * _BINS + cells[..., 2]
    counts: NDArray[Any] = np.bincount(codes.ravel())
    return float(np.sort(counts)[-3:].sum() / codes.size)


def _ramp(value: float, low: float, high: float) -> float:
    return float(np.clip((value - low) / (high - low), 0.0, 1.0))
