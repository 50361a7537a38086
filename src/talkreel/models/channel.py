"""What a channel's own figures teach: a calibration of scores, and a forecast of the next video.

Both judge themselves on videos they were not fitted on and say so; without enough videos, or
without a signal, they refuse and say why.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from talkreel.core.arrays import FloatArray, frozen
from talkreel.models.channel_export import ChannelExport, Video, read_export

__all__ = [
    "Calibration",
    "ChannelExport",
    "Forecast",
    "Outlook",
    "Video",
    "calibrate",
    "forecast",
    "read_export",
]

CALIBRATE_AT_LEAST = 30  # videos; fewer cannot tell a modest signal from none
FORECAST_AT_LEAST = 30
COVERAGE = 0.8  # of the prediction intervals
_BURN_IN = 15  # videos seen before the first rolling forecast
_FOLDS = 10
_PENALTIES = (1.0, 10.0, 100.0, 1000.0)
_SMOOTHING = (0.0, 0.05, 0.1, 0.2, 0.4)  # weight of the newest video; 0 is the plain mean
_RESAMPLES = 1000
_FEWEST_IMPRESSIONS = 100.0  # a rate over fewer is mostly noise, yet counts for something
_EDGE = 1e-4  # keeps the log odds finite
FEATURES = ("score", "length", "question", "digit", "capitals", "you")
_CLEARLY = 0.25  # of the larger cost: below it, leaving a predictor out costs next to nothing


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """How scores and titles relate to the click-through rate of one channel.

    Attributes:
        count: videos it was fitted on.
        accepted: whether the channel's data carry a signal; if not, ``ctr`` gives the mean.
        why: one sentence for a person.
        error: cross-validated mean absolute error of the rate.
        mean_error: the same of always saying the channel's mean.
        skill: share of the squared error (log odds) that the calibration takes away, cross-
            validated; 0 or less is no use.
        skill_low: lower end of its one-sided bootstrap 95 % interval.
        without_score: skill with the score left out.
        without_title: skill with length and form of the title left out.
        weights: [F + 1] on the log odds per standard deviation of ``FEATURES``; intercept last.
        means: [F] of the features.
        scales: [F] of the features.
    """

    count: int
    accepted: bool
    why: str
    error: float
    mean_error: float
    skill: float
    skill_low: float
    without_score: float
    without_title: float
    weights: FloatArray
    means: FloatArray
    scales: FloatArray

    def ctr(self, title: str, score: float) -> float:
        """Expected click-through rate 0..1 of a video of this channel."""
        if not self.accepted:
            return float(_share(self.weights[-1]))
        row = (_features([title], [score])[0] - self.means) / self.scales
        return float(_share(row @ self.weights[:-1] + self.weights[-1]))


@dataclass(frozen=True, slots=True)
class Outlook:
    """Forecast of one figure of the next video.

    Attributes:
        value: expected, as a share.
        low: lower end of the prediction interval.
        high: upper end of it.
        coverage: share of past videos whose value lay in the interval made from the videos before
            them; near ``COVERAGE`` when the channel is steady.
        tested: how many past videos that is.
        error: mean absolute error of those forecasts.
        mean_error: the same of saying the mean of all videos before.
    """

    value: float
    low: float
    high: float
    coverage: float
    tested: int
    error: float
    mean_error: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """The next video of a channel.

    Attributes:
        count: videos in the export.
        why: empty, or why there is no forecast, or what to know about it.
        ctr: None when there is not enough data.
        viewed: mean share watched; None when there is not enough data.
    """

    count: int
    why: str
    ctr: Outlook | None
    viewed: Outlook | None


def calibrate(export: ChannelExport, scores: Sequence[float], *, seed: int = 0) -> Calibration:
    """Fit scores and plain features of the titles to the click-through rates of one channel.

    Weighted ridge regression of the log odds; its penalty is chosen inside each fold.

    Args:
        export: of the channel.
        scores: of the titles, e.g. by ``HookRanker.score``.
        seed: of the folds and of the bootstrap.

    Raises:
        ValueError: another number of scores than videos, or a score that is not finite.
    """
    videos = export.videos
    if len(scores) != len(videos) or not np.isfinite(np.asarray(scores, dtype=float)).all():
        raise ValueError(f"one finite score for each of {len(videos)} videos, got {len(scores)}")
    rates = np.asarray([video.ctr for video in videos])
    target, weight = _log_odds(rates), _evidence(videos)
    mean = float(np.average(target, weights=weight))
    if len(videos) < CALIBRATE_AT_LEAST:
        return _refused(
            len(videos),
            mean,
            f"not enough data: {len(videos)} videos, {CALIBRATE_AT_LEAST} needed",
        )
    rows = _features([video.title for video in videos], scores)
    judged = _judged(rows, target, weight, seed)
    weights, means, scales = _ridge(rows, target, weight, _best_penalty(rows, target, weight, seed))
    accepted = judged.low > 0
    why = _accepted(judged, weights) if accepted else _declined(judged)
    if not accepted:
        weights = np.append(np.zeros(rows.shape[1]), mean)
    return Calibration(
        len(videos),
        accepted,
        why,
        float(np.abs(_share(judged.said) - rates).mean()),
        float(np.abs(_share(judged.plain) - rates).mean()),
        judged.skill,
        judged.low,
        judged.without_score,
        judged.without_title,
        frozen(weights, np.float64),
        frozen(means, np.float64),
        frozen(scales, np.float64),
    )


def forecast(export: ChannelExport) -> Forecast:
    """Click-through rate and share watched of the channel's next video, with intervals.

    The level is an exponentially weighted mean whose memory did best so far; the interval is made
    of the errors of the same forecasts on the videos before (split conformal, Vovk et al. 2005).
    """
    videos = export.videos
    if len(videos) < FORECAST_AT_LEAST:
        why = f"not enough data: {len(videos)} videos, {FORECAST_AT_LEAST} needed"
        return Forecast(len(videos), why, None, None)
    viewed = np.asarray([video.viewed for video in videos])
    viewed = viewed[np.isfinite(viewed)]
    notes = [] if export.dated else ["no dates: the order of the file is taken as that of release"]
    enough = len(viewed) >= FORECAST_AT_LEAST
    if not enough:
        notes.append(f"not enough data for the share watched: {len(viewed)} videos have it")
    ctr = _outlook(np.asarray([video.ctr for video in videos]))
    return Forecast(len(videos), "; ".join(notes), ctr, _outlook(viewed) if enough else None)


def _outlook(shares: FloatArray) -> Outlook:
    values = _log_odds(shares)
    levels = np.stack([_levels(values, memory) for memory in _SMOOTHING])
    said = np.full(len(values) + 1, np.nan)
    low, high = said.copy(), said.copy()
    for at in range(_BURN_IN, len(values) + 1):
        past = np.abs(levels[:, 1:at] - values[1:at])
        best = int(past[:, -_BURN_IN * 4 :].mean(axis=1).argmin())
        said[at] = levels[best, at]
        reach = _conformal(past[best])
        low[at], high[at] = said[at] - reach, said[at] + reach
    tested = slice(_BURN_IN, len(values))
    inside = (values >= low[:-1]) & (values <= high[:-1])
    before = _share(levels[0, :-1])
    return Outlook(
        float(_share(said[-1])),
        float(_share(low[-1])),
        float(_share(high[-1])),
        float(inside[tested].mean()),
        len(values) - _BURN_IN,
        float(np.abs(_share(said[:-1]) - shares)[tested].mean()),
        float(np.abs(before - shares)[tested].mean()),
    )


def _levels(values: FloatArray, memory: float) -> FloatArray:
    """[N + 1] level before each value and after the last, from the values before only."""
    levels = np.full(len(values) + 1, np.nan)
    for at in range(1, len(values) + 1):
        if at == 1:
            levels[at] = values[0]
        else:
            gain = max(memory, 1 / at)
            levels[at] = levels[at - 1] + gain * (values[at - 1] - levels[at - 1])
    return levels


def _conformal(errors: FloatArray) -> float:
    """Half the interval that holds the next error with probability ``COVERAGE``."""
    rank = math.ceil((len(errors) + 1) * COVERAGE)
    return float(np.sort(errors)[min(rank, len(errors)) - 1])


def _features(titles: Sequence[str], scores: Sequence[float]) -> FloatArray:
    rows = [
        (
            float(score),
            math.log1p(len(title)),
            float("?" in title),
            float(bool(re.search(r"\d", title))),
            sum(word.isupper() and len(word) > 1 for word in title.split()) / 3,
            float(bool(re.search(r"\byour?\b", title, re.IGNORECASE))),
        )
        for title, score in zip(titles, scores, strict=True)
    ]
    return np.asarray(rows, dtype=np.float64).reshape(len(titles), len(FEATURES))


def _evidence(videos: Sequence[Video]) -> FloatArray:
    """Weights with mean 1: the log of the impressions, for a rate varies by more than counting."""
    shown = np.asarray([video.impressions for video in videos], dtype=np.float64)
    known = shown[np.isfinite(shown)]
    shown = np.where(np.isfinite(shown), shown, np.median(known) if len(known) else 1.0)
    weights = np.log(np.maximum(shown, _FEWEST_IMPRESSIONS))
    return np.asarray(weights / weights.mean())


def _ridge(
    rows: FloatArray, target: FloatArray, weight: FloatArray, penalty: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    means = np.average(rows, axis=0, weights=weight)
    scales = np.sqrt(np.average((rows - means) ** 2, axis=0, weights=weight))
    scales = np.where(scales > 0, scales, 1.0)
    x = (rows - means) / scales
    middle = float(np.average(target, weights=weight))
    square = (x * weight[:, None]).T @ x + penalty * np.eye(x.shape[1])
    slope = np.linalg.solve(square, (x * weight[:, None]).T @ (target - middle))
    return np.append(slope, middle), means, scales


def _predicted(
    rows: FloatArray, target: FloatArray, weight: FloatArray, penalty: float, asked: FloatArray
) -> FloatArray:
    weights, means, scales = _ridge(rows, target, weight, penalty)
    return np.asarray((asked - means) / scales @ weights[:-1] + weights[-1])


def _folds(count: int, seed: int) -> FloatArray:
    return np.random.default_rng(seed).permutation(np.arange(count) % _FOLDS)


def _best_penalty(rows: FloatArray, target: FloatArray, weight: FloatArray, seed: int) -> float:
    folds = _folds(len(rows), seed + 1)
    errors = []
    for penalty in _PENALTIES:
        total = 0.0
        for fold in range(_FOLDS):
            kept, out = folds != fold, folds == fold
            said = _predicted(rows[kept], target[kept], weight[kept], penalty, rows[out])
            total += float((weight[out] * (said - target[out]) ** 2).sum())
        errors.append(total)
    return _PENALTIES[int(np.argmin(errors))]


def _cross_validated(
    rows: FloatArray, target: FloatArray, weight: FloatArray, seed: int
) -> tuple[FloatArray, FloatArray]:
    """[N] log odds of each video by a fit without it, and the mean of the others."""
    folds = _folds(len(rows), seed)
    said, plain = np.zeros(len(rows)), np.zeros(len(rows))
    for fold in range(_FOLDS):
        kept, out = folds != fold, folds == fold
        penalty = _best_penalty(rows[kept], target[kept], weight[kept], seed)
        said[out] = _predicted(rows[kept], target[kept], weight[kept], penalty, rows[out])
        plain[out] = np.average(target[kept], weights=weight[kept])
    return said, plain


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    """Cross-validated log odds [N] of the fit and of the mean, and ``Calibration``'s skills."""

    said: FloatArray
    plain: FloatArray
    skill: float
    low: float
    without_score: float
    without_title: float


