"""MLT XML, which melt renders and Shotcut and Kdenlive open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import gcd
from xml.etree.ElementTree import Element

from talkreel.rendering.timeline.markup import document, element
from talkreel.rendering.timeline.records import Piece, Place, Timeline


def to_mlt(timeline: Timeline) -> str:
    """The timeline as an MLT tractor: black below, picture tracks, one sound track."""
    last = timeline.frames - 1
    black = element(
        "producer",
        *_properties(mlt_service="color", resource="black", length=timeline.frames),
        id="black",
        in_=0,
        out=last,
    )
    ground = element("playlist", element("entry", producer="black", in_=0, out=last), id="ground")
    tracks = [
        _playlist(timeline, [p for p in timeline.pictures if p.track == number], f"video{number}")
        for number in range(1, timeline.tracks + 1)
    ]
    names = [f"video{number}" for number in range(1, timeline.tracks + 1)]
    heard = [element("track", producer="sound", hide="video")] if timeline.sounds else []
    multitrack = element(
        "multitrack",
        element("track", producer="ground"),
        *(element("track", producer=name, hide="audio") for name in names),
        *heard,
    )
    tractor = element(
        "tractor",
        multitrack,
        *_mixes(len(names), heard=bool(heard)),
        id="clip",
        title=timeline.name,
        in_=0,
        out=last,
    )
    sound = _playlist(timeline, timeline.sounds, "sound") if heard else None
    root = element(
        "mlt",
        _profile(timeline),
        black,
        _media(timeline, "media", audio=False) if names else None,
        _media(timeline, "heard", audio=True) if heard else None,
        ground,
        *tracks,
        sound,
        tractor,
        LC_NUMERIC="C",
        producer="clip",
    )

    return document(root)


def _properties(**values: object) -> Iterator[Element]:
    for name, value in values.items():
        yield element("property", text=value, name=name)


def _named(**values: object) -> Iterator[Element]:
    for name, value in values.items():
        yield element("property", text=value, name=name.replace("__", "."))


def _profile(timeline: Timeline) -> Element:
    shared = gcd(timeline.width, timeline.height)
    made = element("profile", description=timeline.name)
    for name, value in {
        "width": timeline.width,
        "height": timeline.height,
        "progressive": 1,
        "sample_aspect_num": 1,
        "sample_aspect_den": 1,
        "display_aspect_num": timeline.width // shared,
        "display_aspect_den": timeline.height // shared,
        "frame_rate_num": timeline.rate.numerator,
        "frame_rate_den": timeline.rate.denominator,
        "colorspace": 709,
    }.items():
        made.set(name, str(value))
    return made


def _media(timeline: Timeline, name: str, *, audio: bool) -> Element:
    media = timeline.media
    streams = {"video_index": -1} if audio else {"audio_index": -1}
    return element(
        "producer",
        *_properties(
            resource=media.path, mlt_service="avformat", length=media.frames, seekable=1, **streams
        ),
        id=name,
        in_=0,
        out=media.frames - 1,
    )


def _playlist(timeline: Timeline, pieces: Sequence[Piece], name: str) -> Element:
    made = element("playlist", id=name)
    at = 0
    for piece in pieces:
        if piece.start > at:
            made.append(element("blank", length=piece.start - at))
        made.append(
            element(
                "entry",
                *_filters(piece, timeline),
                producer="heard" if name == "sound" else "media",
                in_=piece.source,
                out=piece.source + piece.frames - 1,
            )
        )
        at = piece.end
    return made


def _filters(piece: Piece, timeline: Timeline) -> Iterator[Element]:
    if not piece.places:
        return
    media = timeline.media
    span = {"in_": piece.source, "out": piece.source + piece.frames - 1}
    if any(piece.inset):
        left, top, right, bottom = piece.inset
        yield element(
            "filter",
            *_named(
                mlt_service="crop",
                left=round(left * media.width),
                right=round(right * media.width),
                top=round(top * media.height),
                bottom=round(bottom * media.height),
            ),
            **span,
        )
    rects = ";".join(f"{at}={_rect(place, piece)}" for at, place in piece.places)
    yield element(
        "filter",
        *_named(
            mlt_service="affine",
            background="color:#00000000",
            # Without it the picture is first squeezed into the canvas.
            use_normalised=1,
            transition__rect=rects if len(piece.places) > 1 else _rect(piece.places[0][1], piece),
            transition__distort=1,
            transition__fill=1,
        ),
        **span,
    )


def _rect(place: Place, piece: Piece) -> str:
    """Where what is left of the picture after its inset lies."""
    left, top, right, bottom = piece.inset
    x, y = place.x + left * place.width, place.y + top * place.height
    width, height = place.width * (1 - left - right), place.height * (1 - top - bottom)
    return f"{x:.4f} {y:.4f} {width:.4f} {height:.4f} 1"


def _mixes(pictures: int, *, heard: bool) -> Iterator[Element]:
    for track in range(1, pictures + 1):
        yield element(
            "transition",
            *_properties(
                mlt_service="composite", a_track=0, b_track=track, always_active=1, progressive=1
            ),
        )
    if heard:
        yield element(
            "transition",
            *_properties(
                mlt_service="mix", a_track=0, b_track=pictures + 1, always_active=1, sum=1
            ),
        )
