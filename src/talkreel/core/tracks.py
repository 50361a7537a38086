"""Shots of the picture and faces followed through them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from talkreel.core.arrays import FloatArray, check_shape, frozen
from talkreel.core.spans import Span


class Transition(StrEnum):
    """How a shot begins."""

    START = "start"
    CUT = "cut"
    FADE = "fade"


@dataclass(frozen=True, slots=True)
class Shot:
    """Picture without a cut; ``span.start`` is the time of its first frame."""

    span: Span
    begins: Transition = Transition.CUT


@dataclass(frozen=True, slots=True, eq=False)
class FaceTrack:
    """One face followed inside one shot.

    Attributes:
        id: unique within an analysis.
        times: [N] source seconds (float64), ascending.
        boxes: [N, 4] left, top, right, bottom as shares (0..1) of the displayed picture.
        scores: [N] detector confidence 0..1; 0 where the box was carried over a detector gap.
        speaking: [N] probability 0..1 that this face speaks; NaN where nobody looked.
        speaker: diarization label of the voice this face was matched to, or None.
    """

    id: int
    times: FloatArray
    boxes: FloatArray
    scores: FloatArray
    speaking: FloatArray
    speaker: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "times", frozen(self.times, np.float64))
        for name in ("boxes", "scores", "speaking"):
            object.__setattr__(self, name, frozen(getattr(self, name)))
        count = len(self.times)
        if count == 0:
            raise ValueError("a face track needs at least one time")
        if np.any(np.diff(self.times) <= 0):
            raise ValueError("face track times must ascend")
        check_shape("boxes", self.boxes, (count, 4))
        check_shape("scores", self.scores, (count,))
        check_shape("speaking", self.speaking, (count,))

    @property
    def span(self) -> Span:
        """First to last time it was seen."""
        return Span(float(self.times[0]), float(self.times[-1]))

    def box_at(self, time: float) -> FloatArray:
        """[4] box at a source second, linear between samples, held beyond the ends."""
        columns = [np.interp(time, self.times, self.boxes[:, i]) for i in range(4)]
        return np.asarray(columns, dtype=np.float32)

    def speaking_over(self, span: Span) -> float:
        """Mean probability of speaking over ``span``; NaN when nobody looked there."""
        inside = (self.times >= span.start) & (self.times < span.end)
        values = self.speaking[inside]
        known = values[~np.isnan(values)]
        return float(known.mean()) if known.size else float("nan")
