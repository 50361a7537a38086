"""FCPXML 1.9, which Final Cut Pro and DaVinci Resolve read; its times are exact fractions."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from xml.etree.ElementTree import Element

from talkreel.rendering.timeline.markup import document, element, file_url
from talkreel.rendering.timeline.records import Mark, Piece, Place, Timeline


def to_fcpxml(timeline: Timeline) -> str:
    """The timeline as FCPXML.

    Pictures of track 1 lie in the spine, those above are connected to them; sound comes with its
    picture.
    """
    media, rate = timeline.media, timeline.rate
    frame = _seconds(1, rate)
    has_video = int(bool(media.width))
    resources = element(
        "resources",
        element(
            "format", id="r1", frameDuration=frame, width=timeline.width, height=timeline.height
        ),
        element("format", id="r2", frameDuration=frame, width=media.width, height=media.height)
        if has_video
        else None,
        element(
            "asset",
            element("media-rep", kind="original-media", src=file_url(media.path)),
            id="r3",
            name=media.path.name,
            start="0s",
            duration=_seconds(media.frames, rate),
            hasVideo=has_video,
            hasAudio=int(bool(media.channels)),
            audioSources=int(bool(media.channels)),
            audioChannels=media.channels,
            audioRate=media.sample_rate,
            **({"format": "r2"} if has_video else {}),
        ),
    )
    sequence = element(
        "sequence",
        element("spine", *_spine(timeline)),
        format="r1",
        duration=_seconds(timeline.frames, rate),
        tcStart="0s",
        tcFormat="DF" if timeline.drop_frame else "NDF",
        audioLayout="stereo",
        audioRate="48k",
    )
    project = element("project", sequence, name=timeline.name)
    event = element("event", project, name=timeline.name)
    root = element("fcpxml", resources, element("library", event), version="1.9")
    return document(root, "fcpxml")


def _seconds(frames: int, rate: Fraction) -> str:
    exact = Fraction(frames) / rate
    if exact.denominator == 1:
        return f"{exact.numerator}s"
    # Unreduced, as editors write it: whole frames can be read off.
    return f"{frames * rate.denominator}/{rate.numerator}s"


def _spine(timeline: Timeline) -> Iterator[Element]:
    lowest = [piece for piece in timeline.pictures if piece.track == 1] or timeline.sounds
    above = [piece for piece in timeline.pictures if piece.track > 1]
    marks = list(timeline.marks)
    at = 0
    for piece in lowest:
        if piece.start > at:
            yield element(
                "gap",
                name="Gap",
                offset=_seconds(at, timeline.rate),
                start="0s",
                duration=_seconds(piece.start - at, timeline.rate),
            )
        clip = _clip(piece, timeline, piece.start)
        for other in above:
            if piece.start <= other.start < piece.end:
                offset = piece.source + other.start - piece.start
                made = _clip(other, timeline, offset)
                made.set("lane", str(other.track - 1))
                made.set("srcEnable", "video")
                clip.append(made)
        clip.extend(
            _marker(mark, piece, timeline)
            for mark in marks
            if piece.start <= mark.start < piece.end
        )
        yield clip
        at = piece.end


def _clip(piece: Piece, timeline: Timeline, offset: int) -> Element:
    rate = timeline.rate
    return element(
        "asset-clip",
        _crop(piece, timeline),
        element("adjust-conform", type="fit") if piece.places else None,
        _transform(piece, timeline),
        ref="r3",
        name=timeline.media.path.name,
        offset=_seconds(offset, rate),
        start=_seconds(piece.source, rate),
        duration=_seconds(piece.frames, rate),
        tcFormat="DF" if timeline.drop_frame else "NDF",
    )


def _crop(piece: Piece, timeline: Timeline) -> Element | None:
    if not any(piece.inset):
        return None
    # All four are percent of the height of the source picture.
    wide = timeline.media.width / timeline.media.height
    left, top, right, bottom = piece.inset
    return element(
        "adjust-crop",
        element(
            "trim-rect",
            left=f"{100 * left * wide:.4f}",
            top=f"{100 * top:.4f}",
            right=f"{100 * right * wide:.4f}",
            bottom=f"{100 * bottom:.4f}",
        ),
        mode="trim",
    )


def _transform(piece: Piece, timeline: Timeline) -> Element | None:
    if not piece.places:
        return None
    first = piece.places[0][1]
    moves = len(piece.places) > 1
    keys = [
        element(
            "keyframe",
            time=_seconds(piece.source + at, timeline.rate),
            value=_position(place, timeline),
            interp="linear",
            curve="linear",
        )
        for at, place in piece.places
    ]
    path = element("param", element("keyframeAnimation", *keys), name="position")
    return element(
        "adjust-transform",
        path if moves else None,
        position=_position(first, timeline),
        scale=_scale(first, timeline),
    )


def _scale(place: Place, timeline: Timeline) -> str:
    """Relative to the picture fitted into the canvas."""
    media = timeline.media
    fitted = min(timeline.width / media.width, timeline.height / media.height)
    return f"{place.width / media.width / fitted:.6f} {place.height / media.height / fitted:.6f}"


def _position(place: Place, timeline: Timeline) -> str:
    """Of the centre, from the canvas' centre, up, in percent of the canvas' height."""
    x, y = place.middle
    across = 100 * (x - timeline.width / 2) / timeline.height
    up = 100 * (timeline.height / 2 - y) / timeline.height
    return f"{across:.5f} {up:.5f}"


def _marker(mark: Mark, piece: Piece, timeline: Timeline) -> Element:
    start = piece.source + mark.start - piece.start
    return element(
        "marker",
        start=_seconds(start, timeline.rate),
        duration=_seconds(1, timeline.rate),
        value=mark.text,
    )
