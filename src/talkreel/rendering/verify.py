"""Whether a rendered file is what the edit asked for, before it is moved into place."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from talkreel.core.edits import AudioChain, Box, Edit
from talkreel.core.errors import RenderError
from talkreel.core.media import Media
from talkreel.media.frames import FrameReader
from talkreel.rendering.bookends import frames_around
from talkreel.rendering.loudness import Loudness
from talkreel.rendering.measure import ENOUGH_KEYFRAMES, LOOKS, ClipMeasurement, judge
from talkreel.rendering.schedule import Schedule

LOUDNESS_TOLERANCE_LU = 0.5
# Meters round to a tenth.
_METER_STEP = 0.051
_MOSTLY = 0.9
# A pause in a short clip is no fault.
_LONG_ENOUGH_SECONDS = 4.0
_LOOK_WIDTH = 256
# AAC and MP3 fill their last frame and begin before their first.
_CODEC_SECONDS = 0.1


def loud_enough(heard: Loudness, chain: AudioChain) -> bool:
    """Whether loudness and true peak are what the sound chain wants."""
    if heard.integrated_lufs is None:
        return True
    near = abs(heard.integrated_lufs - chain.target_lufs) <= LOUDNESS_TOLERANCE_LU
    return near and not too_hot(heard, chain)


def too_hot(heard: Loudness, chain: AudioChain) -> bool:
    """Whether the true peak is above what the sound chain allows."""
    if heard.true_peak_dbtp is None:
        return False
    return heard.true_peak_dbtp > chain.true_peak_dbtp + _METER_STEP


def check_clip(
    got: ClipMeasurement,
    edit: Edit,
    media: Media,
    schedule: Schedule,
    *,
    sound_expected: bool,
    mastered: bool,
) -> tuple[str, ...]:
    """Warnings about a clip that can be delivered.

    Args:
        got: measured on the file.
        edit: what was asked for.
        media: the source.
        schedule: frames of the clip.
        sound_expected: whether the source sounds there.
        mastered: whether the sound was brought to the edit's loudness.

    Raises:
        RenderError: it must not be delivered.
    """
    _check_shape(got, edit, schedule)
    heard = _check_loudness(got, edit, sound_expected=sound_expected, mastered=mastered)
    return (*heard, *_check_picture(got, edit, media))


def check_sound(
    got: ClipMeasurement, edit: Edit, seconds: float, *, sound_expected: bool, mastered: bool
) -> tuple[str, ...]:
    """``check_clip`` for a file of sound alone that shall last ``seconds``."""
    if abs(got.duration - seconds) > _CODEC_SECONDS:
        raise RenderError(f"the sound came out {got.duration:.3f} s long, not {seconds:.3f} s")
    return _check_loudness(got, edit, sound_expected=sound_expected, mastered=mastered)


def _check_loudness(
    got: ClipMeasurement, edit: Edit, *, sound_expected: bool, mastered: bool
) -> tuple[str, ...]:
    warnings = []
    if sound_expected and got.integrated_lufs is None and got.true_peak_dbtp is None:
        raise RenderError("the clip came out without sound although the source has some there")
    heard = Loudness(got.integrated_lufs, got.true_peak_dbtp)
    if mastered and edit.audio is not None and too_hot(heard, edit.audio):
        raise RenderError(
            f"the clip's true peak is {got.true_peak_dbtp} dBTP, above the "
            f"{edit.audio.true_peak_dbtp} allowed: lower target_lufs"
        )
    if mastered and edit.audio is not None and not loud_enough(heard, edit.audio):
        warnings.append(
            f"the sound came out at {got.integrated_lufs} LUFS instead of "
            f"{edit.audio.target_lufs}: the source leaves no more room"
        )
    return tuple(warnings)


def _check_shape(got: ClipMeasurement, edit: Edit, schedule: Schedule) -> None:
    canvas = edit.canvas
    frame = float(1 / canvas.frame_rate)
    if (got.width, got.height) != (canvas.width, canvas.height):
        raise RenderError(
            f"the clip came out as {got.width}x{got.height}, not {canvas.width}x{canvas.height}"
        )
    frames = schedule.frames + sum(frames_around(edit))
    seconds = schedule.duration + sum(frames_around(edit)) * frame
    if got.frames != frames:
        raise RenderError(f"the clip came out with {got.frames} frames, not {frames}")
    if abs(got.duration - seconds) > frame:
        raise RenderError(f"the clip came out {got.duration:.3f} s long, not {seconds:.3f} s")
    if not got.has_audio:
        raise RenderError("the clip came out without a sound track")
    if abs(got.av_offset) > frame + 1e-3 or abs(got.av_start) > frame + 1e-3:
        raise RenderError(
            f"sound and picture of the clip are apart by {got.av_start * 1000:.0f} ms at the start "
            f"and {got.av_offset * 1000:.0f} ms at the end"
        )


def _check_picture(got: ClipMeasurement, edit: Edit, media: Media) -> tuple[str, ...]:
    """A black or frozen clip is wrong, unless what is shown of the source is so there."""
    if edit.encoding.delivery.overlay:
        return ()
    if media.video is None or not (got.black_share >= _MOSTLY or got.still):
        return ()
    black, still = judge(shown_of_source(edit, media))
    if got.black_share >= _MOSTLY:
        if black < _MOSTLY:
            raise RenderError("the clip came out black although the source is not black there")
        return ("the picture is black throughout, as the source is there",)
    if not still and got.duration > _LONG_ENOUGH_SECONDS:
        raise RenderError("the clip came out frozen although the source moves there")
    return ("the picture stands still throughout, as the source does there",)


def shown_of_source(edit: Edit, media: Media) -> list[NDArray[np.uint8]]:
    """Gray pictures of the source over the clip, cut to what the first crop path shows.

    Keyframes where there are enough of them, for they cost no decoding of all between.
    """
    times = edit.time_map
    clip = np.linspace(0.0, times.duration, LOOKS, endpoint=False)
    seconds = [times.to_source(float(second)) for second in clip]
    with FrameReader(media, width=_LOOK_WIDTH, gray=True) as reader:
        frames = [frame for span in edit.kept for frame in reader.keyframes(span)]
        if len(frames) >= ENOUGH_KEYFRAMES:
            seconds = [frame.time for frame in frames]
        else:
            frames = reader.at(seconds)
    return [
        _cut(frame.image, _layout_at(edit, second))
        for frame, second in zip(frames, seconds, strict=True)
    ]


def _layout_at(edit: Edit, second: float) -> Box:
    layout = next((x for x in edit.layouts if x.span.contains(second)), edit.layouts[-1])
    return layout.paths[0].box_at(second) if layout.paths else (0.0, 0.0, 1.0, 1.0)


def _cut(image: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    height, width = image.shape
    left, top = round(box[0] * width), round(box[1] * height)
    across, down = round((box[2] - box[0]) * width), round((box[3] - box[1]) * height)
    return image[top : top + max(1, down), left : left + max(1, across)]
