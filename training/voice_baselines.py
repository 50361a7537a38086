"""Plain methods run beside the voice network on the same speakers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from talkreel.core.arrays import FloatArray
from talkreel.data.intervals import measured
from talkreel.models.bundle import Metric
from training.datamodules.emotion_voice import EmotionVoiceData, reference_of


def voice_baselines(data: EmotionVoiceData, protocol: str) -> tuple[Metric, ...]:
    """The most frequent emotion, and a support vector machine on the statistics.

    The latter both with features relative to the speaker's own clips and to the training voices.
    """
    labels = data.table.labels
    frequent = np.full(len(labels), np.bincount(labels).argmax())
    guesses = {
        "uar/frequent": frequent,
        "uar/svm": _machine(data, relative=True),
        "uar unknown speaker/svm": _machine(data, relative=False),
    }
    return tuple(
        measured(
            name,
            f"{data.name}, {protocol}",
            data.table.speakers.tolist(),
            lambda rows, guess=guess: _recall(labels[rows], guess[rows]),  # type: ignore[misc]
        )
        for name, guess in guesses.items()
    )


def _machine(data: EmotionVoiceData, *, relative: bool) -> NDArray[np.int64]:
    from sklearn.svm import SVC

    table = data.table
    guess = np.zeros(len(table.labels), dtype=np.int64)
    for fold in range(data.folds):
        out = data.held_out(fold)
        if not out.any():
            continue
        known = None if relative else reference_of(table.take(~out))
        values: FloatArray = table.relative(0, known)[1]
        machine = SVC(C=3, gamma=0.5 / values.shape[1], class_weight="balanced")
        guess[out] = machine.fit(values[~out], table.labels[~out]).predict(values[out])
    return guess


def _recall(truth: NDArray[np.int64], guess: NDArray[np.int64]) -> float:
    return float(np.mean([(guess[truth == label] == label).mean() for label in np.unique(truth)]))
