"""Figures of the engagement model and of plain methods on the same rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from talkreel.core.arrays import FloatArray
from talkreel.data.intervals import measured
from talkreel.data.ranks import auc, average_precision, average_ranks
from talkreel.data.splits import Split
from talkreel.data.talks import APPLAUSE, IMPORTANCE, LAUGHTER, LabelledTalk
from talkreel.data.vtssum import segment_hits, top_f1
from talkreel.models.bundle import Metric
from training.calibration import calibration_metric
from training.datamodules.engagement import EngagementData

_TOPS = (3, 5)
_FEW = 500  # units
_WHOLE = "the last 5 % of each dropped"
_CUT = {"sitcoms": "no times used", "custom": "whole"}


@dataclass(frozen=True, eq=False)
class Scored:
    """A talk with the log odds [N] of a reaction and [N, 3] of each label."""

    talk: LabelledTalk
    reaction: FloatArray
    logits: FloatArray


def reaction_metrics(
    scored: Sequence[Scored], data: EngagementData, split: Split, *, plain: bool = True
) -> tuple[Metric, ...]:
    """AUC and average precision of a reaction; AUC of each kind; AUC of ranks within talks.

    Only talks count whose transcriber marked both kinds, or, in data that mark one kind, that.
    """
    labels = np.concatenate([item.talk.labels for item in scored])
    both = ~np.isnan(labels[:, [APPLAUSE, LAUGHTER]]).any(axis=1)
    if not both.any():
        both = ~np.isnan(labels[:, [APPLAUSE, LAUGHTER]]).all(axis=1)
    truth = np.nan_to_num(labels[:, [APPLAUSE, LAUGHTER]]).max(axis=1) > 0
    groups = np.concatenate([[item.talk.id] * len(item.reaction) for item in scored])
    reaction = np.concatenate([item.reaction for item in scored])
    within = np.concatenate([_shares(item.reaction) for item in scored])
    logits = np.concatenate([item.logits for item in scored])
    protocol = f"{data.name}, {split} talks, {_CUT.get(data.name, _WHOLE)}, a reaction to the unit"
    values: dict[str, FloatArray] = {"": reaction, "/rank-in-talk": within}
    if plain:
        values |= plain_scores([item.talk for item in scored], data, truth_of=_reacted)
    metrics = []
    for name, value in values.items():
        for figure, statistic in (("auc", auc), ("ap", average_precision)):
            if figure == "auc" or name in ("", "/tf-idf"):
                metrics.append(
                    _figure(f"{figure}{name}", protocol, groups, value, truth, both, statistic)
                )
    said = 1 / (1 + np.exp(-reaction[both]))
    metrics.append(calibration_metric(protocol, groups[both].tolist(), said, truth[both]))
    for kind, column in (("applause", APPLAUSE), ("laughter", LAUGHTER)):
        known = ~np.isnan(labels[:, column])
        hits = np.nan_to_num(labels[:, column]) > 0
        if hits.any():
            about = f"{protocol}; {kind} alone"
            metrics.append(
                _figure(f"auc-{kind}", about, groups, logits[:, column], hits, known, auc)
            )
            metrics.append(
                _figure(f"auc-{kind}/any-reaction", about, groups, reaction, hits, known, auc)
            )
    return tuple(metrics)


def importance_metrics(
    scored: Sequence[Scored], data: EngagementData, split: Split, *, plain: bool = True
) -> tuple[Metric, ...]:
    """Top-3 and top-5 F1 within slide segments, as Lv et al. 2021."""
    talks = [item.talk for item in scored]
    ends = np.cumsum([len(talk.texts) for talk in talks])[:-1]
    values = {"": [item.logits[:, IMPORTANCE] for item in scored]}
    if plain:
        others = plain_scores(talks, data, truth_of=_important)
        values |= {name: np.split(value, ends) for name, value in others.items()}
    metrics = []
    for top in _TOPS:
        protocol = f"VT-SSum official {split} split, {len(talks)} lectures, top {top} per segment"
        for name, scores in values.items():
            hits, groups = segment_hits(talks, scores, top)
            metrics.append(
                measured(
                    f"top{top}-f1{name}",
                    protocol,
                    groups,
                    lambda rows, hits=hits: top_f1(hits[rows]),  # type: ignore[misc]
                )
            )
    return tuple(metrics)


def standing_metrics(
    scored: Sequence[Scored], data: EngagementData, split: Split, *, plain: bool = True
) -> tuple[Metric, ...]:
    """AUC for the better half of the sentences of each talk, by the labels of its owner."""
    talks = [item.talk for item in scored]
    labels = np.concatenate([_important(talk) for talk in talks])
    known, truth = ~np.isnan(labels), np.nan_to_num(labels) > 0.5
    groups = np.concatenate([[talk.id] * len(talk.texts) for talk in talks])
    values = {"": np.concatenate([item.logits[:, IMPORTANCE] for item in scored])}
    if plain:
        values |= plain_scores(talks, data, truth_of=_important)
    protocol = f"{data.name}, {split} talks, the better half of the labelled units of each"
    return tuple(
        _figure(f"auc{name}", protocol, groups, value, truth, known, auc)
        for name, value in values.items()
    )


def plain_scores(
    talks: Sequence[LabelledTalk],
    data: EngagementData,
    truth_of: Callable[[LabelledTalk], FloatArray],
) -> Mapping[str, FloatArray]:
    """Scores [N] of all units by length, by place, and by logistic regression on TF-IDF."""
    texts = [text for talk in talks for text in talk.texts]
    place = np.concatenate([-np.arange(len(talk.texts), dtype=np.float64) for talk in talks])
    return {
        "/length-only": np.array([len(text) for text in texts], dtype=np.float64),
        "/lead-only": place,
        "/tf-idf": _regression(data.talks["train"], texts, truth_of),
    }


def _regression(
    talks: Sequence[LabelledTalk],
    texts: Sequence[str],
    truth_of: Callable[[LabelledTalk], FloatArray],
) -> FloatArray:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    truth = np.concatenate([truth_of(talk) for talk in talks])
    known = np.flatnonzero(~np.isnan(truth))
    spoken = [text for talk in talks for text in talk.texts]
    # A few videos of one's own hardly repeat a word.
    rarest = 3 if len(known) >= _FEW else 1
    model: Any = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), min_df=rarest, sublinear_tf=True, max_features=200_000),
        LogisticRegression(C=1.0, max_iter=300, class_weight="balanced"),
    )
    model.fit([spoken[i] for i in known], truth[known] > 0.5)
    return np.asarray(model.decision_function(texts), dtype=np.float64)


def _reacted(talk: LabelledTalk) -> FloatArray:
    return talk.reaction


def _important(talk: LabelledTalk) -> FloatArray:
    return np.asarray(talk.labels[:, IMPORTANCE])


def _shares(values: FloatArray) -> FloatArray:
    """Ranks within a talk, 0..1: blind to how often its transcriber marked anything."""
    return average_ranks(values) / max(1, len(values))


def _figure(
    name: str,
    protocol: str,
    groups: Any,
    scores: FloatArray,
    truth: Any,
    known: Any,
    statistic: Callable[[FloatArray, Any], float],
) -> Metric:
    scores, truth = scores[known], truth[known]
    base = f"{protocol}; {len(truth)} units, {truth.mean():.3f} positive"
    return measured(name, base, groups[known], lambda rows: statistic(scores[rows], truth[rows]))
