"""OpenTimelineIO, which Resolve, Kdenlive and others read; the frame is told in metadata."""

from __future__ import annotations

from typing import Any

from talkreel.rendering.timeline.markup import file_url
from talkreel.rendering.timeline.records import Linked, Piece, Timeline


def to_otio(timeline: Timeline) -> str:
    """The timeline as OTIO JSON: picture tracks, one sound track, captions as markers.

    The format has no place for a crop or a move: they are under ``talkreel`` in the metadata of
    every clip.
    """
    import opentimelineio as otio

    made: Any = otio.schema.Timeline(name=timeline.name)
    made.metadata["talkreel"] = {
        "canvas": [timeline.width, timeline.height],
        "rate": str(timeline.rate),
        "not carried": list(timeline.asides),
    }
    for number in range(1, timeline.tracks + 1):
        pieces = [piece for piece in timeline.pictures if piece.track == number]
        track = _track(otio, timeline, pieces, f"V{number}", otio.schema.TrackKind.Video)
        made.tracks.append(track)
    if timeline.sounds:
        kind = otio.schema.TrackKind.Audio
        made.tracks.append(_track(otio, timeline, list(timeline.sounds), "A1", kind))
    for mark in timeline.marks:
        made.tracks.markers.append(
            otio.schema.Marker(
                name=mark.text,
                marked_range=_range(otio, timeline, mark.start, mark.frames),
                color=otio.schema.MarkerColor.WHITE,
            )
        )
    return str(otio.adapters.write_to_string(made, "otio_json"))


def _track(otio: Any, timeline: Timeline, pieces: list[Piece], name: str, kind: str) -> Any:
    track = otio.schema.Track(name=name, kind=kind)
    at = 0
    for piece in pieces:
        if piece.start > at:
            gap = _range(otio, timeline, 0, piece.start - at)
            track.append(otio.schema.Gap(source_range=gap))
        clip = otio.schema.Clip(
            name=timeline.media.path.name,
            media_reference=_reference(otio, timeline, timeline.media),
            source_range=_range(otio, timeline, piece.source, piece.frames),
        )
        if piece.places:
            clip.metadata["talkreel"] = _frame(piece)
        track.append(clip)
        at = piece.end
    return track


def _frame(piece: Piece) -> dict[str, Any]:
    return {
        "places": [
            {"frame": at, "x": p.x, "y": p.y, "width": p.width, "height": p.height}
            for at, p in piece.places
        ],
        "hidden": list(piece.inset),
    }


def _reference(otio: Any, timeline: Timeline, media: Linked) -> Any:
    return otio.schema.ExternalReference(
        target_url=file_url(media.path), available_range=_range(otio, timeline, 0, media.frames)
    )


def _range(otio: Any, timeline: Timeline, start: int, frames: int) -> Any:
    # OTIO's rates are floats: this one is the float nearest to the fraction.
    rate = float(timeline.rate)
    time = otio.opentime.RationalTime
    return otio.opentime.TimeRange(time(start, rate), time(frames, rate))
