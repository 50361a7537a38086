"""An edit to a timeline: which source frame lies under every frame of the clip."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from talkreel.core.edits import Canvas, Edit, LayoutKind
from talkreel.core.graphics import NO_GRAPHICS
from talkreel.core.media import Media
from talkreel.media.packets import packet_index
from talkreel.rendering.pieces import Piece as GraphPiece
from talkreel.rendering.pieces import even, make_pieces
from talkreel.rendering.schedule import Schedule, make_schedule
from talkreel.rendering.timeline.records import Linked, Mark, Piece, Place, Timeline
from talkreel.rendering.windows import Picture, Window, straight

_RATE_TOLERANCE = Fraction(3, 1000)


def why_conform(edit: Edit, media: Media) -> str:
    """Why editors would show other frames of the source than the render does; empty if none would.

    Editors find a frame by its number: that fits only where frames come evenly at the timeline's
    rate, upright, with square pixels, and start with the sound.
    """
    video, rate = media.video, edit.canvas.frame_rate
    if video is None:
        return ""
    if video.variable:
        return "its frame rate varies"
    if abs(video.frame_rate - rate) > rate * _RATE_TOLERANCE:
        return f"it has {float(video.frame_rate):.3f} frames/s, the clip {float(rate):.3f}"
    if video.rotation or video.sample_aspect != 1:
        return "it is turned or has pixels that are not square, which editors treat each their way"
    # Sound that begins before 0 is an encoder's run-up, which players leave out.
    late = max(media.audio.start, 0.0) - max(video.start, 0.0) if media.audio is not None else 0.0
    if abs(late) > float(1 / rate) / 2:
        return "its sound and picture do not start together"
    shown = source_frames(make_schedule(edit, media), media)
    times = packet_index(media).times
    drift = times[shown] - times[0] - shown / float(rate)
    if np.abs(drift).max() >= float(1 / rate) / 2:
        return "frames are missing in it"
    starts = make_schedule(edit, media).starts
    for first, last in pairwise(starts):
        if np.any(np.diff(shown[first:last]) != 1):
            return "its frames do not lie evenly"
    return ""


def source_frames(schedule: Schedule, media: Media) -> NDArray[np.int64]:
    """[N] number of the source picture that every frame of the clip shows."""
    times = packet_index(media).times
    found = np.searchsorted(times, schedule.shown, side="right") - 1
    return np.asarray(np.clip(found, 0, len(times) - 1), dtype=np.int64)


def build_timeline(edit: Edit, media: Media, link: Media | None = None) -> Timeline:
    """The timeline of ``edit``.

    Args:
        edit: of the clip.
        media: its source.
        link: a conformed copy that holds exactly the clip's frames, to be played instead.

    Raises:
        ValueError: the source cannot be linked as it is and no copy is given.
    """
    reason = why_conform(edit, media)
    if reason and link is None:
        raise ValueError(f"the source cannot be linked frame by frame: {reason}")
    schedule = make_schedule(edit, media)
    if link is not None:
        frames = np.arange(schedule.frames)
    elif media.video is not None:
        frames = source_frames(schedule, media)
    else:
        frames = np.round(schedule.times * float(schedule.rate)).astype(np.int64)
    linked = _linked(link or media, schedule)
    pictures = _pictures(edit, media, schedule, frames) if media.video is not None else ()
    return Timeline(
        name=edit.title or edit.id,
        rate=schedule.rate,
        width=edit.canvas.width,
        height=edit.canvas.height,
        frames=schedule.frames,
        media=linked,
        pictures=tuple(pictures),
        sounds=tuple(_sounds(schedule, frames)) if linked.channels else (),
        marks=tuple(_marks(edit, schedule)),
        asides=tuple(_asides(edit, reason)),
    )


def _linked(media: Media, schedule: Schedule) -> Linked:
    video, audio = media.video, media.audio
    spread = int(media.duration * schedule.rate)
    count = len(packet_index(media)) if video is not None else spread
    return Linked(
        path=Path(media.uri),
        rate=schedule.rate,
        frames=count,
        width=video.coded_width if video else 0,
        height=video.coded_height if video else 0,
        channels=audio.channels if audio else 0,
        sample_rate=audio.sample_rate if audio else 48_000,
    )


def _sounds(schedule: Schedule, frames: NDArray[np.int64]) -> Iterator[Piece]:
    for first, last in pairwise(schedule.starts):
        if last > first:
            yield Piece(1, first, last - first, int(frames[first]))


def _pictures(
    edit: Edit, media: Media, schedule: Schedule, frames: NDArray[np.int64]
) -> list[Piece]:
    assert media.video is not None
    picture = Picture.of(media.video)
    made: list[Piece] = []
    for part in make_pieces(edit, media, schedule):
        if part.kind is LayoutKind.WAVEFORM:
            continue
        for number, window in enumerate(part.windows):
            spot = _spot(part.kind, number, window, picture, edit.canvas)
            hidden = part.kind is not LayoutKind.CROP
            for first, last in _runs(part, window, schedule.starts):
                cut = window.part(first - part.first, last - part.first)
                made.append(
                    Piece(
                        number + 1,
                        first,
                        last - first,
                        int(frames[first]),
                        tuple(_places(cut, spot, picture)),
                        _inset(cut, picture) if hidden else (0.0, 0.0, 0.0, 0.0),
                    )
                )
    return sorted(made, key=lambda piece: (piece.track, piece.start))


def _runs(part: GraphPiece, window: Window, starts: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """Frames of ``part`` between joins, and between jumps of a window that does not glide."""
    edges = {part.first, part.last, *(s for s in starts if part.first < s < part.last)}
    if not window.moving:
        jumps = np.flatnonzero(np.diff(window.left) != 0), np.flatnonzero(np.diff(window.top) != 0)
        edges |= {part.first + int(at) + 1 for found in jumps for at in found}
    return pairwise(sorted(edges))


def _spot(
    kind: LayoutKind, number: int, window: Window, picture: Picture, canvas: Canvas
) -> tuple[float, float, float, float]:
    """Left, top, width, height of the part of the canvas that ``window`` fills."""
    width, height = canvas.width, canvas.height
    if kind is LayoutKind.SPLIT:
        upper = even(height / 2)
        return (0, 0, width, upper) if number == 0 else (0, upper, width, height - upper)
    if kind is LayoutKind.CROP:
        return 0, 0, width, height
    aspect = window.width * picture.sample_aspect / window.height
    wide, tall = min(width, even(height * aspect)), min(height, even(width / aspect))
    return (width - wide) // 4 * 2, (height - tall) // 4 * 2, wide, tall


def _places(
    window: Window, spot: tuple[float, float, float, float], picture: Picture
) -> Iterator[tuple[int, Place]]:
    x, y, width, height = spot
    across, down = width / window.width, height / window.height
    corners = [0]
    if window.moving:
        corners = sorted({*straight(window.left * across), *straight(window.top * down)})
    for at in corners:
        left, top = float(window.left[at]), float(window.top[at])
        yield (
            at,
            Place(x - left * across, y - top * down, picture.width * across, picture.height * down),
        )


def _inset(window: Window, picture: Picture) -> tuple[float, float, float, float]:
    left, top = float(window.left[0]) / picture.width, float(window.top[0]) / picture.height
    right, bottom = left + window.width / picture.width, top + window.height / picture.height
    return left, top, max(0.0, 1 - right), max(0.0, 1 - bottom)


def _marks(edit: Edit, schedule: Schedule) -> Iterator[Mark]:
    for cue in edit.captions.cues if edit.captions else ():
        span = edit.time_map.span_to_clip(cue.span)
        if span is None:
            continue
        first = min(max(0, round(span.start * schedule.rate)), schedule.frames - 1)
        last = min(max(first + 1, round(span.end * schedule.rate)), schedule.frames)
        yield Mark(first, last - first, cue.text.replace("\n", " "))


def _asides(edit: Edit, reason: str) -> Iterator[str]:
    if reason:
        yield (
            f"the source is played from a copy at the clip's frame rate, because {reason}; the "
            "copy holds the clip's frames and its finished sound, without handles"
        )
    kinds = {layout.kind for layout in edit.layouts}
    if LayoutKind.FIT in kinds:
        yield "the blurred fill behind fitted pictures is not carried; the bars are empty"
    if LayoutKind.WAVEFORM in kinds:
        yield "the drawn waveform is not carried: lay the clip itself above"
    if edit.broll or edit.graphics != NO_GRAPHICS:
        yield "b-roll, cards, logo, intro and outro are not carried: lay the clip itself above"
    if edit.captions is not None:
        yield "captions travel as SRT and markers; ask for overlay to get them as drawn"
    if not reason and edit.audio is not None:
        target = edit.audio.target_lufs
        yield f"the sound is the source's own; the clip's is mastered to {target} LUFS"
