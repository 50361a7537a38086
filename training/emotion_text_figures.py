"""How well feelings are read from text, and plain methods beside it."""

from __future__ import annotations

import numpy as np

from talkreel.core.arrays import FloatArray
from talkreel.data.goemotions import EKMAN, FINE, GROUP, Comments
from talkreel.data.intervals import measured
from talkreel.models.bundle import Metric

LEVELS = {"28 labels": FINE, "Ekman": EKMAN, "group": GROUP}


def f1(said: FloatArray, truth: FloatArray) -> FloatArray:
    """[C] F1 of each column of 0 and 1; 0 where nothing is said and nothing true."""
    both = (said * truth).sum(axis=0)
    return np.asarray(2 * both / np.maximum(said.sum(axis=0) + truth.sum(axis=0), 1))


def best_thresholds(chances: FloatArray, truth: FloatArray) -> FloatArray:
    """[C] the threshold of each column with the best F1, midway to the next lower chance."""
    found = np.full(chances.shape[1], 0.5)
    for column in range(chances.shape[1]):
        order = np.argsort(-chances[:, column], kind="stable")
        values = chances[order, column]
        hits = np.cumsum(truth[order, column])
        scores = 2 * hits / (np.arange(1, len(hits) + 1) + hits[-1])
        best = int(scores.argmax())
        found[column] = (values[best] + values[min(best + 1, len(values) - 1)]) / 2
    return found


def text_metrics(
    chances: FloatArray, limits: FloatArray, comments: Comments, suffix: str = ""
) -> tuple[Metric, ...]:
    """Macro-F1 of the three levels, with and without texts that also occur in train."""
    said = (chances >= limits).astype(np.float32)
    metrics = []
    for level, columns in LEVELS.items():
        for kept, words in (
            (np.ones(len(comments), dtype=bool), "all texts"),
            (~comments.in_train, "without texts also in train"),
        ):
            rows = np.flatnonzero(kept)
            short = "" if words == "all texts" else " deduplicated"
            metrics.append(
                measured(
                    f"macro-F1 {level}{short}{suffix}",
                    f"GoEmotions official test, thresholds from dev, {words}",
                    rows.tolist(),
                    lambda index, rows=rows, columns=columns: float(  # type: ignore[misc]
                        f1(
                            said[rows[index], columns], comments.targets[rows[index], columns]
                        ).mean()
                    ),
                )
            )
    return tuple(metrics)


def baselines(train: Comments, val: Comments, test: Comments) -> tuple[Metric, ...]:
    """Logistic regression on length alone and on TF-IDF; thresholds from dev as well."""
    metrics: list[Metric] = []
    for name, rows in (("length-only", _lengths), ("tf-idf", _tfidf)):
        before, between, after = rows(train.texts, val.texts, test.texts)
        chances = [
            _regressed(before, train.targets[:, column], (between, after))
            for column in range(train.targets.shape[1])
        ]
        dev, held = (np.stack([pair[at] for pair in chances], axis=1) for at in (0, 1))
        limits = best_thresholds(dev, val.targets)
        found = text_metrics(held, limits, test, f"/{name}")
        metrics += [metric for metric in found if "dedup" not in metric.name]
    return tuple(metrics)


def _regressed(before: object, truth: FloatArray, asked: tuple[object, ...]) -> list[FloatArray]:
    from sklearn.linear_model import LogisticRegression

    if len(np.unique(truth)) < 2:  # a short run may hold no such label
        return [np.full(rows.shape[0], truth[0]) for rows in asked]  # type: ignore[attr-defined]
    model = LogisticRegression(C=4.0, solver="liblinear").fit(before, truth)
    return [model.predict_proba(rows)[:, 1] for rows in asked]


def _lengths(*splits: tuple[str, ...]) -> list[FloatArray]:
    return [np.log1p([[len(text)] for text in texts]) for texts in splits]


def _tfidf(*splits: tuple[str, ...]) -> list[object]:
    from sklearn.feature_extraction.text import TfidfVectorizer

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2).fit(splits[0])
    return [words.transform(texts) for texts in splits]
