"""Where nothing sounds: the places at which a cut cannot be heard."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from talkreel.core.signals import Signal
from talkreel.core.spans import Span

# Shorter rests are the closures of stop consonants, with the burst still to come.
LEAST_QUIET_SECONDS = 0.06
# Quiet reaches this far above the floor: a third of the way up to speech, within these bounds.
_LEAST_ABOVE_DB, _MOST_ABOVE_DB = 3.0, 12.0
# Or down to this far below speech, where the floor is digital silence and rooms still decay.
_BELOW_SPEECH_DB = 40.0
# Speech that stands out of its background by less never rests.
_LEAST_RANGE_DB = 9.0
_FLOOR_PERCENTILE, _SPEECH_PERCENTILE = 5.0, 85.0


@dataclass(frozen=True, slots=True)
class Quiet:
    """What counts as quiet in one sound.

    Attributes:
        level: dBFS in fine steps.
        threshold: dBFS; minus infinity where speech does not stand out of its background.
    """

    level: Signal
    threshold: float

    @classmethod
    def of(cls, level: Signal, around: Span) -> Quiet:
        """Judge by ``level`` in ``around``: what is played and its neighbourhood."""
        values = level.over(around)
        if not len(values):
            return cls(level, -np.inf)
        floor = float(np.percentile(values, _FLOOR_PERCENTILE))
        speech = float(np.percentile(values, _SPEECH_PERCENTILE))
        if speech - floor < _LEAST_RANGE_DB:
            return cls(level, -np.inf)
        above = float(np.clip((speech - floor) / 3, _LEAST_ABOVE_DB, _MOST_ABOVE_DB))
        return cls(level, max(floor + above, speech - _BELOW_SPEECH_DB))

    def longest(self, within: Span) -> Span | None:
        """The longest quiet stretch inside ``within``, or None where none is long enough."""
        step, start = self.level.step, self.level.start
        first = max(0, int(np.ceil((within.start - start) / step - 1e-9)))
        last = min(len(self.level.values), int(np.floor((within.end - start) / step + 1e-9)))
        low = np.asarray(self.level.values[first:last] < self.threshold, dtype=np.int8)
        edges = np.flatnonzero(np.diff(np.concatenate([[0], low, [0]])))
        runs = [
            Span(start + (first + a) * step, start + (first + b) * step)
            for a, b in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
        ]
        best = max(runs, key=lambda run: run.duration, default=None)
        return best if best and best.duration >= LEAST_QUIET_SECONDS - 1e-9 else None
