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
# The packet in which a cut lies holds nearly a whole new picture. With x264 and no keyframe at
# cuts it was, over 60 cuts, at least 0.56 of the smaller of the two keyframes around it, 1.0 of
# the third largest packet within 1.5 s and 2.1 of the third largest among its close neighbours.
_NEAR_SECONDS = 1.5
_CLOSE_PACKETS = 8
_RANK = 3
_SHARE_OF_KEYFRAME = 0.45
_OVER_NEAR = 0.85
_OVER_CLOSE = 1.5
# In very quiet pictures a cut to a plainer one may be small beside the keyframe; it still
# towers over its neighbours.
_TOWERING = 4.0
_TOWERING_SHARE = 0.12
# A blank stretch costs next to nothing: the largest of a few packets in a row falls below this
# part of what such a handful usually holds here.
_BLANK_RUN = 6
_BLANK_SHARE = 0.1
_BLANK_NEAR_SECONDS = 4.0
# A dissolve fills its packets: those of a short time together hold as much as this part of the
# smaller keyframe around, and this many times what such a time usually holds here.
_SWELL_SECONDS = 0.4
_SWELL_SHARE = 0.8
_SWELL_OVER_USUAL = 2.5
# In all-intra files a cut is a step in size; neighbours differ by less.
_ALL_INTRA_SHARE = 0.9
_INTRA_STEP = 0.06
_INTRA_OVER_USUAL = 5.0
# Packets this short before a keyframe tell whether the picture was at rest; one may be large.
_TAIL_SECONDS = 0.4
_TAIL_SHARE = 0.25
_TAIL_OVER_USUAL = 1.2


@dataclass(frozen=True, slots=True)
class Stretch:
    """Packets ``first .. last`` (half-open, order of display) from one anchor to the next.

    Attributes:
        first: index of a keyframe.
        last: index of the next anchor, or the number of packets.
        spikes: packets that may hold a new picture, ascending.
        shares: of each spike, its size over that of the smaller keyframe around it.
        blanks: packets at which a stretch of next to nothing begins, ascending.
        swells: first and last packets of times with many large packets, as in dissolves, ascending.
        forced: whether the next anchor seems to stand where it does because of the picture
            and not because of a fixed keyframe distance.
        rests: whether the packets just before the next anchor are no larger than others.
    """

    first: int
    last: int
    spikes: tuple[int, ...]
    shares: tuple[float, ...]
    blanks: tuple[int, ...]
    swells: tuple[int, ...]
    forced: bool
    rests: bool


def stretches(packets: PacketIndex) -> tuple[Stretch, ...]:
    """Cut the stream at its keyframes and mark suspect packets; empty for no packets."""
    if not len(packets):
        return ()
    anchors = _anchors(packets)
    bounds = [*anchors, len(packets)]
    intra = np.count_nonzero(packets.keyframe) > _ALL_INTRA_SHARE * len(packets)
    shares = _shares(packets)
    spikes = np.flatnonzero(_size_steps(packets) if intra else _spikes(packets, shares))
    blanks = np.flatnonzero(_blank_starts(packets))
    swells = np.flatnonzero(_swell_bounds(packets))
    forced = _forced(np.diff(bounds))
    found = []
    for place, (first, last) in enumerate(pairwise(bounds)):
        inside = _between(spikes, first, last)
        found.append(
            Stretch(
                first,
                last,
                inside,
                tuple(float(shares[i]) for i in inside),
                _between(blanks, first, last),
                _between(swells, first, last),
                bool(forced[place]) and last < len(packets),
                _rests(packets, first, last),
            )
        )
    return tuple(found)


def _between(places: NDArray[np.int64], first: int, last: int) -> tuple[int, ...]:
    return tuple(int(place) for place in places if first < place < last)


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
    start = int(np.searchsorted(packets.times, packets.times[last - 1] - _TAIL_SECONDS))
    inner = packets.sizes[first + 1 : last]
    tail = packets.sizes[max(first + 1, start) : last]
    if not tail.size:
        return False
    usual = max(_TAIL_SHARE * packets.sizes[first], _TAIL_OVER_USUAL * np.quantile(inner, 0.9))
    return bool(np.sort(tail)[-2:].min() <= usual)


