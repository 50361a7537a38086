"""Pixels: shots of the whole picture from few frames, faces only inside a candidate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talkreel.core.signals import Signal
from talkreel.core.spans import Span
from talkreel.core.stage import Progress, silent
from talkreel.core.tracks import FaceTrack, Shot, Transition
from talkreel.core.transcript import Word
from talkreel.media.audio import Audio
from talkreel.pipeline.job import Job

# Seen around a candidate, so that boundaries can move into the pauses beside it.
MARGIN_SECONDS = 1.0
LOOK_WIDTH = 320


class Sight:
    """Looks at one media; models load when first needed and stay."""

    def __init__(self, job: Job) -> None:
        self._job = job

    @cached_property
    def _finder(self) -> Any:
        from talkreel.perceive.faces import FaceFinder

        return FaceFinder(self._job.models_dir)

    @cached_property
    def _asd(self) -> Any:
        from talkreel.perceive.active import ActiveSpeaker

        return ActiveSpeaker(self._job.models_dir)

    def shots(self, span: Span | None = None, progress: Progress = silent) -> tuple[Shot, ...]:
        """Shots of ``span`` (all when None); one shot when there is no picture."""
        media = self._job.media
        if media.video is None:
            return (Shot(span or media.span, Transition.START),)
        from talkreel.perceive.shots import ShotDetector

        detector = ShotDetector()
        key = self._job.key(detector.name, detector.version, span=span)
        return self._job.cache.record(
            key, tuple[Shot, ...], lambda: detector(media, span=span, progress=progress)
        )

    def faces(
        self,
        span: Span,
        shots: Sequence[Shot],
        audio: Audio | None,
        voice: Signal,
        words: Sequence[Word],
    ) -> tuple[FaceTrack, ...]:
        """Faces in ``span`` with who speaks, widened by the margin."""
        media = self._job.media
        if media.video is None:
            return ()
        around = span.pad(MARGIN_SECONDS, MARGIN_SECONDS).clamp(media.span)
        inside = tuple(shot for shot in shots if shot.span.overlap(around) > 0)
        spoken = tuple(word for word in words if word.span.overlap(around) > 0)
        key = self._job.key(
            "faces",
            100 * self._finder.version + self._asd.version,
            span=around,
            shots=inside,
            words=spoken,
            detectors=(self._finder.name, self._asd.name),
        )

        def look() -> tuple[FaceTrack, ...]:
            tracks = self._finder(media, [around], inside)
            if audio is None or not tracks:
                return tuple(tracks)
            return tuple(self._asd(media, tracks, audio, voice, inside, words=spoken))

        return self._job.cache.record(key, tuple[FaceTrack, ...], look)

    def look_at(self) -> Callable[[Sequence[float]], list[NDArray[np.uint8]]] | None:
        """Small frames at given times, for the editor; None without picture."""
        media = self._job.media
        if media.video is None:
            return None
        from talkreel.media.frames import FrameReader

        def look(times: Sequence[float]) -> list[NDArray[np.uint8]]:
            with FrameReader(media, width=LOOK_WIDTH) as reader:
                return [frame.image for frame in reader.at(times)]

        return look