def _judged(rows: FloatArray, target: FloatArray, weight: FloatArray, seed: int) -> _Judged:
    said, plain = _cross_validated(rows, target, weight, seed)
    without_score, without_title = (
        _skill(target, *_cross_validated(kept, target, weight, seed), weight, seed)[0]
        for kept in (rows[:, 1:], rows[:, :1])
    )
    skill, low = _skill(target, said, plain, weight, seed)
    return _Judged(said, plain, skill, low, without_score, without_title)


def _skill(
    target: FloatArray, said: FloatArray, plain: FloatArray, weight: FloatArray, seed: int
) -> tuple[float, float]:
    """Share of the squared error of the mean that is taken away; estimate and lower 5 % bound."""
    ours, theirs = weight * (said - target) ** 2, weight * (plain - target) ** 2
    if theirs.sum() <= 0:
        return 0.0, 0.0
    draws = np.random.default_rng(seed).integers(0, len(target), (_RESAMPLES, len(target)))
    skills = 1 - ours[draws].sum(axis=1) / np.maximum(theirs[draws].sum(axis=1), 1e-12)
    return float(1 - ours.sum() / theirs.sum()), float(np.percentile(skills, 5))


def _accepted(judged: _Judged, weights: FloatArray) -> str:
    """Why it is calibrated, and by what: by how much is lost when a predictor is left out."""
    skill, no_score, no_title = judged.skill, judged.without_score, judged.without_title
    lost_score, lost_title = max(skill - no_score, 0.0), max(skill - no_title, 0.0)
    trend = f"a higher score goes with a {'higher' if weights[0] > 0 else 'lower'} rate"
    if lost_score < _CLEARLY * lost_title:
        carrier = "length and form of the titles carry this, the hook score adds next to nothing"
    elif lost_title < _CLEARLY * lost_score:
        carrier = f"the hook score carries this, the form of the titles next to nothing; {trend}"
    else:
        carrier = "the form of the titles and the hook score both carry this, "
        carrier += f"{'the score' if lost_score > lost_title else 'the form'} more; {trend}"
    return (
        f"titles and scores explain {skill:.1%} of the variance of the click-through rate "
        f"({no_score:.1%} without the hook score, {no_title:.1%} without the form of the titles): "
        f"{carrier}"
    )


def _declined(judged: _Judged) -> str:
    return (
        "not calibrated: on videos left out, scores and titles predict the click-through rate of "
        f"this channel no better than its mean (skill {judged.skill:.0%}, at least "
        f"{judged.low:.0%})"
    )


def _refused(count: int, mean: float, why: str) -> Calibration:
    size = len(FEATURES)
    empty = frozen(np.zeros(size), np.float64)
    weights = frozen(np.append(np.zeros(size), mean), np.float64)
    unknown = (math.nan, math.nan, 0.0, 0.0, 0.0, 0.0)
    return Calibration(
        count, False, why, *unknown, weights, empty, frozen(np.ones(size), np.float64)
    )


def _log_odds(shares: FloatArray) -> FloatArray:
    shares = np.clip(shares, _EDGE, 1 - _EDGE)
    return np.asarray(np.log(shares / (1 - shares)))


def _share(log_odds: FloatArray | float) -> FloatArray:
    return np.asarray(1 / (1 + np.exp(-np.asarray(log_odds))))
