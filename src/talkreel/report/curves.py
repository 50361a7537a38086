"""Signals as lanes of a chart: thinned, scaled and drawn as SVG paths."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from talkreel.core.analysis import Analysis
from talkreel.core.arrays import FloatArray
from talkreel.core.signals import Signal

MAX_POINTS = 1200
# SVG user units; the drawing is stretched to its place.
WIDTH, HEIGHT = 12000, 1000
_SMOOTHING_SECONDS = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class Lane:
    """One curve of the chart.

    Attributes:
        key: the signal's name.
        label: heading.
        unit: shown after values.
        note: what the curve is, one sentence.
        values: [N] evenly spaced over the talk; NaN where not known.
        low: value at the bottom.
        high: value at the top.
        digits: decimals shown.
        filled: drawn as an area rather than a line.
    """

    key: str
    label: str
    unit: str
    note: str
    values: FloatArray
    low: float
    high: float
    digits: int = 0
    filled: bool = True

    @property
    def has_values(self) -> bool:
        """Whether anything is known."""
        return bool(np.isfinite(self.values).any())


@dataclass(frozen=True, slots=True)
class _Look:
    label: str
    note: str
    reduce: str = "mean"
    filled: bool = True
    digits: int = 0
    floor: float | None = None
    ceiling: float | None = None
    lowest_top: float | None = None  # a quiet curve is not blown up to full height


# Curves shown by name, in this order. ``reaction`` and ``music`` are probabilities: an
# absolute scale keeps noise small.
_KNOWN = {
    "loudness": _Look("Loudness", "EBU R128 short-term loudness", floor=-45.0),
    "pitch": _Look("Pitch", "Voice pitch; gaps are unvoiced", filled=False),
    "energy": _Look("Energy", "Sound level", floor=-60.0),
    "speech_rate": _Look("Pace", "Words a second", digits=1, floor=0.0, lowest_top=4.0),
    "reaction": _Look(
        "Reactions",
        "Likelihood of laughter or applause",
        reduce="max",
        digits=2,
        floor=0.0,
        ceiling=1.0,
    ),
    "music": _Look("Music", "Likelihood of music", reduce="max", digits=2, floor=0.0, ceiling=1.0),
}
# Working material of other stages; it says nothing more to a reader.
_HIDDEN = frozenset(["voice", "momentary", "pause", "engagement"])
_MUSIC_WORTH_SHOWING = 0.3
_EMOTION_WORTH_SHOWING = 0.35
_MOST_EMOTIONS = 3


def engagement_lane(analysis: Analysis) -> Lane:
    """The signal ``engagement`` when the analysis has one, else an estimate from the sound."""
    duration = analysis.media.duration
    given = analysis.signals.get("engagement")
    if given is not None and given.values.ndim == 1:
        values, unit = thinned(given, duration), given.unit
        note = "How engaging each sentence is, as the engagement model sees it"
    else:
        values, unit = estimated_engagement(analysis.signals, duration), ""
        note = (
            "Engagement is an estimate from the sound alone: loudness, pitch movement, pace and "
            "reactions, each ranked within this talk"
        )
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    # Some air below and above, so that the weakest moment is not drawn as nothing.
    air = 0.15 * (high - low) or 0.5
    return Lane("engagement", "Engagement", unit, note, values, low - air, high + air / 3, 2)


def sound_lanes(signals: Mapping[str, Signal], duration: float) -> tuple[Lane, ...]:
    """The other curves that have something to show, the known ones first."""
    lanes = []
    unknown = [name for name in sorted(signals) if name not in _KNOWN and name not in _HIDDEN]
    for name in (*_KNOWN, *unknown):
        signal = signals.get(name)
        if signal is None or signal.values.ndim != 1:
            continue
        if name == "energy" and "loudness" in signals:
            continue
        lane = _lane(signal, _KNOWN.get(name, _Look(name, name, digits=2)), duration)
        worth = name != "music" or np.nanmax(lane.values, initial=0.0) > _MUSIC_WORTH_SHOWING
        if lane.has_values and worth:
            lanes.append(lane)
    return tuple(lanes)


def emotion_lanes(signals: Mapping[str, Signal], duration: float) -> tuple[Lane, ...]:
    """The strongest emotions that the models read, each with its likelihood; never neutral."""
    signal = signals.get("emotion")
    if signal is None or signal.values.ndim != 2:
        return ()
    lanes = []
    for i, name in enumerate(signal.channels):
        one = Signal(name, signal.values[:, i], signal.unit, signal.start, signal.step)
        peak = float(np.nanmax(one.values, initial=0.0))
        if name != "neutral" and peak >= _EMOTION_WORTH_SHOWING:
            note = f"Likelihood of {name} in what is said and how, as the emotion models read it"
            look = _Look(name.capitalize(), note, digits=2, floor=0.0, ceiling=1.0)
            lanes.append((float(np.nanmean(one.values)), _lane(one, look, duration)))
    lanes.sort(key=lambda pair: -pair[0])
    return tuple(lane for _, lane in lanes[:_MOST_EMOTIONS])


def thinned(signal: Signal, duration: float, reduce: str = "mean") -> FloatArray:
    """[N <= 1200] the signal over ``0..duration``, several samples brought to one; NaN-safe."""
    count = int(min(MAX_POINTS, max(2, np.ceil(duration / signal.step))))
    values = np.asarray(signal.values, dtype=np.float64)
    edges = np.linspace(0.0, duration, count + 1)
    first = np.floor((edges[:-1] - signal.start) / signal.step + 1e-9).astype(int)
    last = np.maximum(first + 1, np.ceil((edges[1:] - signal.start) / signal.step - 1e-9))
    out = np.full(count, np.nan)
    pick = np.max if reduce == "max" else np.mean
    for i, (a, b) in enumerate(zip(first, last.astype(int), strict=True)):
        part = values[max(0, a) : max(0, b)]
        part = part[np.isfinite(part)]
        if part.size:
            out[i] = pick(part)
    return out


def estimated_engagement(signals: Mapping[str, Signal], duration: float) -> FloatArray:
    """[N] 0..1: mean percentile rank of the parts within the talk, smoothed over 5 s.

    A stand-in for a scorer's curve. Where nothing is known about the sound it is NaN.
    """
    step = max(1.0, duration / MAX_POINTS)
    count = max(2, int(np.ceil(duration / step)))
    columns = [
        _ranks(_on_grid(signals[name], step, count))
        for name in ("loudness", "speech_rate")
        if name in signals
    ]
    if "pitch" in signals:
        columns.append(_ranks(_pitch_movement(signals["pitch"], step, count)))
    if "reaction" in signals:
        columns.append(_on_grid(signals["reaction"], step, count, "max"))
    if not columns:
        return np.full(count, np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a column without any value
        mixed = np.nanmean(np.array(columns), axis=0)
    return _smoothed(mixed, max(1, round(_SMOOTHING_SECONDS / step)))


def svg_path(lane: Lane) -> str:
    """The curve in a box of ``WIDTH`` x ``HEIGHT``; gaps where values are not known."""
    count = len(lane.values)
    spread = lane.high - lane.low or 1.0
    x = (np.arange(count) + 0.5) * WIDTH / count
    y = HEIGHT - np.clip((lane.values - lane.low) / spread, 0.0, 1.0) * HEIGHT
    parts = []
    for run in _known_runs(lane.values):
        half = WIDTH / count / 2
        points = [(x[i], y[i]) for i in run]
        points = [
            (points[0][0] - half, points[0][1]),
            *points,
            (points[-1][0] + half, points[-1][1]),
        ]
        line = "L".join(f"{a:.0f} {b:.0f}" for a, b in points)
        if lane.filled:
            line = f"{points[0][0]:.0f} {HEIGHT}L{line}L{points[-1][0]:.0f} {HEIGHT}Z"
        parts.append(f"M{line}")
    return "".join(parts)


def plain_values(lane: Lane) -> list[float | None]:
    """The values for the read-out, rounded; None where not known."""
    return [round(float(v), lane.digits) if np.isfinite(v) else None for v in lane.values]


def _lane(signal: Signal, look: _Look, duration: float) -> Lane:
    values = thinned(signal, duration, look.reduce)
    known = values[np.isfinite(values)]
    low, high = (float(q) for q in np.quantile(known if known.size else [0.0], (0.02, 0.98)))
    if look.floor is not None:
        low = look.floor if look.floor == 0.0 else max(low, look.floor)
    if look.lowest_top is not None:
        high = max(high, look.lowest_top)
    if look.ceiling is not None:
        high = look.ceiling
    if high <= low:
        low, high = low - 0.5, low + 0.5
    return Lane(
        key=signal.name,
        label=look.label,
        unit=signal.unit,
        note=look.note,
        values=values,
        low=low,
        high=high,
        digits=look.digits,
        filled=look.filled,
    )


def _on_grid(signal: Signal, step: float, count: int, reduce: str = "mean") -> FloatArray:
    values = thinned(signal, step * count, reduce)
    if len(values) == count:
        return values
    return values[np.arange(count) * len(values) // count]


def _pitch_movement(pitch: Signal, step: float, count: int) -> FloatArray:
    """Distance from the usual pitch in semitones (12 log2 of the ratio)."""
    values = np.asarray(pitch.values, dtype=np.float64)
    voiced = np.isfinite(values) & (values > 0)
    if not voiced.any():
        return np.full(count, np.nan)
    usual = float(np.median(values[voiced]))
    moved = np.full(len(values), np.nan)
    moved[voiced] = np.abs(12 * np.log2(values[voiced] / usual))
    return _on_grid(Signal("movement", moved, "semitones", pitch.start, pitch.step), step, count)


def _ranks(values: FloatArray) -> FloatArray:
    """0..1 place of each known value among the known ones."""
    known = np.isfinite(values)
    ranks = np.full(len(values), np.nan)
    order = np.argsort(np.argsort(values[known], kind="stable"), kind="stable")
    ranks[known] = (order + 0.5) / max(1, int(known.sum()))
    return ranks


def _smoothed(values: FloatArray, width: int) -> FloatArray:
    known = np.isfinite(values)
    kernel = np.ones(min(width, len(values)))
    total = np.convolve(np.where(known, values, 0.0), kernel, mode="same")
    weight = np.convolve(known.astype(float), kernel, mode="same")
    return np.where(known, total / np.maximum(weight, 1.0), np.nan)


def _known_runs(values: FloatArray) -> list[Sequence[int]]:
    known = np.flatnonzero(np.isfinite(values))
    if not known.size:
        return []
    breaks = np.flatnonzero(np.diff(known) > 1) + 1
    return [run.tolist() for run in np.split(known, breaks)]
