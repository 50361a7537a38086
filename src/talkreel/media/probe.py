"""What a file really is: sniffed, scanned packet by packet, and its first frames decoded."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from talkreel.core.errors import MediaError
from talkreel.core.media import AudioStream, Colour, Media, VideoStream
from talkreel.media.container import (
    CONTAINER_TICKS,
    MAX_PIXELS,
    open_container,
    packets,
    start_seconds,
)
from talkreel.media.ffmpeg import opens_safely
from talkreel.media.scan import Timing, scan
from talkreel.media.sniff import ALLOWED, SNIFF_BYTES, sniff

if TYPE_CHECKING:
    from av.audio.stream import AudioStream as AvAudioStream
    from av.container import InputContainer
    from av.stream import Stream
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream as AvVideoStream

# The fonts of a richly subtitled film are less.
_MAX_ATTACHED_BYTES = 64 << 20
_DIGEST_BLOCK = 1024 * 1024
# Transfer characteristics, ITU-T H.273 table 3.
_PQ, _HLG = 16, 18
_FULL_RANGE = 2  # AVCOL_RANGE_JPEG
# Give up on a stream that yields no picture or sound within so many packets.
_PACKETS_TO_FIRST_FRAME = 600
# Headers round a duration, and sound ends a frame early or late: less is no truncation.
_SHORT_SECONDS = 0.5
_SHORT_SHARE = 0.02
# Time stamps of hostile or damaged files may claim years, and sound is laid out over all of it.
_MAX_SECONDS = 24 * 3600
# A picture stream that ends this much before the sound is worth a warning.
_UNEVEN_SECONDS = 1.0


def probe(path: str | os.PathLike[str]) -> Media:
    """Find out what ``path`` is, which streams to use, and how long what decodes lasts.

    The type comes from the content, never from the name; nothing but the file itself is opened.

    Args:
        path: a local file.

    Raises:
        MediaError: missing, no permission, a folder, empty, an image, text, a playlist, or
            nothing in it that decodes; one line with what to do.
    """
    uri = os.path.abspath(os.fspath(path))
    name = repr(os.path.basename(uri))
    head, digest = _read(uri, name)
    container = sniff(head, name)
    if not opens_safely(uri, container):
        raise MediaError(
            f"{name} is damaged or made to do harm: its header asks for more memory or time than "
            "any real file; make it again with a known program"
        )
    try:
        opened = open_container(uri, container)
    except MediaError as error:
        raise MediaError(_why_not_opened(name, container, head)) from error
    with opened:
        return _describe(opened, uri, name, digest, container)


def _read(uri: str, name: str) -> tuple[bytes, str]:
    """First bytes and sha256 of the whole file."""
    try:
        status = os.stat(uri)
    except FileNotFoundError as error:
        raise MediaError(f"there is no file {uri!r}: check the path") from error
    except (OSError, ValueError) as error:
        raise MediaError(f"cannot reach {uri!r}: {_reason(error)}") from error
    if stat.S_ISDIR(status.st_mode):
        raise MediaError(f"{name} is a folder: give one video or sound file")
    if not stat.S_ISREG(status.st_mode):
        raise MediaError(f"{name} is not an ordinary file: save the media to a file first")
    if status.st_size == 0:
        raise MediaError(f"{name} is empty (0 bytes): copy or download it again")
    digest = hashlib.sha256()
    head = b""
    try:
        with open(uri, "rb") as file:
            while block := file.read(_DIGEST_BLOCK):
                head = head or block[:SNIFF_BYTES]
                digest.update(block)
    except PermissionError as error:
        raise MediaError(f"no permission to read {name}: change its mode or its owner") from error
    except OSError as error:
        raise MediaError(f"cannot read {name}: {_reason(error)}") from error
    return head, digest.hexdigest()


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _why_not_opened(name: str, container: str, head: bytes) -> str:
    if container == "mov" and b"moov" not in head:
        return (
            f"{name} has no index (moov): the recording or the copy was cut off before its end; "
            "copy it again, or repair it with the program that recorded it"
        )
    return f"{name} is damaged: it looks like {container} but cannot be opened; copy it again"


@dataclass(frozen=True, slots=True)
class _Picture:
    stream: VideoStream
    timing: Timing


@dataclass(frozen=True, slots=True)
class _Sound:
    stream: AudioStream
    timing: Timing


def _describe(opened: InputContainer, uri: str, name: str, digest: str, container: str) -> Media:
    from av.stream import Disposition

    stills = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
    moving = [s for s in opened.streams.video if not s.disposition & stills]
    streams: list[Stream] = [*moving, *opened.streams.audio]
    _check_sizes(name, moving)
    _check_attachments(name, opened)
    timings, broken = scan(opened, streams)
    warnings: list[str] = []
    picture = _choose_picture(opened, moving, timings, warnings)
    sound = _choose_sound(opened, opened.streams.audio, timings, warnings)
    if picture is None and sound is None:
        raise MediaError(_nothing_decodes(name, moving, timings))
    duration = max(part.timing.end for part in (picture, sound) if part is not None)
    if not duration > 0:
        raise MediaError(f"{name} lasts no time at all: give a video or sound that plays")
    if duration > _MAX_SECONDS:
        raise MediaError(
            f"{name} lasts {duration / 3600:.0f} hours by its time stamps: at most "
            f"{_MAX_SECONDS // 3600} are allowed; cut it, or repair its time stamps"
        )
    promised = _promised_seconds(opened, picture, sound)
    missing = promised - duration
    truncated = broken or missing > max(_SHORT_SECONDS, _SHORT_SHARE * promised)
    if truncated:
        of = f" of {promised:.1f} s" if missing > 0.05 else ""
        warnings.append(f"the file is cut short or damaged: {duration:.1f} s{of} can be used")
    return Media(
        uri=uri,
        digest=digest,
        container=container,
        duration=duration,
        video=picture.stream if picture else None,
        audio=sound.stream if sound else None,
        truncated=truncated,
        warnings=(*warnings, *_uneven(picture, sound)),
    )


def _check_attachments(name: str, opened: InputContainer) -> None:
    # Every program that opens the file reads all of them: 200 MB cost gigabytes and a minute.
    from av.stream import AttachmentStream

    attached = (s for s in opened.streams if isinstance(s, AttachmentStream))
    size = sum(len(stream.data or b"") for stream in attached)
    if size > _MAX_ATTACHED_BYTES:
        raise MediaError(
            f"{name} carries {size / 1e6:.0f} MB of attached files, at most "
            f"{_MAX_ATTACHED_BYTES / 1e6:.0f} MB are read: copy its sound and picture alone "
            "(ffmpeg -i IN -map 0:v -map 0:a -c copy OUT)"
        )


def _check_sizes(name: str, streams: Sequence[AvVideoStream]) -> None:
    for stream in streams:
        context = stream.codec_context
        if context is not None and context.width * context.height > MAX_PIXELS:
            raise MediaError(
                f"{name} claims a picture of {context.width}x{context.height}: at most "
                f"{MAX_PIXELS // 1_000_000} million pixels are allowed; export it smaller"
            )


def _choose_picture(
    opened: InputContainer,
    streams: Sequence[AvVideoStream],
    timings: dict[int, Timing],
    warnings: list[str],
) -> _Picture | None:
    """The largest picture stream that decodes; of equals the default one, then the first."""
    from av.stream import Disposition

    def worth(stream: AvVideoStream) -> tuple[int, bool, int]:
        pixels = stream.codec_context.width * stream.codec_context.height
        return pixels, bool(stream.disposition & Disposition.default), -stream.index

    usable = [s for s in streams if s.index in timings and s.codec_context is not None]
    for stream in sorted(usable, key=worth, reverse=True):
        timing = timings[stream.index]
        if timing.count < 2:
            warnings.append("the picture is a single still: only the sound is used")
            continue
        frame = _first_frame(opened, stream)
        if frame is None:
            warnings.append(f"picture stream {stream.index} does not decode and is left out")
            continue
        return _Picture(_video_record(stream, timing, frame), timing)
    return None


def _video_record(stream: AvVideoStream, timing: Timing, frame: VideoFrame) -> VideoStream:
    rotation = (-round(frame.rotation / 90) * 90) % 360
    aspect = _sample_aspect(stream)
    width, height = displayed_size(frame.width, frame.height, aspect, rotation)
    colour = {_PQ: Colour.HDR10, _HLG: Colour.HLG}.get(int(frame.color_trc), Colour.SDR)
    return VideoStream(
        index=stream.index,
        width=width,
        height=height,
        coded_width=frame.width,
        coded_height=frame.height,
        rotation=rotation,
        sample_aspect=aspect,
        frame_rate=timing.rate or Fraction(25),
        variable=timing.variable,
        start=timing.start,
        codec=stream.codec_context.codec.canonical_name,
        pixel_format=frame.format.name,
        bit_depth=frame.format.components[0].bits,
        colour=colour,
        full_range=int(frame.color_range) == _FULL_RANGE or frame.format.name.startswith("yuvj"),
    )


def _sample_aspect(stream: AvVideoStream) -> Fraction:
    """Width of a pixel over its height; nonsense counts as square."""
    aspect = stream.sample_aspect_ratio
    return Fraction(aspect) if aspect and Fraction(1, 8) <= aspect <= 8 else Fraction(1)


def displayed_size(width: int, height: int, aspect: Fraction, rotation: int) -> tuple[int, int]:
    """Size with square pixels and upright; the pixels' longer side is stretched, none shrunk."""
    if aspect >= 1:
        width = round(width * aspect)
    else:
        height = round(height / aspect)
    return (height, width) if rotation in (90, 270) else (width, height)


