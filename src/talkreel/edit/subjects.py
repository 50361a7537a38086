"""People in a stretch of picture: face tracks joined across detector gaps and sifted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from talkreel.core.arrays import FloatArray
from talkreel.core.spans import Span
from talkreel.core.tracks import FaceTrack

# Tracks of one person around a detector gap: the face moved at most this many face widths
# and kept its size within this factor.
_JOIN_WIDTHS = 1.0
_JOIN_SIZE = 1.6
# Faces below this share of the largest one are background unless they are heard to speak.
_BACKGROUND = 0.55
_SPEAKS = 0.6
# A face seen for less than this is a false hit or somebody passing.
_LEAST_SECONDS = 0.5
_LEAST_SHARE = 0.12
# A real face is found again in most looks; a pattern taken for one is carried over misses.
_LEAST_FOUND = 0.3
# Between samples further apart than this the face was not seen.
HOLE_SECONDS = 0.8


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """One person inside one scene.

    Attributes:
        ids: of the face tracks it was joined from.
        track: their samples together.
        presence: share of the scene in which the face is seen.
    """

    ids: tuple[int, ...]
    track: FaceTrack
    presence: float

    @property
    def height(self) -> float:
        """Median height share of the face."""
        return float(np.median(self.track.boxes[:, 3] - self.track.boxes[:, 1]))

    @property
    def width(self) -> float:
        """Median width share of the face."""
        return float(np.median(self.track.boxes[:, 2] - self.track.boxes[:, 0]))

    @property
    def centre(self) -> tuple[float, float]:
        """Median middle of the face."""
        boxes = self.track.boxes
        x, y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
        return float(np.median(x)), float(np.median(y))

    def seen(self, times: FloatArray) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """[N] whether the face is in the picture at each time, short detector gaps bridged."""
        own = self.track.times
        after = np.clip(np.searchsorted(own, times), 0, len(own) - 1)
        before = np.clip(after - 1, 0, len(own) - 1)
        near = np.minimum(np.abs(own[after] - times), np.abs(times - own[before]))
        inside = (times >= own[0]) & (times <= own[-1]) & (own[after] - own[before] <= HOLE_SECONDS)
        return np.asarray(inside | (near <= 0.3))


def find_subjects(scene: Span, tracks: Sequence[FaceTrack]) -> tuple[Subject, ...]:
    """Everybody who matters in ``scene``, left to right; empty when no face is seen."""
    inside = [part for track in tracks if (part := _within(track, scene)) is not None]
    groups: list[list[FaceTrack]] = []
    for track in sorted(inside, key=lambda t: float(t.times[0])):
        home = next((g for g in groups if _same_person(g[-1], track)), None)
        if home is None:
            groups.append([track])
        else:
            home.append(track)
    subjects = [_joined(group, scene) for group in groups]
    lasting = [s for s in subjects if _lasts(s, scene) and _is_trusted(s)]
    if not lasting:
        return ()
    largest = max(s.height for s in lasting)
    kept = [s for s in lasting if s.height >= _BACKGROUND * largest or _is_heard(s)]
    return tuple(sorted(kept, key=lambda s: s.centre[0]))


def _within(track: FaceTrack, scene: Span) -> FaceTrack | None:
    inside = (track.times >= scene.start - 1e-6) & (track.times < scene.end)
    if not inside.any():
        return None
    return FaceTrack(
        track.id,
        track.times[inside],
        np.clip(track.boxes[inside], 0.0, 1.0),
        track.scores[inside],
        track.speaking[inside],
        track.speaker,
    )


def _same_person(first: FaceTrack, second: FaceTrack) -> bool:
    if second.times[0] <= first.times[-1]:
        return False
    a, b = first.boxes[-1], second.boxes[0]
    size = float((b[3] - b[1]) / max(a[3] - a[1], 1e-6))
    if not 1 / _JOIN_SIZE <= size <= _JOIN_SIZE:
        return False
    across = abs(float(a[0] + a[2] - b[0] - b[2])) / 2 / max(float(a[2] - a[0]), 1e-6)
    down = abs(float(a[1] + a[3] - b[1] - b[3])) / 2 / max(float(a[3] - a[1]), 1e-6)
    return max(across, down) <= _JOIN_WIDTHS


def _joined(group: list[FaceTrack], scene: Span) -> Subject:
    labels = [t.speaker for t in group if t.speaker]
    track = FaceTrack(
        group[0].id,
        np.concatenate([t.times for t in group]),
        np.concatenate([t.boxes for t in group]),
        np.concatenate([t.scores for t in group]),
        np.concatenate([t.speaking for t in group]),
        max(sorted(set(labels)), key=labels.count) if labels else None,
    )
    subject = Subject(tuple(t.id for t in group), track, 0.0)
    grid = np.arange(scene.start, scene.end, 0.1, dtype=np.float64)
    presence = float(subject.seen(grid).mean()) if grid.size else 0.0
    return Subject(subject.ids, track, presence)


def _lasts(subject: Subject, scene: Span) -> bool:
    seconds = subject.presence * scene.duration
    return subject.presence >= _LEAST_SHARE and seconds >= min(_LEAST_SECONDS, scene.duration / 2)


def _is_trusted(subject: Subject) -> bool:
    found = float((subject.track.scores > 0).mean())
    return found >= _LEAST_FOUND or _is_heard(subject)


def _is_heard(subject: Subject) -> bool:
    known = subject.track.speaking[~np.isnan(subject.track.speaking)]
    return bool(known.size) and float(np.percentile(known, 80)) > _SPEAKS
