"""The camera on one person: still where possible, else a calm follow with few keys."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from talkreel.core.arrays import FloatArray
from talkreel.core.edits import CropKey, CropPath, Motion
from talkreel.core.spans import Span
from talkreel.core.tracks import FaceTrack
from talkreel.edit.geometry import View

# Eyes lie at this share of a face box from its top, and belong at this share of the crop: the
# upper-third rule of portrait framing, with head room above.
EYES_IN_FACE = 0.4
EYES_IN_CROP = 0.39
# Where the face is smaller than this share of the crop's height, punch in until it is about
# the second, as far as the upscale limit lets it.
_SMALL_FACE = 0.12
_WANTED_FACE = 0.17
_LEAST_GAIN = 1.06
# The face may wander this share of the crop's width to either side before the camera moves.
DEAD_ZONE = 0.16
# For a face nearly as wide as the crop there is no such room, but its nodding is no walk.
_LEAST_ZONE = 0.09
# Crop widths a second; above it the camera lags instead of whipping.
SPEED_LIMIT = 0.35
# Detectors box brows to chin; a head with its hair and some air is about this many boxes wide.
HEAD_IN_FACES = 2.0
# Less movement than this share of a crop's width is not worth moving for.
_LEAST_TRAVEL = 0.04
_KEYS_PER_SECOND = 2.0
_STEP_SECONDS = 0.2
_MEDIAN_SAMPLES = 5


@dataclass(frozen=True, slots=True)
class Follow:
    """A crop path and how well it holds its subject.

    Attributes:
        path: over the asked span.
        held: share of the samples whose face centre is inside the middle 90 % of the crop.
    """

    path: CropPath
    held: float


def crop_height(view: View, face_height: float) -> float:
    """Height share of the crop for a face of ``face_height`` (share of the picture)."""
    if face_height >= _SMALL_FACE * view.largest:
        return view.largest
    height = max(view.smallest, face_height / _WANTED_FACE)
    return height if height * _LEAST_GAIN <= view.largest else view.largest


def follow_face(
    view: View, track: FaceTrack, span: Span, wanted_height: float | None = None
) -> Follow:
    """The camera on the face of ``track`` over ``span``.

    The face's way is smoothed; the path is the shortest one that keeps the face's middle in
    the dead zone (a taut string in a tube, which also has the fewest reversals), limited in
    speed. Only one axis has room in a full-size crop; a punched-in crop holds its height still
    and grows until the face stays inside it.

    Args:
        view: the picture and the place it fills.
        track: the face.
        span: source clock.
        wanted_height: of the crop, as a share of the picture; None chooses by the face's size.
    """
    times, centres, tops, bottoms = _smoothed(track, span)
    faces_high = float(np.median(bottoms - tops))
    wanted = crop_height(view, faces_high) if wanted_height is None else wanted_height
    width, height = view.size(wanted)
    eyes = float(np.median(tops + EYES_IN_FACE * (bottoms - tops)))
    top = eyes - EYES_IN_CROP * height
    while height < view.largest and not _stays_inside(view, top, height, tops, bottoms):
        width, height = view.size(1.2 * height)
        top = eyes - EYES_IN_CROP * height
    face_width = float(np.median(track.boxes[:, 2] - track.boxes[:, 0]))
    dead = max(
        _LEAST_ZONE * width, min(DEAD_ZONE * width, (width - HEAD_IN_FACES * face_width) / 2)
    )
    keys = camera_keys(times, centres, dead, width)
    path = _as_path(view, keys, top, height)
    return Follow(path, _held(path, times, centres))


def _smoothed(
    track: FaceTrack, span: Span
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Even times over ``span`` and the face's middle x, top and bottom there ([N] each)."""
    count = max(2, int(np.ceil(span.duration / _STEP_SECONDS)) + 1)
    times = np.linspace(span.start, span.end, count)
    boxes = np.clip(track.boxes.astype(np.float64), 0.0, 1.0)
    raw = ((boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 1], boxes[:, 3])
    x, top, bottom = (_median(np.interp(times, track.times, values)) for values in raw)
    return times, x, top, bottom


def _median(values: FloatArray) -> FloatArray:
    """Running median, the ends held."""
    half = _MEDIAN_SAMPLES // 2
    padded = np.pad(values, half, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, _MEDIAN_SAMPLES)
    return np.asarray(np.median(windows, axis=1))


def _stays_inside(
    view: View, top: float, height: float, tops: FloatArray, bottoms: FloatArray
) -> bool:
    """Whether the face keeps head and chin room in a crop that does not move up or down."""
    _, y0, _, y1 = view.box(0.5, top, height)
    room = 0.3 * float(np.median(bottoms - tops))
    high, low = np.percentile(tops, 5), np.percentile(bottoms, 95)
    return bool(high - room >= y0 or y0 <= 0.0) and bool(low + room <= y1 or y1 >= 1.0)


def _as_path(view: View, keys: list[tuple[float, float]], top: float, height: float) -> CropPath:
    boxes = [(time, view.box(x, top, height)) for time, x in keys]
    merged = [boxes[0]]
    for i, (time, box) in enumerate(boxes[1:], start=1):
        still_before = abs(box[0] - merged[-1][1][0]) < 1e-4
        still_after = i + 1 == len(boxes) or abs(boxes[i + 1][1][0] - box[0]) < 1e-4
        if not (still_before and still_after):
            merged.append((time, box))
    motion = Motion.LINEAR if len(merged) > 1 else Motion.HOLD
    return CropPath(tuple(CropKey(time, box) for time, box in merged), motion)