def _first_frame(opened: InputContainer, stream: AvVideoStream | AvAudioStream) -> Any:
    """The first thing the stream decodes to, or None."""
    import av

    try:
        opened.seek(0 if opened.start_time is None else opened.start_time)
        for count, packet in enumerate(packets(opened, stream)):
            try:
                for frame in packet.decode():
                    return frame
            except av.error.InvalidDataError:
                pass  # damaged packets at the start; later ones may be whole
            if count > _PACKETS_TO_FIRST_FRAME:
                return None
    except (av.error.FFmpegError, ValueError, MemoryError):
        return None
    return None


def _choose_sound(
    opened: InputContainer,
    streams: Sequence[AvAudioStream],
    timings: dict[int, Timing],
    warnings: list[str],
) -> _Sound | None:
    """The default track that decodes; of equals the one with most channels, then bits."""
    from av.stream import Disposition

    aside = Disposition.visual_impaired | Disposition.comment | Disposition.descriptions

    def worth(stream: AvAudioStream) -> tuple[bool, bool, int, int, int, int]:
        return (
            not stream.disposition & aside,
            bool(stream.disposition & Disposition.default),
            stream.codec_context.channels,
            stream.codec_context.sample_rate,
            timings[stream.index].total_bytes,
            -stream.index,
        )

    usable = [s for s in streams if s.index in timings and s.codec_context is not None]
    for stream in sorted(usable, key=worth, reverse=True):
        frame = _first_frame(opened, stream)
        if frame is None or not frame.sample_rate:
            warnings.append(f"sound stream {stream.index} does not decode and is left out")
            continue
        record = AudioStream(
            index=stream.index,
            sample_rate=frame.sample_rate,
            channels=frame.layout.nb_channels,
            codec=stream.codec_context.codec.canonical_name,
            start=timings[stream.index].start,
            language="" if stream.language in (None, "und") else stream.language,
        )
        return _Sound(record, timings[stream.index])
    return None


