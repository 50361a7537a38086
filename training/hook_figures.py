"""How good a hook ranker is, plain methods beside it, and how far it carries."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import spearmanr

from talkreel.core.arrays import FloatArray
from talkreel.data.intervals import measured
from talkreel.data.manifest import open_dataset
from talkreel.data.upworthy import HeadlinePairs, load_snap_titles, load_tweets
from talkreel.models.bundle import Metric
from talkreel.models.channel import read_export
from talkreel.models.hook import HookNet
from training.calibration import calibration_metric
from training.datamodules.hook import hook_vectors

CLOSE_CALL = 0.6  # pairs within the margin are won by the favourite less often than this
_CHANNEL_FILE = "viral/channel_metrics_by_video.csv"
_PROTOCOL = "Upworthy, same-image pairs, 5-fold by story"


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """What networks said of pairs whose stories they had not seen.

    Attributes:
        odds: [N] calibrated log odds of the first.
        margins: [N] "too close to call" margin of the network.
        folds: [N] held-out fold.
    """

    odds: FloatArray
    margins: FloatArray
    folds: NDArray[np.int64]


def close_margin(odds: FloatArray, won: FloatArray, share: float) -> float:
    """Largest lead within which the favourite wins less than ``share`` of the pairs; 0 if none."""
    order = np.argsort(np.abs(odds))
    right = ((odds > 0) == (won > 0.5))[order]
    running = np.cumsum(right) / np.arange(1, len(right) + 1)
    # The first few pairs are all chance: judge from 5 % of them on.
    below = np.flatnonzero(running[max(1, len(right) // 20) :] < share)
    if not len(below):
        return 0.0
    return float(np.abs(odds[order])[below[-1] + max(1, len(right) // 20)])


def favourite(odds: FloatArray, won: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
    """[N] probability that the favourite wins, and whether it did."""
    return 1 / (1 + np.exp(-np.abs(odds))), (odds > 0) == (won > 0.5)


def pair_metrics(held_out: HeldOut, pairs: HeadlinePairs) -> tuple[Metric, ...]:
    """Accuracy by significance, calibration, and what lies within the margin."""
    odds, won = held_out.odds, pairs.won
    close = np.abs(odds) < held_out.margins
    decided = pairs.decided
    rows = {
        "accuracy p<.05": decided,
        "accuracy p<.01": pairs.p < 0.01,
        "accuracy all pairs": np.ones(len(odds), dtype=bool),
        "accuracy p<.05 within the margin": decided & close,
        "accuracy p<.05 beyond the margin": decided & ~close,
    }
    metrics = [_accuracy(name, odds, pairs, kept) for name, kept in rows.items() if kept.any()]
    stories = [pairs.story[i] for i in np.flatnonzero(decided)]
    protocol = f"{_PROTOCOL}, p<.05, favourite's probability"
    metrics.append(calibration_metric(protocol, stories, *favourite(odds[decided], won[decided])))
    share = f"{_PROTOCOL}, all pairs"
    metrics.append(
        measured("too close to call", share, pairs.story, lambda index: float(close[index].mean()))
    )
    return tuple(metrics)


def baseline_metrics(held_out: HeldOut, pairs: HeadlinePairs) -> tuple[Metric, ...]:
    """The longer one wins, and logistic regression on TF-IDF differences, in the same folds."""
    length = np.asarray([len(a) - len(b) for a, b in zip(pairs.first, pairs.second, strict=True)])
    methods = {"length-only": length.astype(float), "tf-idf": _tfidf(held_out.folds, pairs)}
    return tuple(
        _accuracy(f"accuracy p<.05/{name}", odds, pairs, pairs.decided)
        for name, odds in methods.items()
    )


def transfer_metrics(net: HookNet, root: Path | None) -> tuple[Metric, ...]:
    """The same score on other platforms, untouched: about chance."""
    tweets = load_tweets(root)
    difference = _scores(net, tweets.first) - _scores(net, tweets.second)
    right = (difference > 0) == (tweets.won > 0.5)
    metrics = [
        measured(
            "transfer: accuracy tweets",
            "tweet pairs of one author and link, test split, which was retweeted more",
            tweets.story,
            lambda index: float(right[index].mean()),
        )
    ]
    titles, watched = load_snap_titles(root)
    videos = read_export(open_dataset("channel-metrics", root).path(_CHANNEL_FILE)).videos
    names = tuple(video.title for video in videos)
    rates = np.asarray([video.ctr for video in videos])
    sets = (
        (
            "transfer: rank correlation Snap titles",
            "SnapUGC titles, watch tercile",
            titles,
            watched,
        ),
        ("transfer: rank correlation channel CTR", "titles of one channel, its CTR", names, rates),
    )
    for name, protocol, texts, truth in sets:
        scores = _scores(net, texts)
        metrics.append(
            measured(
                name,
                protocol,
                range(len(texts)),
                lambda index, a=scores, b=truth: float(spearmanr(a[index], b[index])[0]),  # type: ignore[misc]
            )
        )
    return tuple(metrics)


def _scores(net: HookNet, texts: tuple[str, ...]) -> FloatArray:
    with torch.inference_mode():
        return np.asarray(net.eval()(torch.from_numpy(hook_vectors(texts))).numpy())


def _tfidf(folds: NDArray[np.int64], pairs: HeadlinePairs) -> FloatArray:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    odds = np.zeros(len(pairs))
    first, second = np.asarray(pairs.first, dtype=object), np.asarray(pairs.second, dtype=object)
    for fold in np.unique(folds):
        train, test = folds != fold, folds == fold
        words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
        words.fit([*first[train], *second[train]])
        sides = [words.transform(first) - words.transform(second)][0]
        model = LogisticRegression(C=1.0, fit_intercept=False, max_iter=200)
        model.fit(sides[train], pairs.won[train], sample_weight=np.abs(pairs.z[train]))
        odds[test] = model.decision_function(sides[test])
    return odds


def _accuracy(name: str, odds: FloatArray, pairs: HeadlinePairs, kept: NDArray[np.bool_]) -> Metric:
    chosen = np.flatnonzero(kept)
    right = ((odds > 0) == (pairs.won > 0.5))[chosen]
    stories = [pairs.story[i] for i in chosen]
    return measured(name, _PROTOCOL, stories, lambda index: float(right[index].mean()))