def _size_steps(packets: PacketIndex) -> NDArray[np.bool_]:
    logs = np.log(np.maximum(packets.sizes, 1).astype(np.float64))
    steps = np.abs(np.diff(logs, prepend=logs[0]))
    usual = _local(steps, packets.times, _NEAR_SECONDS, 0.5)
    return np.asarray((steps > _INTRA_STEP) & (steps > _INTRA_OVER_USUAL * usual))


def _shares(packets: PacketIndex) -> NDArray[np.float64]:
    """Sizes over that of the smaller keyframe around; 0 for keyframes and where there is none."""
    keys, sizes = np.flatnonzero(packets.keyframe), packets.sizes.astype(np.float64)
    if not keys.size:
        return np.zeros(len(packets))
    after = np.clip(np.searchsorted(keys, np.arange(len(packets))), 0, len(keys) - 1)
    before = np.clip(after - 1, 0, None)
    whole = np.minimum(sizes[keys[before]], sizes[keys[after]])
    return np.where(packets.keyframe, 0.0, sizes / np.maximum(whole, 1.0))


def _spikes(packets: PacketIndex, shares: NDArray[np.float64]) -> NDArray[np.bool_]:
    times, sizes = packets.times, packets.sizes.astype(np.float64)
    inner = np.flatnonzero(~packets.keyframe)
    marked = np.zeros(len(times), dtype=np.bool_)
    share = shares[inner]
    low = np.searchsorted(times[inner], times[inner] - _NEAR_SECONDS)
    high = np.searchsorted(times[inner], times[inner] + _NEAR_SECONDS, side="right")
    flat = sizes[inner]
    for at in np.flatnonzero(share >= _TOWERING_SHARE).tolist():
        near = flat[at] / _third_largest(flat, at, int(low[at]), int(high[at]))
        close = flat[at] / _third_largest(flat, at, at - _CLOSE_PACKETS, at + _CLOSE_PACKETS + 1)
        spike = share[at] >= _SHARE_OF_KEYFRAME and near >= _OVER_NEAR and close >= _OVER_CLOSE
        marked[inner[at]] = spike or near >= _TOWERING
    return marked


def _third_largest(sizes: NDArray[np.float64], at: int, low: int, high: int) -> float:
    """Among ``sizes[low:high]`` without ``at``; of fewer than three the smallest."""
    low = max(0, low)
    others = np.delete(sizes[low:high], at - low)
    rank = min(_RANK, others.size)
    return max(1.0, float(np.partition(others, -rank)[-rank])) if rank else 1.0


def _blank_starts(packets: PacketIndex) -> NDArray[np.bool_]:
    """First packets of stretches that cost next to nothing: black, white or a frozen picture."""
    sizes = np.where(packets.keyframe, np.inf, packets.sizes)
    if len(sizes) <= _BLANK_RUN:
        return np.zeros(len(sizes), dtype=np.bool_)
    windows = np.lib.stride_tricks.sliding_window_view(sizes, _BLANK_RUN)
    handful = windows.max(axis=1)
    finite = np.where(np.isinf(handful), 0.0, handful)
    usual = _local(finite, packets.times[: len(handful)], _BLANK_NEAR_SECONDS, 0.5)
    small = handful < _BLANK_SHARE * usual
    starts = small & ~np.concatenate([[False], small[:-1]])
    return np.concatenate([starts, np.zeros(_BLANK_RUN - 1, dtype=np.bool_)])


def _swell_bounds(packets: PacketIndex) -> NDArray[np.bool_]:
    """First and last packets of each time that holds as much as a dissolve does."""
    shares = _shares(packets)
    total = np.concatenate([[0.0], np.cumsum(shares)])
    until = np.searchsorted(packets.times, packets.times + _SWELL_SECONDS)
    held = total[until] - total[:-1]
    usual = _local(held, packets.times, _BLANK_NEAR_SECONDS, 0.5)
    large = (held >= _SWELL_SHARE) & (held >= _SWELL_OVER_USUAL * usual)
    bounds = np.zeros(len(packets), dtype=np.bool_)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], large, [False]])))
    bounds[edges[::2]] = True
    bounds[until[edges[1::2] - 1] - 1] = True
    return bounds


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
