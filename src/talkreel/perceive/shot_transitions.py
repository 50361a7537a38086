"""Cuts, dissolves and fades in a run of consecutive small pictures."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from talkreel.core.tracks import Transition
from talkreel.perceive.shot_compare import (
    Signatures,
    blend,
    brightness,
    difference,
    level_of,
    parts,
)

# A change counts as a cut from this level on (see ``shot_compare``) ...
CUT_LEVEL = 1.25
# Where nothing moves at all (slides, stills) a lower level is as sure.
CUT_LEVEL_IN_STILLS = 1.0
_STILL_COLOUR = 0.3
# ... when it is also this many times the usual change between neighbouring frames here (plus
# one grey level, so that a still picture has a usual change): pans reach 1.5, cuts start at 5.
_OVER_USUAL = 3.0
# ... and twice the change between the frames right beside it: a camera that swings round takes
# several frames in which nearly everything changes, a cut one.
_OVER_CLOSE = 2.0
_USUAL_SECONDS = 0.3
_USUAL_FRAMES = 4
# A flash lasts up to this long: one to four frames at 25 frames per second.
_FLASH_SECONDS = 0.17
# The picture from before is back when the change to it is this part of the change to the flash,
# or when only its brightness differs.
_BACK_SHARE = 0.5
_BACK_AT_MOST = 1.5
_SAME_STRUCTURE = 0.12
# Two cuts are at least this far apart; of closer ones the stronger stands.
LEAST_SHOT_SECONDS = 0.2
# Lengths of dissolves and fades that are looked for.
_FADE_SECONDS = (0.24, 0.5, 1.0, 2.0)
# A mix of two pictures leaves this much of their distance at most; a pan leaves 0.6 and more.
_MIX_REST = 0.25
_MIX_BACKWARD = 0.08
_MIX_STEP = 0.6
_MIX_LEVEL = 1.6
# The less the ends differ, the better the mix must fit: pans that pass for one differ by 1.7
# and leave 0.2, true ones differ by 1.9 to 7 and leave 0.01 to 0.16.
_MIX_REST_AT_NONE = 0.08
_MIX_REST_PER_LEVEL = 0.05
# A window on a mix is widened while that adds this much to the difference of its ends.
_WIDER = 1.03
# Light that goes up or down keeps the structure and is no new shot.
_FADE_STRUCTURE = 0.3
# Black: the brightest parts are this dark, and this much darker than what is around.
_BLACK = 32.0
_BLACK_SHARE = 0.35
# A black hold up to this long belongs to the fade around it.
_DIP_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Change:
    """A new shot begins at ``time`` seconds; ``level`` says how different it is."""

    time: float
    kind: Transition
    level: float


@dataclass(frozen=True, slots=True)
class _Mix:
    first: int
    middle: int
    last: int
    level: float


def find_changes(
    times: NDArray[np.float64],
    pictures: Signatures,
    *,
    opens: bool = False,
    closes: bool = False,
) -> tuple[Change, ...]:
    """Cuts and fades among consecutive frames.

    A cut is at the time of the first frame of the new shot; a dissolve at the first frame
    that shows more of the new shot than of the old; a fade through black at the middle of the
    black.

    Args:
        times: [N] seconds, ascending.
        pictures: [N, 27, 48, 3].
        opens: the first frame is the first of the film, so a fade in from black begins no shot.
        closes: likewise at its end.
    """
    if len(times) < 2:
        return ()
    step = float(np.median(np.diff(times)))
    cuts = _cuts(pictures, step)
    mixes = _mixes(pictures, [i for i, _ in cuts], step)
    changes = [Change(float(times[i]), Transition.CUT, level) for i, level in cuts]
    light = brightness(pictures)
    mixes = [mix for mix in mixes if not _at_edge(times, light, mix, opens, closes)]
    changes += _fades(times, light, mixes)
    return separate(changes)


def separate(changes: list[Change]) -> tuple[Change, ...]:
    """In order of time, of any closer than the shortest shot only the strongest."""
    kept: list[Change] = []
    for change in sorted(changes, key=lambda c: (-c.level, c.time)):
        if all(abs(change.time - other.time) >= LEAST_SHOT_SECONDS for other in kept):
            kept.append(change)
    return tuple(sorted(kept, key=lambda c: c.time))


def _frames(seconds: float, step: float) -> int:
    return max(1, round(seconds / step)) if step > 0 else 1


def _cuts(pictures: Signatures, step: float) -> list[tuple[int, float]]:
    colour, structure = parts(pictures[1:], pictures[:-1])
    levels = level_of(colour, structure)
    usual = _usual(colour, max(_USUAL_FRAMES, _frames(_USUAL_SECONDS, step)))
    enough = np.where(usual < _STILL_COLOUR, CUT_LEVEL_IN_STILLS, CUT_LEVEL)
    strong = (levels >= enough) & (structure > _SAME_STRUCTURE / 2)
    strong &= colour >= _OVER_USUAL * (usual + 1.0)
    strong &= colour >= _OVER_CLOSE * (_beside(colour) + 1.0)
    reach = _frames(_FLASH_SECONDS, step)
    found = []
    for place in np.flatnonzero(strong):
        at = int(place) + 1
        if not _is_flash(pictures, at, float(levels[place]), reach):
            found.append((at, float(levels[place])))
    return found


def _usual(values: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    """Median of up to ``reach`` neighbours on each side, without the value itself."""
    padded = np.pad(values, reach, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1).copy()
    windows[:, reach] = np.nan
    if len(values) == 1:
        return np.zeros(1)
    return np.asarray(np.nanmedian(windows, axis=1))


def _beside(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of the two neighbours on the left or on the right, whichever is larger."""
    padded = np.pad(values, 2)
    count = len(values)
    left, right = (
        (padded[first : first + count] + padded[second : second + count]) / 2
        for first, second in ((0, 1), (3, 4))
    )
    return np.asarray(np.maximum(left, right))


