"""Splits that depend on nothing but the name of a talk, so that they never move."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Literal

Split = Literal["train", "validation", "test"]
FOLDS = 5


def rank_of(group: str) -> int:
    """A number for ``group`` that is the same everywhere; sorting by it is a fixed shuffle."""
    return int.from_bytes(hashlib.blake2b(group.encode("utf-8"), digest_size=8).digest(), "big")


def fold_of(group: str) -> int:
    """One of ``FOLDS`` folds, by name alone."""
    return rank_of(group) % FOLDS


def split_of(group: str, fold: int = 0) -> Split:
    """Fold ``fold`` is the test, half of the next one the validation, the rest the training.

    Args:
        group: what must not be torn apart: a talk, an episode, a story.
        fold: which of the ``FOLDS`` to hold out.

    Raises:
        ValueError: no such fold.
    """
    if not 0 <= fold < FOLDS:
        raise ValueError(f"folds are 0..{FOLDS - 1}, got {fold}")
    distance = (fold_of(group) - fold) % FOLDS
    if distance == 0:
        return "test"
    half = rank_of(group) // FOLDS % 2 == 0
    return "validation" if distance == 1 and half else "train"


def in_split(groups: Sequence[str], split: Split, fold: int = 0) -> list[int]:
    """Indices of the groups in ``split`` in a fixed shuffle, so that a prefix is a fair sample."""
    chosen = [i for i, group in enumerate(groups) if split_of(group, fold) == split]
    return sorted(chosen, key=lambda i: rank_of(groups[i]))
