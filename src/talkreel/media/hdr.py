"""What an HDR10 stream says of its brightness, read from its first pictures."""

from __future__ import annotations

import struct
from typing import Any

from talkreel.core.delivery import LightLevels
from talkreel.core.media import Colour, Media
from talkreel.media.container import open_container, packets

# Display order of FFmpeg's AVMasteringDisplayMetadata: red, green, blue (x, y), white, min, max.
_MASTERING = struct.Struct("<20i2i")
_CONTENT = struct.Struct("<2I")
_CHROMATICITY, _LUMINANCE = 50_000, 10_000
_LOOK_PACKETS = 120


def read_light_levels(media: Media) -> LightLevels | None:
    """The mastering display and light levels of an HDR10 source; None where it states none.

    Raises:
        MediaError: the file cannot be opened any more.
    """
    import av

    if media.video is None or media.video.colour is not Colour.HDR10:
        return None
    with open_container(media.uri, media.container) as opened:
        stream = opened.streams.video[0]
        for candidate in opened.streams.video:
            if candidate.index == media.video.index:
                stream = candidate
        try:
            for count, packet in enumerate(packets(opened, stream)):
                for frame in packet.decode():
                    # Its stubs call it a mapping by name; it is a sequence.
                    side: Any = frame.side_data
                    return _read({str(data.type): bytes(data) for data in side})
                if count > _LOOK_PACKETS:
                    return None
        except av.error.FFmpegError:
            return None
    return None


def _read(side: dict[str, bytes]) -> LightLevels | None:
    primaries: tuple[int, ...] = ()
    nits = (0, 0)
    cll = fall = 0
    for kind, data in side.items():
        if "MASTERING_DISPLAY" in kind and len(data) >= _MASTERING.size:
            values = _MASTERING.unpack(data[: _MASTERING.size])
            pairs = list(zip(values[:20:2], values[1:20:2], strict=True))
            has_primaries, has_luminance = values[20:]
            if has_primaries:
                primaries = tuple(_scaled(n, d, _CHROMATICITY) for n, d in pairs[:8])
            if has_luminance:
                nits = (_scaled(*pairs[8], _LUMINANCE), _scaled(*pairs[9], _LUMINANCE))
        elif "CONTENT_LIGHT" in kind and len(data) >= _CONTENT.size:
            cll, fall = _CONTENT.unpack(data[: _CONTENT.size])
    if not primaries and not cll and not fall:
        return None
    return LightLevels(primaries, nits, cll, fall)


def _scaled(numerator: int, denominator: int, unit: int) -> int:
    return round(numerator * unit / denominator) if denominator else 0
