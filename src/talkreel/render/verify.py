"""Whether a rendered file is what the edit asked for, before it is moved into place."""

from __future__ import annotations

from talkreel.core.edits import Edit
from talkreel.core.errors import RenderError
from talkreel.core.media import Media
from talkreel.core.spans import Span
from talkreel.render.measure import ClipMeasurement, look
from talkreel.render.schedule import Schedule

LOUDNESS_TOLERANCE_LU = 0.5
# Meters round to a tenth.
_METER_STEP = 0.051
_MOSTLY = 0.9


def loud_enough(got: ClipMeasurement, edit: Edit) -> bool:
    """Whether loudness and true peak are what the edit's sound chain wants."""
    if edit.audio is None or got.integrated_lufs is None:
        return True
    near = abs(got.integrated_lufs - edit.audio.target_lufs) <= LOUDNESS_TOLERANCE_LU
    return near and not too_hot(got, edit)


def too_hot(got: ClipMeasurement, edit: Edit) -> bool:
    """Whether the true peak is above what the edit allows."""
    if edit.audio is None or got.true_peak_dbtp is None:
        return False
    return got.true_peak_dbtp > edit.audio.true_peak_dbtp + _METER_STEP


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
    warnings = []
    if sound_expected and got.integrated_lufs is None and got.true_peak_dbtp is None:
        raise RenderError("the clip came out without sound although the source has some there")
    if mastered and too_hot(got, edit):
        assert edit.audio is not None
        raise RenderError(
            f"the clip's true peak is {got.true_peak_dbtp} dBTP, above the "
            f"{edit.audio.true_peak_dbtp} allowed: lower target_lufs"
        )
    if mastered and not loud_enough(got, edit):
        assert edit.audio is not None
        warnings.append(
            f"the sound came out at {got.integrated_lufs} LUFS instead of "
            f"{edit.audio.target_lufs}: the source leaves no more room"
        )
    return (*warnings, *_check_picture(got, edit, media))


def _check_shape(got: ClipMeasurement, edit: Edit, schedule: Schedule) -> None:
    canvas = edit.canvas
    frame = float(1 / canvas.frame_rate)
    if (got.width, got.height) != (canvas.width, canvas.height):
        raise RenderError(
            f"the clip came out as {got.width}x{got.height}, not {canvas.width}x{canvas.height}"
        )
    if got.frames != schedule.frames:
        raise RenderError(f"the clip came out with {got.frames} frames, not {schedule.frames}")
    if abs(got.duration - schedule.duration) > frame:
        raise RenderError(
            f"the clip came out {got.duration:.3f} s long, not {schedule.duration:.3f} s"
        )
    if not got.has_audio:
        raise RenderError("the clip came out without a sound track")
    if abs(got.av_offset) > frame + 1e-3 or abs(got.av_start) > frame + 1e-3:
        raise RenderError(
            f"sound and picture of the clip are apart by {got.av_start * 1000:.0f} ms at the start "
            f"and {got.av_offset * 1000:.0f} ms at the end"
        )


def _check_picture(got: ClipMeasurement, edit: Edit, media: Media) -> tuple[str, ...]:
    """A black or frozen clip is wrong, unless the source is so there."""
    if media.video is None or not (got.black_share >= _MOSTLY or got.still):
        return ()
    looks = [look(media, span, keyframes_only=False) for span in _longest(edit)]
    if got.black_share >= _MOSTLY:
        if min(black for black, _ in looks) < _MOSTLY:
            raise RenderError("the clip came out black although the source is not black there")
        return ("the picture is black throughout, as the source is there",)
    if not all(still for _, still in looks) and got.duration > 4.0:
        raise RenderError("the clip came out frozen although the source moves there")
    return ("the picture stands still throughout, as the source does there",)


def _longest(edit: Edit) -> list[Span]:
    return sorted(edit.kept, key=lambda span: -span.duration)[:3]
