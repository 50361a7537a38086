"""The cover of a clip: its best still, with the title set on it where that was asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from talkreel.core.arrays import FloatArray
from talkreel.core.cover import Cover
from talkreel.core.edits import Box, Edit
from talkreel.core.emotions import EMOTIONS
from talkreel.core.errors import MediaError, ModelMissing
from talkreel.core.media import Media
from talkreel.edit.captions import block_height
from talkreel.edit.safe_area import safe_area
from talkreel.features.faces import face_crop
from talkreel.media.frames import FrameReader
from talkreel.media.probe import probe
from talkreel.models.predict_face import FaceEmotionPredictor
from talkreel.models.shipped import load_bundle
from talkreel.perceive.detectors import Detector, load_detector
from talkreel.perceive.stills import Still, read_still, worths
from talkreel.pipeline.work import Work, noted
from talkreel.rendering.bookends import lead_seconds
from talkreel.rendering.cover import set_title
from talkreel.rendering.sidecars import write_picture

_LOOKS = 11
# Where in the clip to look: past the first instant, before the end gives the point away.
_FROM, _TO = 0.04, 0.6
_LOOK_WIDTH = 540
_TITLE_ROWS = 0.15  # of the height
_NEUTRAL = EMOTIONS.index("neutral")
_TITLE_FONT = "Roboto-Black.ttf"


def ask_for_title(work: Work, edit: Edit) -> Edit:
    """The clip's title on its cover."""
    edit = replace(edit, cover=Cover(title=edit.title))
    return noted(edit, "cover title", f"“{edit.title}” is set on the cover", applied=True)


def make_cover(edit: Edit, clip_path: Path, path: Path) -> None:
    """Write the cover of a rendered clip as JPEG, at the clip's size.

    Raises:
        MediaError: ``clip_path`` is not a clip with a picture.
        OutputError: ``path`` cannot be written.
    """
    media = probe(clip_path)
    if media.video is None:
        raise MediaError(f"{clip_path.name!r} has no picture to make a cover of")
    cover = edit.cover or Cover()
    time, still = best_still(edit, media)
    with FrameReader(media, width=media.video.width) as full:
        picture = full.at([time])[0].image
    # Where faces and captions leave no room the picture stands alone.
    if cover.title and max(still.room) > 0:
        place = title_places(edit)[int(np.argmax(still.room))]
        picture = set_title(picture, cover.title, place, _font(edit))
    write_picture(picture, path)


def best_still(edit: Edit, media: Media) -> tuple[float, Still]:
    """Clip second of the cover's picture and what was measured on it.

    Args:
        edit: of the clip; its cover may name a time.
        media: the rendered clip.
    """
    cover, lead = edit.cover or Cover(), lead_seconds(edit)
    if cover.time is not None:
        # The last frame begins before the clip ends.
        shown = lead + edit.time_map.to_clip(cover.time)
        times = [min(shown, max(0.0, media.duration - 0.1))]
    else:
        seconds = min(media.duration, edit.time_map.duration)
        times = [lead + float(t) for t in np.linspace(_FROM, _TO, _LOOKS) * seconds]
    stills, images = read_stills(edit, media, times)
    best = int(np.argmax(worths(stills, _liveliness(images, stills), titled=bool(cover.title))))
    return times[best], stills[best]


def read_stills(
    edit: Edit, media: Media, times: Sequence[float]
) -> tuple[list[Still], list[NDArray[np.uint8]]]:
    """Measure the pictures of a rendered clip at ``times`` (clip clock)."""
    places = title_places(edit)
    with FrameReader(media, width=_LOOK_WIDTH) as reader:
        images = [frame.image for frame in reader.at(list(times))]
    stills = [
        read_still(image, _detector(), places, caption_rows(edit, time))
        for image, time in zip(images, times, strict=True)
    ]
    return stills, images


def title_places(edit: Edit) -> tuple[Box, ...]:
    """Where a title may stand: bands of the safe area from its top to its bottom."""
    area = safe_area(edit.canvas)
    last = area.lowest - _TITLE_ROWS
    tops = np.linspace(area.top, last, 10)
    return tuple((area.sides, float(t), 1 - area.sides, float(t) + _TITLE_ROWS) for t in tops)


def caption_rows(edit: Edit, clip_seconds: float) -> tuple[float, float] | None:
    """Top and bottom (shares of the height) of the captions on screen."""
    if edit.captions is None:
        return None
    time = edit.time_map.to_source(clip_seconds - lead_seconds(edit))
    for cue in edit.captions.cues:
        if cue.span.contains(time):
            return cue.top, cue.top + block_height(edit.captions.style, len(cue.lines))
    return None


def _liveliness(images: Sequence[NDArray[np.uint8]], stills: Sequence[Still]) -> FloatArray | None:
    """[N] how far each face is from neutral, by the face model; None without the model."""
    seen = [i for i, still in enumerate(stills) if still.face is not None]
    reader = _expression_reader()
    if reader is None or not seen:
        return None
    crops = [face_crop(images[i], face) for i in seen if (face := stills[i].face) is not None]
    values = np.full(len(stills), np.nan)
    values[seen] = 1 - reader.probabilities(np.stack(crops))[:, _NEUTRAL]
    return values


def _font(edit: Edit) -> str:
    return edit.captions.style.font_file if edit.captions else _TITLE_FONT


@lru_cache(maxsize=1)
def _detector() -> Detector:
    return load_detector()


@lru_cache(maxsize=1)
def _expression_reader() -> FaceEmotionPredictor | None:
    try:
        return FaceEmotionPredictor(load_bundle("emotion-face"))
    except ModelMissing:
        return None
