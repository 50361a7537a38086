"""Faces inside given spans: sparse, small pictures, one set of tracks per shot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from talkreel.core.media import Media
from talkreel.core.spans import Span, merge
from talkreel.core.stage import Progress, silent
from talkreel.core.tracks import FaceTrack, Shot
from talkreel.media.frames import Frame, FrameReader
from talkreel.perceive.detectors import (
    Detections,
    Detector,
    load_detector,
    look_everywhere,
    look_near,
)
from talkreel.perceive.tracking import Tracker

_RATE_HZ = 5.0
# The whole picture is searched for newcomers this often; in between only around known faces.
_SEARCH_SECONDS = 0.8
# A more thorough (larger) search than the one that would do now.
_THOROUGH_SECONDS = 4.0
# Pictures are read with this short side; larger searches enlarge them.
_SHORT_SIDE_PX = 540


class FaceFinder:
    """Finds faces and follows each through its shot.

    Args:
        models_dir: folder to look for detector weights first; see ``find_weights``.
    """

    version = 1

    def __init__(self, models_dir: Path | None = None) -> None:
        self._detector = load_detector(models_dir)
        self.name = f"faces-{self._detector.name}"

    def __call__(
        self,
        media: Media,
        spans: Sequence[Span],
        shots: Sequence[Shot],
        *,
        progress: Progress = silent,
    ) -> tuple[FaceTrack, ...]:
        """Tracks in order of time, none crossing a cut or leaving ``spans``.

        Without ``shots`` every span counts as one shot. Media without picture has no faces.
        """
        pieces = shot_pieces(media, spans, shots)
        total = sum(piece.duration for piece in pieces)
        tracks: list[FaceTrack] = []
        if media.video is None or total == 0:
            progress(1.0)
            return ()
        done = 0.0
        with FrameReader(media, width=_read_width(media)) as reader:
            for piece in pieces:
                search = _ShotSearch(self._detector)
                for frame in reader.sample(piece, _RATE_HZ):
                    search.look(frame)
                    progress(min(1.0, (done + frame.time - piece.start) / total))
                done += piece.duration
                tracks.extend(search.tracker.finish(len(tracks)))
        progress(1.0)
        return tuple(tracks)


class _ShotSearch:
    """Decides for each picture of a shot how hard to look."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self.tracker = Tracker()
        self._searched = -np.inf
        self._thorough = -np.inf

    def look(self, frame: Frame) -> None:
        import cv2

        expected = self.tracker.expected(frame.time)
        parts = [look_near(self._detector, frame.image, box) for box in expected]
        if frame.time - self._searched > _SEARCH_SECONDS - 1e-3:
            parts.append(self._search(frame, bool(expected)))
        gray = cv2.cvtColor(frame.image, cv2.COLOR_RGB2GRAY)
        self.tracker.update(frame.time, Detections.joined(parts), gray)

    def _search(self, frame: Frame, followed: bool) -> Detections:
        """Cheap while faces are followed; up to the largest size where none are."""
        self._searched = frame.time
        thorough = frame.time - self._thorough > _THOROUGH_SECONDS - 1e-3
        if thorough:
            self._thorough = frame.time
        sides = self._detector.short_sides_px
        if followed:
            side = sides[1] if thorough else sides[0]
            return look_everywhere(self._detector, frame.image, side)
        for side in sides if thorough else sides[:2]:
            found = look_everywhere(self._detector, frame.image, side)
            if len(found.boxes):
                return found
        return Detections.none()


def shot_pieces(media: Media, spans: Sequence[Span], shots: Sequence[Shot]) -> tuple[Span, ...]:
    """``spans`` merged, clamped to the media and cut at shots; empty pieces left out."""
    inside = [span.clamp(media.span) for span in merge(spans)]
    if not shots:
        return tuple(span for span in inside if span.duration > 0)
    parts = (span.intersect(shot.span) for span in inside for shot in shots)
    return tuple(part for part in parts if part is not None)


def _read_width(media: Media) -> int:
    assert media.video is not None
    width, height = media.video.width, media.video.height
    return max(16, round(width * min(1.0, _SHORT_SIDE_PX / min(width, height))))
