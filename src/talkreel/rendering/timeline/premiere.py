"""Final Cut Pro 7 XML (xmeml 4), which Premiere Pro and DaVinci Resolve read."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from talkreel.rendering.timeline.markup import document, element, file_url, leaf
from talkreel.rendering.timeline.records import Piece, Place, Timeline, timecode


def to_premiere(timeline: Timeline) -> str:
    """The timeline as xmeml: picture tracks with Basic Motion and Crop, one stereo sound track."""
    writer = _Writer(timeline)
    sequence = element(
        "sequence",
        leaf("name", timeline.name),
        leaf("duration", timeline.frames),
        writer.rate(),
        writer.clock("00:00:00:00" if not timeline.drop_frame else "00:00:00;00"),
        element("media", writer.video(), writer.audio()),
        *writer.markers(),
        id="sequence-1",
    )
    return document(element("xmeml", sequence, version="4"), "xmeml")


class _Writer:
    def __init__(self, timeline: Timeline) -> None:
        self._line = timeline
        self._told = False

    def rate(self) -> Element:
        return element("rate", leaf("timebase", self._line.timebase), leaf("ntsc", self._line.ntsc))

    def clock(self, text: str) -> Element:
        form = "DF" if self._line.drop_frame else "NDF"
        parts = leaf("string", text), leaf("frame", 0), leaf("displayformat", form)
        return element("timecode", self.rate(), *parts)

    def video(self) -> Element:
        line = self._line
        tracks = [
            element(
                "track",
                *(self._item(p, n) for n, p in enumerate(self._on(track), start=1)),
            )
            for track in range(1, line.tracks + 1)
        ]
        return element("video", element("format", self._samples(line.width, line.height)), *tracks)

    def audio(self) -> Element:
        items = [self._sound(p, n) for n, p in enumerate(self._line.sounds, start=1)]
        samples = element("samplecharacteristics", leaf("samplerate", 48_000), leaf("depth", 16))
        return element(
            "audio",
            leaf("numOutputChannels", 2),
            element("format", samples),
            element("track", *items),
        )

    def markers(self) -> Iterator[Element]:
        for mark in self._line.marks:
            yield element(
                "marker",
                leaf("name", mark.text[:60]),
                leaf("comment", mark.text),
                leaf("in", mark.start),
                leaf("out", mark.start + mark.frames),
            )

    def _on(self, track: int) -> list[Piece]:
        return [piece for piece in self._line.pictures if piece.track == track]

    def _samples(self, width: int, height: int) -> Element:
        return element(
            "samplecharacteristics",
            self.rate(),
            leaf("width", width),
            leaf("height", height),
            leaf("anamorphic", False),
            leaf("pixelaspectratio", "square"),
            leaf("fielddominance", "none"),
        )

    def _file(self) -> Element:
        """The linked file: told in full once, named by its id from then on."""
        media = self._line.media
        if self._told:
            return element("file", id="file-1")
        self._told = True
        video = audio = None
        if media.width:
            seen = self._samples(media.width, media.height)
            video = element("video", leaf("duration", media.frames), seen)
        if media.channels:
            rate, depth = leaf("samplerate", media.sample_rate), leaf("depth", 16)
            heard = element("samplecharacteristics", rate, depth)
            audio = element("audio", heard, leaf("channelcount", media.channels))
        start = timecode(0, self._line.timebase, drop_frame=self._line.drop_frame)
        return element(
            "file",
            leaf("name", media.path.name),
            leaf("pathurl", file_url(media.path, "localhost")),
            self.rate(),
            leaf("duration", media.frames),
            self.clock(start),
            element("media", video, audio),
            id="file-1",
        )

    def _common(self, piece: Piece) -> list[Element]:
        return [
            leaf("masterclipid", "masterclip-1"),
            leaf("name", self._line.media.path.name),
            leaf("enabled", True),
            leaf("duration", self._line.media.frames),
            self.rate(),
            leaf("start", piece.start),
            leaf("end", piece.end),
            leaf("in", piece.source),
            leaf("out", piece.source + piece.frames),
        ]

    def _item(self, piece: Piece, number: int) -> Element:
        return element(
            "clipitem",
            *self._common(piece),
            self._file(),
            self._motion(piece),
            _crop(piece),
            id=f"picture-{piece.track}-{number}",
        )

    def _sound(self, piece: Piece, number: int) -> Element:
        track = element("sourcetrack", leaf("mediatype", "audio"), leaf("trackindex", 1))
        return element(
            "clipitem", *self._common(piece), self._file(), track, id=f"sound-1-{number}"
        )

    def _motion(self, piece: Piece) -> Element | None:
        if not piece.places:
            return None
        first = piece.places[0][1]
        scale = 100 * first.width / self._line.media.width
        keys = [
            element("keyframe", leaf("when", piece.source + at), self._centre(place))
            for at, place in piece.places
            if len(piece.places) > 1
        ]
        return _effect(
            "Basic Motion",
            "basic",
            _parameter("scale", "Scale", leaf("value", f"{scale:.4f}"), most=1000),
            _parameter("center", "Center", self._centre(first), *keys),
        )

    def _centre(self, place: Place) -> Element:
        """Of the picture from the canvas' centre, right and down, in shares of the canvas."""
        x, y = place.middle
        across, down = x / self._line.width - 0.5, y / self._line.height - 0.5
        return element("value", leaf("horiz", f"{across:.6f}"), leaf("vert", f"{down:.6f}"))


def _crop(piece: Piece) -> Element | None:
    if not any(piece.inset):
        return None
    sides = zip(("left", "top", "right", "bottom"), piece.inset, strict=True)
    values = [
        _parameter(name, name, leaf("value", f"{100 * share:.4f}"), most=100)
        for name, share in sides
    ]
    return _effect("Crop", "crop", *values)


def _effect(name: str, identifier: str, *parameters: Element) -> Element:
    return element(
        "filter",
        element(
            "effect",
            leaf("name", name),
            leaf("effectid", identifier),
            leaf("effectcategory", "motion"),
            leaf("effecttype", "motion"),
            leaf("mediatype", "video"),
            *parameters,
        ),
    )


def _parameter(
    identifier: str, name: str, value: Element, *keys: Element, most: int | None = None
) -> Element:
    limits = () if most is None else (leaf("valuemin", 0), leaf("valuemax", most))
    return element(
        "parameter", leaf("parameterid", identifier), leaf("name", name), *limits, value, *keys
    )
