"""Units for media in which nobody is understood: stretches of sound and picture."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from talkreel.core.arrays import FloatArray
from talkreel.core.signals import Signal
from talkreel.core.spans import Span
from talkreel.core.tracks import Shot
from talkreel.ranking.talk import Unit

SILENCE_LUFS = -60.0  # below this nothing is heard on any device at normal volume
SHORTEST_SECONDS, LONGEST_SECONDS = 3.0, 8.0
_GRID_SECONDS = 0.25
_CUT_BONUS_DB = 8.0  # a cut in the picture is as good a border as a dip of so many decibels


def level(signals: Mapping[str, Signal]) -> Signal | None:
    """The loudness curve, or the energy curve where there is no loudness."""
    for name in ("loudness", "energy"):
        signal = signals.get(name)
        if signal is not None and len(signal.values):
            return signal
    return None


def is_silent(signals: Mapping[str, Signal], bounds: Span) -> bool:
    """Whether a level is known inside ``bounds`` and nowhere above ``SILENCE_LUFS``."""
    signal = level(signals)
    if signal is None:
        return False
    values = np.asarray(signal.over(bounds), dtype=np.float64)
    known = values[np.isfinite(values)]
    return not bool((known > SILENCE_LUFS).any())


def wordless_units(
    signals: Mapping[str, Signal], shots: Sequence[Shot], bounds: Span
) -> tuple[Unit, ...]:
    """Stretches of 3 to 8 s between quiet points and cuts; silent ones are left out."""
    grid = np.arange(bounds.start, bounds.end, _GRID_SECONDS)
    curve = _curve(level(signals), grid)
    cuts = [shot.span.start for shot in shots if bounds.contains(shot.span.start)]
    cost = curve.copy()
    if len(grid):
        for cut in cuts:
            cost[int(np.argmin(np.abs(grid - cut)))] -= _CUT_BONUS_DB
    edges = [bounds.start]
    while bounds.end - edges[-1] > LONGEST_SECONDS:
        inside = np.flatnonzero(
            (grid >= edges[-1] + SHORTEST_SECONDS) & (grid <= edges[-1] + LONGEST_SECONDS)
        )
        place = float(grid[inside[int(np.argmin(cost[inside]))]])
        near = [cut for cut in cuts if abs(cut - place) <= _GRID_SECONDS / 2]
        edges.append(near[0] if near and near[0] > edges[-1] else place)
    edges.append(bounds.end)
    spans = [Span(a, b) for a, b in itertools.pairwise(edges) if b > a]
    return tuple(Unit(span) for span in spans if not is_silent(signals, span))


def _curve(signal: Signal | None, grid: FloatArray) -> FloatArray:
    if signal is None:
        return np.zeros(len(grid))
    values = np.nan_to_num(np.asarray(signal.values, dtype=np.float64), nan=-90.0)
    return np.interp(grid, signal.times, values)
