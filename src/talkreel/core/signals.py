"""A curve over the source clock: loudness, pitch, laughter, engagement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from talkreel.core.arrays import FloatArray, frozen
from talkreel.core.spans import Span


@dataclass(frozen=True, slots=True, eq=False)
class Signal:
    """Evenly sampled values; NaN means "not known here".

    Attributes:
        name: what it measures, e.g. ``loudness``.
        values: [N] or [N, C]; sample ``i`` stands for ``start + i*step`` .. ``+ step``.
        unit: e.g. ``LUFS``, ``Hz``, ``probability``.
        start: source second of the first sample.
        step: seconds between samples, > 0.
        channels: names of the C columns; empty for one-dimensional values.
    """

    name: str
    values: FloatArray
    unit: str
    start: float = 0.0
    step: float = 1.0
    channels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", frozen(self.values))
        if self.step <= 0:
            raise ValueError(f"a signal needs a positive step, got {self.step}")
        columns = 0 if self.values.ndim == 1 else self.values.shape[-1]
        if self.values.ndim not in (1, 2) or columns != len(self.channels):
            raise ValueError(
                f"signal {self.name}: values {self.values.shape} do not fit "
                f"{len(self.channels)} channel names"
            )

    @property
    def span(self) -> Span:
        """What the samples cover."""
        return Span(self.start, self.start + len(self.values) * self.step)

    @property
    def times(self) -> FloatArray:
        """[N] middle of each sample in source seconds (float64)."""
        count = len(self.values)
        return np.asarray(self.start + (np.arange(count) + 0.5) * self.step, dtype=np.float64)

    def over(self, span: Span) -> FloatArray:
        """The samples that ``span`` touches (a view; empty when outside)."""
        first = max(0, int(np.floor((span.start - self.start) / self.step + 1e-9)))
        last = max(first, int(np.ceil((span.end - self.start) / self.step - 1e-9)))
        return self.values[first:last]

    def at(self, time: float) -> FloatArray:
        """The sample that covers ``time`` (the nearest beyond the ends); empty signals raise."""
        if not len(self.values):
            raise ValueError(f"signal {self.name} is empty")
        index = int(np.clip((time - self.start) // self.step, 0, len(self.values) - 1))
        return np.asarray(self.values[index])

    def mean_over(self, span: Span) -> float:
        """Mean of a one-dimensional signal over ``span`` without its NaN; NaN when none."""
        values = self.over(span)
        known = values[~np.isnan(values)]
        return float(known.mean()) if known.size else float("nan")

    def resample(self, step: float) -> Signal:
        """The same curve on another step: means when coarser, held values when finer."""
        count = max(1, round(len(self.values) * self.step / step)) if len(self.values) else 0
        spans = (Span(self.start + i * step, self.start + (i + 1) * step) for i in range(count))
        rows = [_nanmean(self.over(span)) for span in spans]
        values = np.array(rows, dtype=np.float32).reshape(count, *self.values.shape[1:])
        return Signal(self.name, values, self.unit, self.start, step, self.channels)


def _nanmean(rows: FloatArray) -> FloatArray:
    known = ~np.isnan(rows)
    total = np.where(known, rows, 0).sum(axis=0)
    count = known.sum(axis=0)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))
