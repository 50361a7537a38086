"""TVSum: how well a score agrees with the twenty raters of each of fifty videos.

Song et al. 2015; agreement by rank as in Otani et al. 2019, "Rethinking the Evaluation of Video
Summaries". Only the labels are at hand, so no score of a model is claimed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from talkreel.core.arrays import FloatArray
from talkreel.core.errors import InputError

SHOT_SECONDS = 2.0


@dataclass(frozen=True, eq=False)
class RatedVideo:
    """A video and its ratings.

    Attributes:
        id: of the video.
        ratings: [R, N] importance 1..5 by rater, every 15th frame.
        seconds: length.
    """

    id: str
    ratings: FloatArray
    seconds: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """Means over videos of Kendall's tau and Spearman's rho."""

    tau: float
    rho: float


def read_tvsum(path: Path) -> list[RatedVideo]:
    """The fifty videos.

    Raises:
        InputError: the file is missing or of another shape.
    """
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return [
            RatedVideo(
                str(row["video"]),
                np.array(row["user_anno_every_15_frames"], dtype=np.float64),
                float(row["length"]),
            )
            for row in rows
        ]
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; set TALKREEL_DATA") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} holds no ratings of TVSum: {error!r}") from error


def agreement(videos: Sequence[RatedVideo], scores: Sequence[FloatArray]) -> Agreement:
    """Agreement of a score with each rater, mean over raters, then over videos.

    Args:
        videos: rated.
        scores: for each video [N], one value for each rating.

    Raises:
        ValueError: scores that do not fit.
    """
    if [len(score) for score in scores] != [video.ratings.shape[1] for video in videos]:
        raise ValueError("every video needs one score for each of its rated frames")
    pairs = zip(videos, scores, strict=True)
    return _mean([np.mean([_ranks(score, r) for r in v.ratings], axis=0) for v, score in pairs])


def human_agreement(videos: Sequence[RatedVideo]) -> Agreement:
    """Agreement of the raters with each other, over all pairs of them."""
    return _mean(
        [np.mean([_ranks(a, b) for a, b in combinations(v.ratings, 2)], axis=0) for v in videos]
    )


def centre_prior(count: int) -> FloatArray:
    """[count] scores that only say how near a frame is to the middle."""
    return np.asarray(-np.abs(np.arange(count) - (count - 1) / 2))


def _ranks(a: FloatArray, b: FloatArray) -> tuple[float, float]:
    from scipy import stats

    return float(stats.kendalltau(a, b)[0]), float(stats.spearmanr(a, b)[0])


def _mean(figures: Sequence[FloatArray]) -> Agreement:
    tau, rho = np.nanmean(np.array(figures), axis=0)
    return Agreement(float(tau), float(rho))
