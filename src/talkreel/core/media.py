"""What a media file is, probed once; identity is the digest of its bytes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from talkreel.core.spans import Span


class Colour(StrEnum):
    """How code values become light: ordinary video, HDR10 (PQ) or HLG."""

    SDR = "sdr"
    HDR10 = "hdr10"
    HLG = "hlg"


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoStream:
    """The picture stream that is used.

    Attributes:
        index: stream index in the container.
        width: pixels across as displayed, after rotation and sample aspect.
        height: pixels down as displayed, after rotation and sample aspect.
        coded_width: pixels across as stored.
        coded_height: pixels down as stored.
        rotation: clockwise degrees to turn the stored picture upright: 0, 90, 180 or 270.
        sample_aspect: width of a stored pixel over its height.
        frame_rate: average frames per second.
        variable: whether frame intervals differ by more than jitter.
        start: second on the source clock at which the first frame shows.
        codec: decoder name, e.g. ``h264``.
        pixel_format: e.g. ``yuv420p10le``.
        bit_depth: bits per component.
        colour: transfer family.
        full_range: whether code values use the full range.
    """

    index: int
    width: int
    height: int
    coded_width: int
    coded_height: int
    rotation: int = 0
    sample_aspect: Fraction = Fraction(1)
    frame_rate: Fraction
    variable: bool = False
    start: float = 0.0
    codec: str
    pixel_format: str = "yuv420p"
    bit_depth: int = 8
    colour: Colour = Colour.SDR
    full_range: bool = False

    def __post_init__(self) -> None:
        if min(self.width, self.height, self.coded_width, self.coded_height) < 1:
            raise ValueError(f"a picture needs a size, got {self.width}x{self.height}")
        if self.rotation not in (0, 90, 180, 270):
            raise ValueError(f"rotation is 0, 90, 180 or 270 degrees, got {self.rotation}")
        if self.frame_rate <= 0 or self.sample_aspect <= 0:
            raise ValueError("frame rate and sample aspect are positive")


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioStream:
    """The sound stream that is used.

    Attributes:
        index: stream index in the container.
        sample_rate: Hz.
        channels: how many.
        codec: decoder name.
        start: second on the source clock of the first sample.
        language: ISO 639 code as tagged, or empty.
    """

    index: int
    sample_rate: int
    channels: int
    codec: str
    start: float = 0.0
    language: str = ""

    def __post_init__(self) -> None:
        if self.sample_rate < 1 or self.channels < 1:
            raise ValueError("a sound stream needs a sample rate and a channel")


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """A probed file.

    Attributes:
        uri: absolute path.
        digest: sha256 of the bytes, in hex.
        container: the demuxer to force when ffmpeg reads it, sniffed from the content.
        duration: seconds from the source clock's zero to the end of the longer used stream,
            of what decodes.
        video: picture, or None (audio only).
        audio: sound, or None (silent film).
        truncated: whether the file ends before its header says.
        warnings: one line each, for the user.
    """

    uri: str
    digest: str
    container: str
    duration: float
    video: VideoStream | None
    audio: AudioStream | None
    truncated: bool = False
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.duration <= 0:
            raise ValueError(f"media needs a positive duration, got {self.duration}")
        if self.video is None and self.audio is None:
            raise ValueError("media needs picture or sound")

    @property
    def span(self) -> Span:
        """The whole file on the source clock."""
        return Span(0.0, self.duration)
