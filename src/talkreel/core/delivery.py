"""What kind of file an edit becomes: container, codecs, depth, colour."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

HDR_CHOICES = ("never", "keep", "only")
_ASPECTS = ("9:16", "4:5", "1:1", "16:9")


class Container(StrEnum):
    """File formats; the value is the file's extension."""

    MP4 = "mp4"
    MOV = "mov"
    M4A = "m4a"
    MP3 = "mp3"


class VideoCodec(StrEnum):
    """Picture codecs; ``NONE`` is a file of sound alone."""

    NONE = "none"
    H264 = "h264"
    HEVC = "hevc"
    AV1 = "av1"
    PRORES_422_HQ = "prores_422_hq"
    PRORES_4444 = "prores_4444"
    DNXHR_HQ = "dnxhr_hq"  # 8 bit
    DNXHR_HQX = "dnxhr_hqx"  # 10 bit


class AudioCodec(StrEnum):
    """Sound codecs."""

    AAC = "aac"
    MP3 = "mp3"
    PCM = "pcm"  # 24 bit


@dataclass(frozen=True, slots=True)
class LightLevels:
    """Static HDR10 metadata (SMPTE ST 2086, CTA-861.3), as the source carries it.

    Attributes:
        primaries: red, green and blue (x, y) in 1/50000, then white likewise; empty for none.
        display_nits: darkest and brightest of the mastering display in 1/10000 cd/m2.
        max_cll: brightest pixel in cd/m2; 0 for unknown.
        max_fall: brightest mean of a frame in cd/m2; 0 for unknown.
    """

    primaries: tuple[int, ...] = ()
    display_nits: tuple[int, int] = (0, 0)
    max_cll: int = 0
    max_fall: int = 0

    def __post_init__(self) -> None:
        if len(self.primaries) not in (0, 8):
            raise ValueError(f"a mastering display has 8 coordinates, got {len(self.primaries)}")


@dataclass(frozen=True, slots=True)
class Delivery:
    """The kind of file; the default is the plain clip.

    Attributes:
        container: of the file.
        video: picture codec.
        audio: sound codec.
        bit_depth: of the picture, 8 or 10.
        keep_hdr: whether an HDR picture stays HDR; otherwise it is tone mapped.
        hardware: whether NVENC encodes.
        max_bitrate_kbps: of the picture over any second, or None.
        overlay: whether the file holds captions and graphics alone, on nothing.
        edit_lists: whether the file may carry them; some upload sites forbid it.
        light: what an HDR10 file says of its brightness.
    """

    container: Container = Container.MP4
    video: VideoCodec = VideoCodec.H264
    audio: AudioCodec = AudioCodec.AAC
    bit_depth: int = 8
    keep_hdr: bool = False
    hardware: bool = False
    max_bitrate_kbps: int | None = None
    overlay: bool = False
    edit_lists: bool = True
    light: LightLevels | None = None

    def __post_init__(self) -> None:
        if self.bit_depth not in (8, 10):
            raise ValueError(f"a picture has 8 or 10 bits, got {self.bit_depth}")
        if self.keep_hdr and self.bit_depth != 10:
            raise ValueError("HDR needs 10 bits")
        if self.overlay and self.video is not VideoCodec.PRORES_4444:
            raise ValueError("only ProRes 4444 carries a transparent overlay")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryPreset:
    """What one place takes.

    Attributes:
        name: as asked for.
        label: for people.
        source: address of the page that states the facts.
        container: of the file.
        video: picture codec.
        audio: sound codec.
        long_side: most pixels; None for no limit.
        short_side: likewise.
        min_side: fewest pixels of the shorter side.
        enlarge: whether smaller pictures grow to the limit.
        aspects: shapes shown without bars; empty for all.
        min_fps: fewest frames per second.
        max_fps: most frames per second; faster clips are halved.
        max_kbps: of the picture.
        audio_kbps: of the sound.
        crf: quality.
        effort: of the encoder.
        lufs: integrated loudness.
        true_peak: dBTP.
        min_seconds: shortest.
        max_seconds: longest.
        max_bytes: largest file.
        hdr: ``never`` (tone mapped), ``keep`` (as the source) or ``only`` (HDR sources alone).
        bit_depth: of the picture.
        overlay: captions on nothing.
        hardware: NVENC.
        edit_lists: whether the file may carry them.
    """

    name: str
    label: str
    source: str
    container: Container = Container.MP4
    video: VideoCodec = VideoCodec.H264
    audio: AudioCodec = AudioCodec.AAC
    long_side: int | None = None
    short_side: int | None = None
    min_side: int = 2
    enlarge: bool = False
    aspects: tuple[str, ...] = ()
    min_fps: float = 0.0
    max_fps: float = 120.0
    max_kbps: int | None = None
    audio_kbps: int = 192
    crf: int = 18
    effort: str = "veryfast"
    lufs: float = -14.0
    true_peak: float = -1.0
    min_seconds: float = 0.0
    max_seconds: float = math.inf
    max_bytes: int | None = None
    hdr: str = "never"
    bit_depth: int = 8
    overlay: bool = False
    hardware: bool = False
    edit_lists: bool = True

    def __post_init__(self) -> None:
        if self.hdr not in HDR_CHOICES:
            raise ValueError(f"{self.name}: hdr is one of {', '.join(HDR_CHOICES)}")
        if set(self.aspects) - set(_ASPECTS):
            raise ValueError(f"{self.name}: aspects are {', '.join(_ASPECTS)}")

    @property
    def pictured(self) -> bool:
        """Whether there is a picture."""
        return self.video is not VideoCodec.NONE
