"""What a stream holds, packet by packet, without decoding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from talkreel.core.errors import MediaError
from talkreel.core.media import Media
from talkreel.media.container import open_container, start_seconds, tick_seconds


@dataclass(frozen=True, slots=True, eq=False)
class PacketIndex:
    """The picture packets of a file in order of display.

    Attributes:
        times: [N] float64, source seconds, ascending.
        sizes: [N] int64, bytes.
        keyframe: [N] bool, whether decoding can start there.
    """

    times: NDArray[np.float64]
    sizes: NDArray[np.int64]
    keyframe: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.times)


def packet_index(media: Media) -> PacketIndex:
    """Read every picture packet's time and size; decodes nothing.

    Raises:
        ValueError: the media has no picture.
        MediaError: the file cannot be opened any more.
    """
    import av

    if media.video is None:
        raise ValueError("a packet index needs media with a picture")
    times: list[int] = []
    sizes: list[int] = []
    keys: list[bool] = []
    with open_container(media.uri, media.container) as opened:
        if media.video.index >= len(opened.streams):
            raise MediaError(f"{media.uri!r} has changed since it was probed: probe it again")
        stream = opened.streams[media.video.index]
        start, tick = start_seconds(opened), tick_seconds(stream)
        try:
            for packet in opened.demux(stream):
                shown = packet.pts if packet.pts is not None else packet.dts
                if shown is None or packet.is_discard or packet.is_corrupt or not packet.size:
                    continue
                times.append(shown)
                sizes.append(packet.size)
                keys.append(packet.is_keyframe)
        except av.error.FFmpegError:
            pass  # a file cut short: what was read before is the index
    seconds = np.asarray(times, dtype=np.float64) * tick - start
    order = np.argsort(seconds, kind="stable")
    return PacketIndex(
        seconds[order],
        np.asarray(sizes, dtype=np.int64)[order],
        np.asarray(keys, dtype=np.bool_)[order],
    )
