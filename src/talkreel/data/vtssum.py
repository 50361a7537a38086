"""VT-SSum: lecture transcripts whose summary sentences come from the slides (research only).

Lv et al. 2021, "VT-SSum: A Benchmark Dataset for Video Transcript Segmentation and
Summarization". The split is the official one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from talkreel.core.arrays import FloatArray
from talkreel.data.talks import IMPORTANCE, LabelledTalk, read_rows, unknown_labels


def read_vtssum(path: Path) -> list[LabelledTalk]:
    """Lectures by sentence, with the number of the slide each sentence belongs to.

    Raises:
        InputError: the file is missing or damaged.
    """
    return read_rows(path, _lecture)


def _lecture(row: dict[str, Any]) -> LabelledTalk:
    rows = [
        (number, str(text), float(label))
        for number, segment in enumerate(row["segments"])
        for text, label in segment
    ]
    labels = unknown_labels(len(rows))
    labels[:, IMPORTANCE] = [label for _, _, label in rows]
    segments = np.array([number for number, _, _ in rows], dtype=np.float32)
    texts = tuple(text for _, text, _ in rows)
    return LabelledTalk(str(row["id"]), texts, labels, segments=segments)


def segment_hits(
    talks: Sequence[LabelledTalk], scores: Sequence[FloatArray], top: int
) -> tuple[FloatArray, list[str]]:
    """Precision and recall at ``top`` of every slide segment.

    Args:
        talks: with ``segments``.
        scores: [N] for each talk, larger is more important.
        top: sentences chosen in each segment.

    Returns:
        [S, 2] precision (hits over ``top``, also where the segment is shorter) and recall, and
        the talk of each segment.

    Raises:
        ValueError: scores that do not fit the talks, or a talk without segments.
    """
    if len(talks) != len(scores):
        raise ValueError(f"{len(talks)} talks but scores for {len(scores)}")
    rows: list[tuple[float, float]] = []
    groups: list[str] = []
    for talk, score in zip(talks, scores, strict=True):
        if talk.segments is None or len(score) != len(talk.texts):
            raise ValueError(f"talk {talk.id} needs segments and one score for each sentence")
        for number in np.unique(talk.segments):
            inside = np.flatnonzero(talk.segments == number)
            label = talk.labels[inside, IMPORTANCE]
            chosen = np.argsort(-score[inside], kind="stable")[:top]
            hits = float(label[chosen].sum())
            rows.append((hits / top, hits / label.sum() if label.sum() else 0.0))
            groups.append(talk.id)
    return np.array(rows, dtype=np.float64).reshape(-1, 2), groups


def top_f1(hits: FloatArray) -> float:
    """F1 of the mean precision and the mean recall, in percent, as in the paper."""
    precision, recall = hits.mean(axis=0)
    total = precision + recall
    return float(200 * precision * recall / total) if total else 0.0
