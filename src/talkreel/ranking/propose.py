"""Candidate spans: runs of whole units of an allowed length."""

from __future__ import annotations

import numpy as np

from talkreel.core.arrays import FloatArray
from talkreel.core.spans import Span
from talkreel.ranking.edges import Edges
from talkreel.ranking.options import RankOptions
from talkreel.ranking.talk import Proposals, Talk

# Ends kept per start: the most complete of them. Keeps the work linear in the talk.
ENDS_PER_START = 6
# Spans that are mostly pause are only used when there is nothing else.
LEAST_FILLED = 0.4


def proposals_for(talk: Talk, edges: Edges, options: RankOptions, bounds: Span) -> Proposals:
    """All spans worth judging; empty when nothing fits.

    Whole sentences of an allowed length come first. Where none fits, a run of sentences is
    stretched into the pauses around it; where that fails too, windows of the longest allowed
    length start at sentences and end where the time is over. Media shorter than the shortest
    clip is one proposal as a whole.
    """
    if not talk.units:
        return _proposals([], options)
    if bounds.duration < options.min_seconds:
        return _proposals([(0, len(talk.units), bounds)], options)
    found = propose(talk, options.min_seconds, options.max_seconds, edges.end_badness)
    filled = _filled(talk, found) >= LEAST_FILLED
    if filled.any():
        return found.keep(np.flatnonzero(filled))
    if len(found):
        return found
    return stretched(talk, options, bounds) or windows(talk, options, bounds)


def _proposals(runs: list[tuple[int, int, Span]], options: RankOptions) -> Proposals:
    first = np.array([run[0] for run in runs], dtype=np.int64)
    last = np.array([run[1] for run in runs], dtype=np.int64)
    start = np.array([run[2].start for run in runs], dtype=np.float64)
    end = np.array([run[2].end for run in runs], dtype=np.float64)
    return Proposals(first, last, start, end, options.min_seconds, options.max_seconds)


def _filled(talk: Talk, found: Proposals) -> FloatArray:
    """[P] share of a span that its units fill."""
    total = np.concatenate([[0.0], np.cumsum(talk.ends - talk.starts)])
    length = np.maximum(found.end - found.start, 1e-9)
    return np.asarray((total[found.last] - total[found.first]) / length)


def stretched(talk: Talk, options: RankOptions, bounds: Span) -> Proposals:
    """Runs too short by themselves, grown to the shortest length into silence only."""
    runs = []
    count = len(talk.units)
    for first in range(count):
        last = first + 1
        while last < count and talk.ends[last] - talk.starts[first] <= options.max_seconds:
            last += 1
        early = float(talk.ends[first - 1]) if first else bounds.start
        late = float(talk.starts[last]) if last < count else bounds.end
        end = min(late, float(talk.starts[first]) + options.min_seconds)
        start = max(early, min(float(talk.starts[first]), end - options.min_seconds))
        if end - start >= options.min_seconds - 1e-6:
            runs.append((first, last, Span(start, end)))
    return _proposals(runs, options)


def windows(talk: Talk, options: RankOptions, bounds: Span) -> Proposals:
    """Last resort for limits so narrow that no run of sentences fits: fixed windows."""
    runs = []
    for first in range(len(talk.units)):
        start = min(float(talk.starts[first]), bounds.end - options.min_seconds)
        end = min(start + options.max_seconds, bounds.end)
        last = int(np.searchsorted(talk.starts, end, side="left"))
        runs.append((first, max(last, first + 1), Span(start, end)))
    return _proposals(runs, options)


def propose(
    talk: Talk, min_seconds: float, max_seconds: float, end_badness: FloatArray
) -> Proposals:
    """Every start with its most complete ends, within the allowed length.

    Only neighbouring units decide which ends a start keeps, so a span that is proposed for
    the first part of a talk is proposed again for the whole of it.
    """
    starts, ends = talk.starts, talk.ends
    low = np.searchsorted(ends, starts + min_seconds - 1e-6, side="left")
    high = np.searchsorted(ends, starts + max_seconds + 1e-6, side="right")
    first: list[np.ndarray[tuple[int], np.dtype[np.int64]]] = []
    last: list[np.ndarray[tuple[int], np.dtype[np.int64]]] = []
    for i in range(len(starts)):
        choices = np.arange(max(low[i], i), high[i])
        if not len(choices):
            continue
        length = ends[choices] - starts[i]
        cost = end_badness[choices] + 0.3 * (1 - length_fit(length, min_seconds, max_seconds))
        kept = np.sort(choices[np.argsort(cost, kind="stable")[:ENDS_PER_START]])
        first.append(np.full(len(kept), i, dtype=np.int64))
        last.append(kept + 1)
    none = np.zeros(0, dtype=np.int64)
    a, b = np.concatenate([none, *first]), np.concatenate([none, *last])
    return Proposals(a, b, starts[a], ends[b - 1], min_seconds, max_seconds)


def length_fit(length: FloatArray, min_seconds: float, max_seconds: float) -> FloatArray:
    """1 for comfortable lengths, falling towards both limits, never below 0.4.

    Comfortable is from a fifth to two thirds of the way (in log seconds) between the limits:
    20 to 38 s for 15..60.
    """
    if max_seconds <= min_seconds * 1.01:
        return np.ones_like(length)
    place = np.log(np.maximum(length, 1e-6) / min_seconds) / np.log(max_seconds / min_seconds)
    short = np.clip(place / 0.2, 0, 1)
    long = np.clip((1 - place) / (1 - 0.67), 0, 1)
    return np.asarray(0.4 + 0.6 * np.minimum(short, long))
