"""What a picture stream holds, packet by packet, without decoding."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from talkreel.core.errors import MediaError
from talkreel.core.media import Media
from talkreel.media.container import clock_of, open_container, packets
from talkreel.media.decode import DTS_ONLY, PictureSource


@dataclass(frozen=True, slots=True, eq=False)
class PacketIndex:
    """The pictures of a file in order of display; the arrays are read-only.

    Attributes:
        times: [N] float64, source seconds, ascending.
        sizes: [N] int64, bytes.
        keyframe: [N] bool, whether decoding can start there. The first picture may not be one,
            where an edit list cuts into a group of pictures.
    """

    times: NDArray[np.float64]
    sizes: NDArray[np.int64]
    keyframe: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.times)


@lru_cache(maxsize=2)  # 2 MB for an hour; every reader of one file shares it
def packet_index(media: Media) -> PacketIndex:
    """Read every picture packet's time and size; decodes nothing.

    Raises:
        ValueError: the media has no picture.
        MediaError: the file cannot be opened any more.
    """
    import av

    if media.video is None:
        raise ValueError("a packet index needs media with a picture")
    by_dts = media.container in DTS_ONLY
    times: list[int] = []
    sizes: list[int] = []
    keys: list[bool] = []
    with open_container(media.uri, media.container) as opened:
        if media.video.index >= len(opened.streams):
            raise MediaError(f"{media.uri!r} has changed since it was probed: probe it again")
        stream = opened.streams[media.video.index]
        clock = clock_of(opened, stream)
        try:
            for packet in packets(opened, stream):
                shown = packet.dts if by_dts or packet.pts is None else packet.pts
                if shown is None or packet.is_discard or packet.is_corrupt or not packet.size:
                    continue
                times.append(shown)
                sizes.append(packet.size)
                keys.append(packet.is_keyframe)
        except av.error.FFmpegError:
            pass  # a file cut short: what was read before is the index
    stamps = np.asarray(times, dtype=np.int64)
    order = np.argsort(stamps, kind="stable")
    seconds = np.asarray((stamps[order] - clock.zero) * clock.tick, dtype=np.float64)
    if by_dts and len(seconds):
        seconds = seconds + (_first_shown(media) - seconds[0])
    index = PacketIndex(
        seconds,
        np.asarray(sizes, dtype=np.int64)[order],
        np.asarray(keys, dtype=np.bool_)[order],
    )
    for values in (index.times, index.sizes, index.keyframe):
        values.flags.writeable = False
    return index


def _first_shown(media: Media) -> float:
    """Source second at which the decoder gives its first picture."""
    source = PictureSource(media, (1, 1), gray=True)
    try:
        return next((time for time, _ in source.decode(0.0)), 0.0)
    finally:
        source.close()
