"""Faces followed through a shot: by overlap, by motion, and over short detector gaps by looks."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from talkreel.core.arrays import FloatArray
from talkreel.core.tracks import FaceTrack
from talkreel.perceive.detectors import Detections, iou

# A face that turns away is carried by its looks for so long; one that is lost altogether
# stands still for less, since an empty box is worse than none.
_CARRY_SECONDS = 2.4
_BLIND_SECONDS = 0.9
_SAME_LOOKS = 0.55
_PATCH_PX = 28
# Fewer hits than this are a blip, unless the shot itself is shorter than a second.
_MIN_HITS = 3
_SHORT_SHOT_SECONDS = 1.0
_MIN_HIT_SHARE = 0.25
_MIN_SCORE = 0.62
# A printed face neither moves nor changes: grey levels between two looks at the same patch.
_STILL_LEVELS = 1.2
_TINY_SHARE = 0.05
_SMOOTH_SECONDS = 0.22


@dataclass(slots=True)
class _Live:
    times: list[float]
    boxes: list[FloatArray]
    scores: list[float]
    patch: NDArray[np.uint8]
    last_hit: int = 0
    blind_seconds: float = 0.0
    changes: list[float] = field(default_factory=list)

    def expected(self, time: float) -> FloatArray:
        """Where the box should be: last place plus a damped share of its last motion."""
        here = self.boxes[-1]
        if len(self.boxes) < 2 or self.last_hit != len(self.boxes) - 1:
            return here
        step = self.times[-1] - self.times[-2]
        share = 0.5 * min(1.0, (time - self.times[-1]) / max(step, 1e-6))
        move = np.tile(((here - self.boxes[-2])[:2] + (here - self.boxes[-2])[2:]) / 2, 2)
        return here + share * move

    def hit(self, time: float, box: FloatArray, score: float, patch: NDArray[np.uint8]) -> None:
        self.changes.append(float(np.abs(patch.astype(float) - self.patch).mean()))
        self.times.append(time)
        self.boxes.append(box)
        self.scores.append(score)
        self.patch = patch
        self.last_hit = len(self.times) - 1
        self.blind_seconds = 0.0

    def carry(self, time: float, box: FloatArray, seen: bool) -> None:
        self.blind_seconds = 0.0 if seen else self.blind_seconds + time - self.times[-1]
        self.times.append(time)
        self.boxes.append(box)
        self.scores.append(0.0)

    def lost(self) -> bool:
        carried = self.times[-1] - self.times[self.last_hit]
        return carried > _CARRY_SECONDS or self.blind_seconds > _BLIND_SECONDS


class Tracker:
    """Follows the faces of one shot; feed pictures in order of time, then ``finish``."""

    def __init__(self) -> None:
        self._live: list[_Live] = []
        self._ended: list[_Live] = []
        self._times: list[float] = []

    def expected(self, time: float) -> list[FloatArray]:
        """[4] boxes in which the followed faces should be at ``time``."""
        return [track.expected(time) for track in self._live]

    def update(self, time: float, found: Detections, gray: NDArray[np.uint8]) -> int:
        """Take one picture's detections; ``gray`` is [H, W]. Returns how many faces were missed."""
        self._times.append(time)
        pairs = _assign([track.expected(time) for track in self._live], found.boxes)
        missed = 0
        for index, track in enumerate(self._live):
            if index in pairs:
                box = found.boxes[pairs[index]]
                track.hit(time, box, float(found.scores[pairs[index]]), _patch(gray, box))
            else:
                missed += 1
                track.carry(time, *_follow(gray, track))
        self._drop_lost()
        fresh = set(range(len(found.boxes))) - set(pairs.values())
        for index in sorted(fresh):
            box = found.boxes[index]
            if not any(iou(box, track.boxes[-1]) > 0.3 for track in self._live):
                score = float(found.scores[index])
                self._live.append(_Live([time], [box], [score], _patch(gray, box)))
        return missed

    def _drop_lost(self) -> None:
        self._ended += [track for track in self._live if track.lost()]
        self._live = [track for track in self._live if not track.lost()]

    def finish(self, first_id: int = 0) -> tuple[FaceTrack, ...]:
        """The tracks worth keeping, in order of time, numbered from ``first_id``."""
        tracks = sorted(self._ended + self._live, key=lambda t: (t.times[0], t.boxes[0][0]))
        length = self._times[-1] - self._times[0] if self._times else 0.0
        kept = [track for track in tracks if _believable(track, length)]
        return tuple(_record(track, first_id + i) for i, track in enumerate(kept))


