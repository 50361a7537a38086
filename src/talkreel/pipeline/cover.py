"""The cover of a clip: its best still, with the title set on it where that was asked."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from talkreel.core.arrays import FloatArray
from talkreel.core.cover import Cover
from talkreel.core.edits import AudioChain, Box, Edit, Encoding, LayoutKind
from talkreel.core.emotions import EMOTIONS
from talkreel.core.errors import InputError, MediaError, ModelMissing, RenderError
from talkreel.core.media import Media
from talkreel.core.spans import Span
from talkreel.edit.captions import block_height
from talkreel.edit.safe_area import safe_area
from talkreel.features.faces import face_crop
from talkreel.media.frames import FrameReader
from talkreel.media.probe import probe
from talkreel.models.predict_face import FaceEmotionPredictor
from talkreel.models.shipped import load_bundle
from talkreel.perceive.detectors import Detector, load_detector
from talkreel.perceive.stills import Still, read_still, worths
from talkreel.pipeline.upscale import enlarged_frames
from talkreel.pipeline.work import Work, noted
from talkreel.rendering.bookends import lead_seconds
from talkreel.rendering.cover import set_title
from talkreel.rendering.render import render_picture
from talkreel.rendering.sidecars import write_picture
from talkreel.store.cache import StageCache

_LOOKS = 11
# Where in the clip to look: past the first instant, before the end gives the point away.
_FROM, _TO = 0.04, 0.6
_LOOK_WIDTH = 540
# Heights of the bands, of the picture; a face may leave room for the lower one alone.
_TITLE_ROWS = (0.15, 0.1)
_TITLE_PLACES = 10
_NEUTRAL = EMOTIONS.index("neutral")
_TITLE_FONT = "Roboto-Black.ttf"
_FINE = Encoding("veryfast", 10, 96)


def ask_for_title(work: Work, edit: Edit) -> Edit:
    """The clip's title on its cover."""
    edit = replace(edit, cover=Cover(title=edit.title))
    return noted(edit, "cover title", f"“{edit.title}” is set on the cover", applied=True)


def make_cover(edit: Edit, clip_path: Path, path: Path, source: Media | None = None) -> None:
    """Write the cover of a rendered clip as JPEG, at the clip's size.

    Args:
        edit: of the clip.
        clip_path: the clip.
        path: of the cover.
        source: what the clip is made of; with it, a title stands on the picture without captions.

    Raises:
        MediaError: ``clip_path`` is not a clip with a picture.
        OutputError: ``path`` cannot be written.
    """
    media = probe(clip_path)
    if media.video is None:
        raise MediaError(f"{clip_path.name!r} has no picture to make a cover of")
    cover = edit.cover or Cover()
    time, still = best_still(edit, media)
    bare = bare_picture(edit, source, time) if cover.title and source else None
    if bare is None:
        with FrameReader(media, width=media.video.width) as full:
            picture = full.at([time])[0].image
    else:
        picture, still = bare, measure_picture(edit, bare)
    if cover.title:
        picture = titled_picture(edit, picture, cover.title, still)
    write_picture(picture, path)


def titled_picture(
    edit: Edit, picture: NDArray[np.uint8], title: str, still: Still
) -> NDArray[np.uint8]:
    """[H, W, 3] ``picture`` with ``title``; as it is where faces and captions leave no room.

    Args:
        edit: of the clip.
        picture: of it.
        title: one line of text.
        still: what was measured on the picture.
    """
    if max(still.room) <= 0:
        return picture
    return set_title(picture, title, _place(edit, still), _font(edit))


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


def bare_picture(edit: Edit, source: Media, clip_seconds: float) -> NDArray[np.uint8] | None:
    """[H, W, 3]: what the clip shows at ``clip_seconds``, without captions and cards.

    None where a single frame cannot be made apart from the clip, or its making fails.
    """
    waveform = any(layout.kind is LayoutKind.WAVEFORM for layout in edit.layouts)
    # Shake is told by the frames around.
    if waveform or edit.picture.steady or edit.media_digest != source.digest:
        return None
    frame = float(1 / edit.canvas.frame_rate)
    time = edit.time_map.to_source(max(0.0, clip_seconds - lead_seconds(edit)))
    run = next((run for run in edit.kept if run.contains(time)), edit.kept[-1])
    # A file of one frame is no video.
    begin = max(run.start, min(time, run.end - 2 * frame))
    kept = Span(begin, begin + 2 * frame)
    one = replace(
        edit,
        kept=(kept,),
        layouts=tuple(layout for layout in edit.layouts if layout.span.overlap(kept) > 0),
        captions=None,
        audio=AudioChain() if edit.audio else None,
        broll=tuple(b for b in edit.broll if b.span.overlap(kept) > 0),
        graphics=replace(edit.graphics, cards=(), intro=None, outro=None, stickers=()),
        encoding=_FINE,
        cover=None,
        notes=(),
    )
    with tempfile.TemporaryDirectory(prefix="talkreel-cover-") as name:
        made = Path(name) / "still.mp4"
        try:
            enlarged = enlarged_frames(StageCache(Path(name)), one, source)
            render_picture(one, source, made, enlarged=enlarged)
            with FrameReader(probe(made), width=edit.canvas.width) as reader:
                return reader.at([0.0])[0].image
        except (RenderError, InputError):
            return None


def measure_picture(edit: Edit, picture: NDArray[np.uint8]) -> Still:
    """What shows on one [H, W, 3] picture without captions."""
    import cv2

    size = (_LOOK_WIDTH, round(_LOOK_WIDTH * picture.shape[0] / picture.shape[1]))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return read_still(np.asarray(small, dtype=np.uint8), _detector(), title_places(edit))


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
    """Where a title may stand: high and low bands of the safe area from its top to its bottom."""
    area = safe_area(edit.canvas)
    return tuple(
        (area.sides, float(top), 1 - area.sides, float(top) + rows)
        for rows in _TITLE_ROWS
        for top in np.linspace(area.top, area.lowest - rows, _TITLE_PLACES)
    )


def _place(edit: Edit, still: Still) -> Box:
    """Where the title reads best: in a plain place, and in a high one, where letters are large."""
    places = title_places(edit)
    worth = [(place[3] - place[1]) * room for place, room in zip(places, still.room, strict=True)]
    return places[int(np.argmax(worth))]


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