def _nothing_decodes(name: str, moving: Sequence[AvVideoStream], timings: dict[int, Timing]) -> str:
    if any(s.index in timings and timings[s.index].count < 2 for s in moving):
        return f"{name} is a single picture without sound: give a video or sound that plays"
    return f"nothing in {name} decodes to picture or sound: copy it again, or give one of {ALLOWED}"


def _promised_seconds(
    opened: InputContainer, picture: _Picture | None, sound: _Sound | None
) -> float:
    """How long the used streams last by their headers; 0 when those say nothing."""
    lengths = []
    for part in (picture, sound):
        if part is not None:
            stream = opened.streams[part.stream.index]
            if stream.duration and stream.time_base:
                start = max(0.0, part.timing.start)
                lengths.append(start + float(stream.duration * stream.time_base))
    if lengths:
        return max(lengths)
    whole = (opened.duration or 0) / CONTAINER_TICKS
    # Matroska counts from 0 even where the first picture comes later.
    return whole - start_seconds(opened) if opened.format.name.startswith("matroska") else whole


def _uneven(picture: _Picture | None, sound: _Sound | None) -> tuple[str, ...]:
    if picture is None or sound is None:
        return ()
    difference = sound.timing.end - picture.timing.end
    if abs(difference) < _UNEVEN_SECONDS:
        return ()
    longer = "sound" if difference > 0 else "picture"
    return (f"the {longer} goes on for {abs(difference):.1f} s after the rest ends",)
