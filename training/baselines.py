"""Plain methods run beside the emotion networks on the same rows."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from talkreel.core.arrays import FloatArray
from talkreel.data.fer import FER_LABELS, PLUS_LABELS, FerFaces
from talkreel.data.intervals import measured
from talkreel.models.bundle import Metric

# Histograms of gradients (Dalal & Triggs 2005) at the usual cell and block for small pictures.
_HOG_CELL, _HOG_BLOCK, _HOG_BINS = 8, 16, 9


def gradient_histograms(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """[N, 900] HOG features of [N, 48, 48] faces."""
    import cv2

    side = images.shape[1]
    hog = cv2.HOGDescriptor(
        (side, side),
        (_HOG_BLOCK, _HOG_BLOCK),
        (_HOG_CELL, _HOG_CELL),
        (_HOG_CELL, _HOG_CELL),
        _HOG_BINS,
    )
    return np.stack([np.asarray(hog.compute(image)).ravel() for image in images])


def face_baselines(train: FerFaces, faces: FerFaces, split: str) -> tuple[Metric, ...]:
    """The most frequent label, and logistic regression on HOG features."""
    before, after = gradient_histograms(train.images), gradient_histograms(faces.images)
    metrics = []
    tasks = [
        ("fer+ majority", train.majority, faces.majority, len(PLUS_LABELS)),
        ("fer2013", train.fer_label, faces.fer_label, len(FER_LABELS)),
    ]
    for name, known, truth, count in tasks:
        usable, scored = known >= 0, truth >= 0
        frequent = np.bincount(known[usable], minlength=count).argmax()
        guesses = {
            "frequent": np.full(int(scored.sum()), frequent),
            "hog": _regressed(before[usable], known[usable], after[scored]),
        }
        for method, guess in guesses.items():
            right = guess == truth[scored]
            metrics.append(
                measured(
                    f"accuracy {name}/{method}",
                    f"FER2013 {split} split, {name}, all images",
                    range(len(right)),
                    lambda index, right=right: float(right[index].mean()),  # type: ignore[misc]
                )
            )
    return tuple(metrics)


def _regressed(
    before: FloatArray, labels: NDArray[np.int64], after: FloatArray
) -> NDArray[np.int64]:
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it gains nothing more on other faces after 60 rounds
        model = LogisticRegression(C=1.0, max_iter=60).fit(before, labels)
    return np.asarray(model.predict(after), dtype=np.int64)
