"""Where a picture may change shot, told from packet sizes alone, without decoding."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from talkreel.media.packets import PacketIndex

# Keyframes closer than this to the last one looked at are passed over: in all-intra files
# (ProRes, MJPEG) every frame is a keyframe, and three looks a second find what changed.
_ANCHOR_SECONDS = 0.35
# The packet in which a cut lies holds nearly a whole new picture. Measured on x264 with scene
# cuts switched off it is 0.35 to 1.2 of a keyframe and at least as large as the third largest
# packet within 1.5 s; without a cut such packets stay below 0.3 of a keyframe.
_NEAR_SECONDS = 1.5
_RANK = 3
_SHARE_OF_KEYFRAME = 0.25
_OVER_NEIGHBOURS = 0.9
# In very quiet pictures a cut to a plainer one may be small beside the keyframe; it still
# towers over its neighbours.
_TOWERING = 4.0
_TOWERING_SHARE = 0.12
# A blank stretch costs next to nothing: the largest of a few packets in a row falls below this
# part of what such a handful usually holds here.
_BLANK_RUN = 4
_BLANK_SHARE = 0.1
_BLANK_NEAR_SECONDS = 4.0
# In all-intra files a cut is a step in size; neighbours differ by less.
_INTRA_STEP = 0.06
_INTRA_OVER_USUAL = 5.0
# Packets this short before a keyframe tell whether the picture was at rest.
_TAIL_SECONDS = 0.4
_TAIL_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Stretch:
    """Packets ``first .. last`` (half-open, order of display) from one anchor to the next.

    Attributes:
        first: index of a keyframe.
        last: index of the next anchor, or the number of packets.
        hints: packets in which the picture may change, ascending.
        forced: whether the next anchor seems to stand where it does because of the picture
            and not because of a fixed keyframe distance.
        rests: whether the packets just before the next anchor are small.
    """

    first: int
    last: int
    hints: tuple[int, ...]
    forced: bool
    rests: bool


def stretches(packets: PacketIndex) -> tuple[Stretch, ...]:
    """Cut the stream at its keyframes and mark suspect packets; empty for no packets."""
    if not len(packets):
        return ()
    anchors = _anchors(packets)
    bounds = [*anchors, len(packets)]
    hinted = np.flatnonzero(_suspects(packets))
    forced = _forced(np.diff(bounds))
    found = []
    for place, (first, last) in enumerate(pairwise(bounds)):
        inside = hinted[(hinted > first) & (hinted < last)]
        found.append(
            Stretch(
                first,
                last,
                tuple(int(i) for i in inside),
                bool(forced[place]) and last < len(packets),
                _rests(packets, first, last),
            )
        )
    return tuple(found)


def _anchors(packets: PacketIndex) -> list[int]:
    keys = np.flatnonzero(packets.keyframe)
    chosen = [0]
    for key in keys:
        if packets.times[key] - packets.times[chosen[-1]] >= _ANCHOR_SECONDS:
            chosen.append(int(key))
    return chosen


def _forced(lengths: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Lengths that neither reach the longest nor occur often: the encoder saw a new picture."""
    longest = int(lengths.max())
    alike = np.array([np.count_nonzero(np.abs(lengths - length) <= 1) for length in lengths])
    common = alike > np.maximum(2, 0.2 * len(lengths))
    return np.asarray((lengths < longest - 1) & ~common)


def _rests(packets: PacketIndex, first: int, last: int) -> bool:
    start = np.searchsorted(packets.times, packets.times[last - 1] - _TAIL_SECONDS)
    tail = packets.sizes[max(first + 1, int(start)) : last]
    return bool(tail.size and tail.max() <= _TAIL_SHARE * packets.sizes[first])


def _suspects(packets: PacketIndex) -> NDArray[np.bool_]:
    if np.count_nonzero(packets.keyframe) > 0.9 * len(packets):
        return _size_steps(packets)
    return _spikes(packets) | _blank_starts(packets)


def _size_steps(packets: PacketIndex) -> NDArray[np.bool_]:
    logs = np.log(np.maximum(packets.sizes, 1).astype(np.float64))
    steps = np.abs(np.diff(logs, prepend=logs[0]))
    usual = _local(steps, packets.times, _NEAR_SECONDS, 0.5)
    return np.asarray((steps > _INTRA_STEP) & (steps > _INTRA_OVER_USUAL * usual))


def _spikes(packets: PacketIndex) -> NDArray[np.bool_]:
    times, sizes = packets.times, packets.sizes.astype(np.float64)
    keys = np.flatnonzero(packets.keyframe)
    inner = np.flatnonzero(~packets.keyframe)
    marked = np.zeros(len(times), dtype=np.bool_)
    if not keys.size or not inner.size:
        return marked
    after = np.clip(np.searchsorted(keys, inner), 0, len(keys) - 1)
    before = np.clip(after - 1, 0, None)
    whole = np.minimum(sizes[keys[before]], sizes[keys[after]])
    share = sizes[inner] / np.maximum(whole, 1.0)
    low = np.searchsorted(times[inner], times[inner] - _NEAR_SECONDS)
    high = np.searchsorted(times[inner], times[inner] + _NEAR_SECONDS, side="right")
    for at in np.flatnonzero(share >= _TOWERING_SHARE):
        near = np.delete(sizes[inner[low[at] : high[at]]], at - low[at])
        rank = min(_RANK, near.size)
        usual = np.partition(near, near.size - rank)[near.size - rank] if rank else 0.0
        ratio = sizes[inner[at]] / max(usual, 1.0)
        spike = share[at] >= _SHARE_OF_KEYFRAME and ratio >= _OVER_NEIGHBOURS
        marked[inner[at]] = spike or ratio >= _TOWERING
    return marked


def _blank_starts(packets: PacketIndex) -> NDArray[np.bool_]:
    """First packets of stretches that cost next to nothing: black, white or a frozen picture."""
    sizes = np.where(packets.keyframe, 0, packets.sizes).astype(np.float64)
    if len(sizes) <= _BLANK_RUN:
        return np.zeros(len(sizes), dtype=np.bool_)
    windows = np.lib.stride_tricks.sliding_window_view(sizes, _BLANK_RUN)
    handful = windows.max(axis=1)
    usual = _local(handful, packets.times[: len(handful)], _BLANK_NEAR_SECONDS, 0.5)
    small = handful < _BLANK_SHARE * usual
    starts = small & ~np.concatenate([[False], small[:-1]])
    return np.concatenate([starts, np.zeros(_BLANK_RUN - 1, dtype=np.bool_)])


def _local(
    values: NDArray[np.float64], times: NDArray[np.float64], reach: float, share: float
) -> NDArray[np.float64]:
    """The ``share`` quantile of the values within ``reach`` seconds, on a coarse grid."""
    low = np.searchsorted(times, times - reach)
    high = np.searchsorted(times, times + reach, side="right")
    stride = max(1, int(np.median(high - low)) // 16)
    grid = np.arange(0, len(values), stride)
    coarse = [float(np.quantile(values[low[i] : high[i]], share)) for i in grid]
    return np.interp(np.arange(len(values)), grid, coarse)