def _held(path: CropPath, times: FloatArray, centres: FloatArray) -> float:
    inside = 0
    for time, x in zip(times, centres, strict=True):
        left, _, right, _ = path.box_at(float(time))
        margin = 0.05 * (right - left)
        # At the picture's own edge the crop cannot go further, and need not.
        low = left + margin if left > 1e-6 else left
        high = right - margin if right < 1 - 1e-6 else right
        inside += low <= x <= high
    return inside / len(times)


def camera_keys(
    times: FloatArray, centres: FloatArray, dead: float, width: float
) -> list[tuple[float, float]]:
    """Keys (time, centre) of the camera over the samples of the subject's middle.

    Args:
        times: [N] ascending seconds.
        centres: [N] the subject's middle, shares of the picture.
        dead: half width of the dead zone, same shares.
        width: of the crop, same shares.
    """
    low, high = centres - dead, centres + dead
    if float(low.max()) <= float(high.min()):
        middle = float(np.clip(np.median(centres), low.max(), high.min()))
        return [(float(times[0]), middle)]
    knots = taut_string(low, high)
    path: FloatArray = np.interp(
        np.arange(len(times)), [i for i, _ in knots], [v for _, v in knots]
    )
    if float(path.max() - path.min()) < _LEAST_TRAVEL * width:
        return [(float(times[0]), float(np.median(path)))]
    fastest = float(np.abs(np.diff(path) / np.diff(times)).max())
    if fastest <= SPEED_LIMIT * width:
        chosen = sorted({i for i, _ in knots} | {0, len(times) - 1})
    else:
        path = _slowed(times, path, SPEED_LIMIT * width)
        chosen = list(range(len(times)))
    allowed = max(3, int(_KEYS_PER_SECOND * float(times[-1] - times[0])))
    tolerance = 0.005 * width
    kept = _simplified(times[chosen], path[chosen], tolerance)
    while len(kept) > allowed:
        tolerance *= 1.5
        kept = _simplified(times[chosen], path[chosen], tolerance)
    return [(float(times[chosen[i]]), float(path[chosen[i]])) for i in kept]


def taut_string(low: FloatArray, high: FloatArray) -> list[tuple[int, float]]:
    """Corners (index, value) of the shortest path with ``low <= path <= high``, ends free."""
    last = len(low) - 1
    begin, finish = _free_end(low, high), _free_end(low[::-1], high[::-1])
    corners = [(0, begin)]
    while corners[-1][0] < last:
        corners.append(_next_corner(low, high, corners[-1], finish))
    return corners


def _free_end(low: FloatArray, high: FloatArray) -> float:
    """Where a path that may start anywhere starts: level for as long as the tube lets it."""
    floor, ceiling = -np.inf, np.inf
    for a, b in zip(low, high, strict=True):
        if a > ceiling:
            return float(ceiling)
        if b < floor:
            return float(floor)
        floor, ceiling = max(floor, float(a)), min(ceiling, float(b))
    return float((floor + ceiling) / 2)


def _next_corner(
    low: FloatArray, high: FloatArray, corner: tuple[int, float], finish: float
) -> tuple[int, float]:
    """The next bend after ``corner``: pull straight until a wall is in the way."""
    index, value = corner
    last = len(low) - 1
    least, most = -np.inf, np.inf
    at_least = at_most = index + 1
    for j in range(index + 1, last + 1):
        span = j - index
        a = finish if j == last else float(low[j])
        b = finish if j == last else float(high[j])
        rise, fall = (a - value) / span, (b - value) / span
        if rise > most:
            return at_most, float(high[at_most])
        if fall < least:
            return at_least, float(low[at_least])
        if rise >= least:
            least, at_least = rise, j
        if fall <= most:
            most, at_most = fall, j
    return last, finish


def _slowed(times: FloatArray, path: FloatArray, speed: float) -> FloatArray:
    """``path`` with its speed limited.

    The mean of a pass each way neither lags nor leads, and a mean of two paths within the
    limit is within it too.
    """
    step = speed * np.diff(times)
    forward, backward = path.astype(np.float64), path.astype(np.float64)
    for i in range(1, len(path)):
        forward[i] = np.clip(path[i], forward[i - 1] - step[i - 1], forward[i - 1] + step[i - 1])
    for i in range(len(path) - 2, -1, -1):
        backward[i] = np.clip(path[i], backward[i + 1] - step[i], backward[i + 1] + step[i])
    return np.asarray((forward + backward) / 2)


def _simplified(times: FloatArray, values: FloatArray, tolerance: float) -> list[int]:
    """Indices of the Douglas-Peucker simplification (chords keep a speed limit)."""
    keep = {0, len(times) - 1}
    stack = [(0, len(times) - 1)]
    while stack:
        a, b = stack.pop()
        if b - a < 2:
            continue
        line = np.interp(times[a : b + 1], times[[a, b]], values[[a, b]])
        away = np.abs(values[a : b + 1] - line)
        worst = a + int(away.argmax())
        if away[worst - a] > tolerance:
            keep.add(worst)
            stack += [(a, worst), (worst, b)]
    return sorted(keep)