def _is_flash(pictures: Signatures, at: int, change: float, reach: int) -> bool:
    """Whether the picture before ``at`` is back soon, or the one at ``at`` was there before."""
    later = pictures[at + 1 : at + 1 + reach]
    earlier = pictures[max(0, at - 1 - reach) : at - 1]
    return _returns(pictures[at - 1], later, change) or _returns(pictures[at], earlier, change)


def _returns(reference: Signatures, others: Signatures, change: float) -> bool:
    if not len(others):
        return False
    colour, structure = parts(others, reference)
    back = level_of(colour, structure) < _BACK_SHARE * min(change, _BACK_AT_MOST)
    return bool(np.any(back & (structure < _SAME_STRUCTURE)))


def _mixes(pictures: Signatures, cuts: list[int], step: float) -> list[_Mix]:
    found: list[_Mix] = []
    light = brightness(pictures)
    for seconds in _FADE_SECONDS:
        width = max(3, _frames(seconds, step))
        starts = np.arange(0, len(pictures) - width, max(1, width // 4))
        if not len(starts):
            continue
        levels = difference(pictures[starts], pictures[starts + width])
        for first in starts[levels >= CUT_LEVEL]:
            last = int(first) + width
            if any(first < cut <= last for cut in cuts):
                continue
            if any(mix.first <= first and last <= mix.last for mix in found):
                continue
            mix = _fit(pictures, light, cuts, int(first), last)
            if mix is not None:
                found = _keep_stronger(found, mix)
    return sorted(found, key=lambda mix: mix.middle)


def _keep_stronger(found: list[_Mix], mix: _Mix) -> list[_Mix]:
    rivals = [other for other in found if other.first < mix.last and mix.first < other.last]
    if any(other.level >= mix.level for other in rivals):
        return found
    return [other for other in found if other not in rivals] + [mix]


def _fit(
    pictures: Signatures, light: NDArray[np.float64], cuts: list[int], first: int, last: int
) -> _Mix | None:
    """The whole mix around ``first .. last``, or None where these frames are none."""
    if not _is_mix(pictures[first : last + 1]):
        return None
    first, last, level = _grow(pictures, cuts, first, last)
    _, structure = parts(pictures[first], pictures[last])
    same = float(structure[0]) < _FADE_STRUCTURE
    low, high = sorted((light[first], light[last]))
    if level < _MIX_LEVEL or (same and not _is_black(low, high)):
        return None
    share, rest = blend(pictures[first : last + 1])
    if rest.max() > _MIX_REST_AT_NONE + _MIX_REST_PER_LEVEL * level:
        return None
    begin, middle, end = (first + int(np.argmax(share >= mark)) for mark in (0.1, 0.5, 0.9))
    return _Mix(begin, middle, end, level)


def _grow(pictures: Signatures, cuts: list[int], first: int, last: int) -> tuple[int, int, float]:
    """Widen a mix, not over a cut, while its ends come to differ more."""
    level = float(difference(pictures[first], pictures[last])[0])
    step = max(1, (last - first) // 4)
    lowest = max([cut for cut in cuts if cut <= first], default=0)
    highest = min([cut for cut in cuts if cut > last], default=len(pictures)) - 1
    grown = True
    while grown:
        grown = False
        for low, high in ((first - step, last), (first, last + step)):
            if low < lowest or high > highest:
                continue
            wider = float(difference(pictures[low], pictures[high])[0])
            if wider > _WIDER * level and _is_mix(pictures[low : high + 1]):
                first, last, level, grown = low, high, wider, True
    return first, last, level


def _is_mix(pictures: Signatures) -> bool:
    share, rest = blend(pictures)
    steps = np.diff(share)
    return bool(
        rest.max() <= _MIX_REST and steps.min() >= -_MIX_BACKWARD and steps.max() <= _MIX_STEP
    )


def _fades(
    times: NDArray[np.float64], light: NDArray[np.float64], mixes: list[_Mix]
) -> list[Change]:
    """One change for each mix; the two sides of a dip to black become one in its middle."""
    changes: list[Change] = []
    skip = False
    for mix, after in zip_longest(mixes, mixes[1:]):
        if skip:
            skip = False
            continue
        time, level = float(times[mix.middle]), mix.level
        if after is not None and times[after.first] - times[mix.last] <= _DIP_SECONDS:
            between = light[mix.middle : after.middle + 1]
            black = np.flatnonzero(_is_black(between, min(light[mix.first], light[after.last])))
            if len(black):
                time = float(times[mix.middle + (black[0] + black[-1] + 1) // 2])
                level, skip = max(level, after.level), True
        changes.append(Change(time, Transition.FADE, level))
    return changes


def _is_black(light: NDArray[np.float64] | float, around: float) -> NDArray[np.bool_] | np.bool_:
    return np.asarray(light) < min(_BLACK, _BLACK_SHARE * around)


def _at_edge(
    times: NDArray[np.float64], light: NDArray[np.float64], mix: _Mix, opens: bool, closes: bool
) -> bool:
    """A fade from black at the beginning or to black at the end: no shot on its far side."""
    before, behind = light[: mix.first], light[mix.last + 1 :]
    opening = (
        opens
        and times[mix.first] - times[0] <= _DIP_SECONDS
        and np.all(_is_black(before, light[mix.last]))
    )
    closing = (
        closes
        and times[-1] - times[mix.last] <= _DIP_SECONDS
        and np.all(_is_black(behind, light[mix.first]))
    )
    return bool(opening or closing)