def _assign(expected: list[FloatArray], boxes: FloatArray) -> dict[int, int]:
    """Track index -> detection index, by overlap or, for a quick move, by nearness and size."""
    if not expected or not len(boxes):
        return {}
    from scipy.optimize import linear_sum_assignment

    gain = np.array([[_affinity(track, box) for box in boxes] for track in expected])
    rows, columns = linear_sum_assignment(-gain)
    return {int(r): int(c) for r, c in zip(rows, columns, strict=True) if gain[r, c] > 0.15}


def _affinity(first: FloatArray, second: FloatArray) -> float:
    size = np.concatenate([first[2:] - first[:2], second[2:] - second[:2]]).reshape(2, 2)
    apart = np.abs(first[:2] + first[2:] - second[:2] - second[2:]) / 2 / size.mean(axis=0)
    ratio = float(size.min(axis=0).prod() / size.max(axis=0).prod())
    near = max(0.0, 1.0 - float(np.hypot(*apart)) / 1.2) * ratio
    return max(iou(first, second), 0.6 * near)


def _patch(gray: NDArray[np.uint8], box: FloatArray) -> NDArray[np.uint8]:
    import cv2

    height, width = gray.shape
    x0, x1 = np.clip(np.round(box[[0, 2]] * width).astype(int), 0, width)
    y0, y1 = np.clip(np.round(box[[1, 3]] * height).astype(int), 0, height)
    if x1 - x0 < 2 or y1 - y0 < 2:
        return np.zeros((_PATCH_PX, _PATCH_PX), np.uint8)
    size = (_PATCH_PX, _PATCH_PX)
    resized = cv2.resize(gray[y0:y1, x0:x1], size, interpolation=cv2.INTER_AREA)
    return np.asarray(resized, dtype=np.uint8)


def _follow(gray: NDArray[np.uint8], track: _Live) -> tuple[FloatArray, bool]:
    """Where the last looks of the face are found again, and whether they are."""
    import cv2

    height, width = gray.shape
    box = track.boxes[-1]
    side = box[2:] - box[:2]
    around = np.concatenate([box[:2] - 0.5 * side, box[2:] + 0.5 * side])
    x0, x1 = np.clip(np.round(around[[0, 2]] * width).astype(int), 0, width)
    y0, y1 = np.clip(np.round(around[[1, 3]] * height).astype(int), 0, height)
    scale = _PATCH_PX / np.maximum(side * (width, height), 1.0)
    size = np.round((x1 - x0, y1 - y0) * scale).astype(int)
    if min(size) < _PATCH_PX:
        return box, False
    region = cv2.resize(gray[y0:y1, x0:x1], tuple(size.tolist()), interpolation=cv2.INTER_AREA)
    answer = cv2.matchTemplate(region, track.patch, cv2.TM_CCOEFF_NORMED)
    _, best, _, place = cv2.minMaxLoc(answer)
    if best < _SAME_LOOKS:
        return box, False
    corner = (np.array((x0, y0)) + np.array(place) / scale) / (width, height)
    return np.concatenate([corner, corner + side]), True


def _believable(track: _Live, shot_seconds: float) -> bool:
    scores = np.array(track.scores)
    hits = scores[: track.last_hit + 1] > 0
    wanted = _MIN_HITS if shot_seconds >= _SHORT_SHOT_SECONDS else 1
    if hits.sum() < wanted or hits.mean() < _MIN_HIT_SHARE:
        return False
    if hits.sum() < 3 * _MIN_HITS and scores[scores > 0].mean() < _MIN_SCORE:
        return False
    boxes = np.array(track.boxes)
    tiny = float(np.median(boxes[:, 2] - boxes[:, 0])) < _TINY_SHARE
    still = len(track.changes) >= 4 and float(np.median(track.changes)) < _STILL_LEVELS
    return not (tiny and still and float(np.ptp(boxes[:, :2], axis=0).max()) < 0.01)


def _record(track: _Live, number: int) -> FaceTrack:
    # What was carried blindly at the end is cut off; what was still seen there stays.
    last = len(track.times)
    if track.blind_seconds > 0:
        last = track.last_hit + 1
    times = np.array(track.times[:last])
    boxes = np.clip(_smooth(times, np.array(track.boxes[:last])), 0.0, 1.0)
    unknown = np.full(last, np.nan)
    return FaceTrack(number, times, boxes, np.array(track.scores[:last]), unknown)


def _smooth(times: FloatArray, boxes: FloatArray) -> FloatArray:
    """Gaussian over time: detector boxes tremble by a few per cent of their size."""
    weights = np.exp(-0.5 * ((times[:, None] - times[None]) / _SMOOTH_SECONDS) ** 2)
    return np.asarray(weights @ boxes / weights.sum(axis=1, keepdims=True))
