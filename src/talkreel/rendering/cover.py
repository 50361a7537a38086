"""Choosing the still that stands for a clip."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from talkreel.core.edits import Edit
from talkreel.core.errors import MediaError
from talkreel.media.frames import FrameReader
from talkreel.media.probe import probe

_LOOKS = 7
# Where in the clip to look: past the first instant, before the end gives the point away.
_FROM, _TO = 0.04, 0.55
_LOOK_WIDTH = 360
_CAPTION_SHARE = 0.14
_DARK, _BRIGHT = 28.0, 232.0


def choose_cover(edit: Edit, clip_path: Path) -> NDArray[np.uint8]:
    """[H, W, 3] RGB: the sharpest well-lit picture of the clip's first half.

    Raises:
        MediaError: it is not a clip with a picture.
    """
    media = probe(clip_path)
    if media.video is None:
        raise MediaError(f"{clip_path.name!r} has no picture to make a cover of")
    times = [float(t) for t in np.linspace(_FROM, _TO, _LOOKS) * media.duration]
    with FrameReader(media, width=_LOOK_WIDTH, gray=True) as small:
        frames = small.at(times)
    worth = [
        _worth(frame.image, _caption_rows(edit, time))
        for frame, time in zip(frames, times, strict=True)
    ]
    best = times[int(np.argmax(worth))]
    with FrameReader(media, width=media.video.width) as full:
        return full.at([best])[0].image


def _caption_rows(edit: Edit, clip_seconds: float) -> tuple[float, float] | None:
    """Top and bottom (shares of the height) of the captions on screen."""
    if edit.captions is None:
        return None
    time = edit.time_map.to_source(clip_seconds)
    for cue in edit.captions.cues:
        if cue.span.contains(time):
            return cue.top, cue.top + _CAPTION_SHARE
    return None


def _worth(image: NDArray[np.uint8], hidden: tuple[float, float] | None) -> float:
    """Variance of the Laplacian (Pech-Pacheco 2000) outside the captions, less if ill lit."""
    luma = image.astype(np.float64)
    middle = luma[1:-1, 1:-1]
    edges = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:] - 4 * middle
    if hidden is not None:
        rows = np.arange(len(edges)) / len(edges)
        edges = edges[(rows < hidden[0]) | (rows > hidden[1])]
    sharpness = float(edges.var()) if edges.size else 0.0
    lit = _DARK < float(luma.mean()) < _BRIGHT
    return sharpness if lit else sharpness * 0.1
