"""Upworthy headline tests as pairs, and other texts to see how far a hook score carries."""

from __future__ import annotations

import csv
import io
import json
import lzma
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from talkreel.core.arrays import FloatArray
from talkreel.data.manifest import DataError, open_dataset

DATASET = "upworthy"
PAIRS_FILE = "viral/upworthy_pairs.parquet"
FOLDS = 5
DECIDED_P = 0.05  # a test is decided below this two-sided significance
_COLUMNS = ["h1", "h2", "y", "z", "p", "story"]


@dataclass(frozen=True, slots=True, eq=False)
class HeadlinePairs:
    """Two headlines shown at random with the same picture, and which was clicked more often.

    Attributes:
        first: [N] headlines.
        second: [N] headlines.
        won: [N] 1 where the first got the higher click rate, else 0.
        z: [N] how many standard errors the click rates lie apart.
        p: [N] two-sided significance of that.
        story: [N] what they are about; no headline lies in two stories.
    """

    first: tuple[str, ...]
    second: tuple[str, ...]
    won: FloatArray
    z: FloatArray
    p: FloatArray
    story: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.first)

    @property
    def decided(self) -> NDArray[np.bool_]:
        """[N] whether the test told the two apart (p < .05)."""
        return self.p < DECIDED_P

    def take(self, rows: NDArray[np.int64]) -> HeadlinePairs:
        """Some of the pairs, in the order of ``rows``."""
        return HeadlinePairs(
            tuple(self.first[i] for i in rows),
            tuple(self.second[i] for i in rows),
            self.won[rows],
            self.z[rows],
            self.p[rows],
            tuple(self.story[i] for i in rows),
        )


def load_pairs(root: str | Path | None = None) -> HeadlinePairs:
    """All 14,489 pairs.

    Raises:
        DataError: the file is missing, changed, or cannot be read as a table.
    """
    import pandas

    path = open_dataset(DATASET, root).path(PAIRS_FILE)
    try:
        table = pandas.read_parquet(path, columns=_COLUMNS)
    except (ValueError, OSError) as error:
        raise DataError(f"{path} is no table of headline pairs: {error}") from error
    return HeadlinePairs(
        tuple(table["h1"]),
        tuple(table["h2"]),
        table["y"].to_numpy(np.float32),
        table["z"].to_numpy(np.float32),
        table["p"].to_numpy(np.float32),
        tuple(table["story"]),
    )


def story_folds(stories: Sequence[str], count: int, seed: int = 0) -> NDArray[np.int64]:
    """[N] fold 0..count-1 of each row: whole stories, evenly dealt by their number of rows.

    Raises:
        ValueError: fewer stories than folds, or fewer than two folds.
    """
    names, which = np.unique(np.asarray(stories), return_inverse=True)
    if count < 2 or len(names) < count:
        raise ValueError(f"{count} folds need as many stories and at least 2, got {len(names)}")
    sizes = np.bincount(which)
    order = np.random.default_rng(seed).permutation(len(names))
    order = order[np.argsort(-sizes[order], kind="stable")]
    fold_of, filled = np.zeros(len(names), dtype=np.int64), np.zeros(count)
    for story in order:
        fold_of[story] = filled.argmin()
        filled[fold_of[story]] += sizes[story]
    return np.asarray(fold_of[which])


def load_tweets(root: str | Path | None = None) -> HeadlinePairs:
    """The test pairs of Tan, Lee & Pang 2014: one author, one link, which was retweeted more."""
    path = open_dataset("tweet-pairs", root).path("viral/tweet_pairs/retweet_test.json.xz")
    pairs = json.loads(lzma.decompress(path.read_bytes()))
    won = np.asarray([label == "first" for label in pairs["label"]], dtype=np.float32)
    unknown = np.full(len(won), np.nan, dtype=np.float32)
    return HeadlinePairs(
        tuple(pairs["first_tweet"]),
        tuple(pairs["second_tweet"]),
        won,
        unknown,
        unknown,
        tuple(map(str, range(len(won)))),
    )


def load_snap_titles(root: str | Path | None = None) -> tuple[tuple[str, ...], FloatArray]:
    """Titles of shorts and the tercile 0..2 of their normalised watch time; empty ones left out."""
    path = open_dataset("snapugc", root).path("viral/snapugc_titles.csv")
    text = path.read_text(encoding="utf-8", errors="replace")
    rows = [row for row in csv.DictReader(io.StringIO(text)) if row["Title"].strip()]
    return tuple(row["Title"] for row in rows), np.asarray([float(row["y"]) for row in rows])
