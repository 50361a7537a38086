"""GoEmotions (Demszky et al. 2020): Reddit comments with 28 labels, the official split."""

from __future__ import annotations

import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from talkreel.core.arrays import FloatArray
from talkreel.core.emotions import EMOTIONS, GOEMOTIONS, GROUPS, TO_EKMAN, TO_GROUP
from talkreel.data.manifest import DataError, open_dataset

DATASET = "goemotions"
ARCHIVE = "emotion/goemotions_original.tar.xz"
SPLITS = {"train": "train", "val": "dev", "test": "test"}
# Columns of every array of targets and answers: fine labels, Ekman's classes, groups.
ANSWERS = (*GOEMOTIONS, *(f"ekman {name}" for name in EMOTIONS), *(f"group {g}" for g in GROUPS))
FINE = slice(0, len(GOEMOTIONS))
EKMAN = slice(FINE.stop, FINE.stop + len(EMOTIONS))
GROUP = slice(EKMAN.stop, EKMAN.stop + len(GROUPS))


@dataclass(frozen=True, slots=True, eq=False)
class Comments:
    """Comments of one split.

    Attributes:
        texts: [N].
        targets: [N, 39] of 0 and 1 in the order of ``ANSWERS``; one or more fine labels each.
        in_train: [N] whether the very text also occurs in the training split.
    """

    texts: tuple[str, ...]
    targets: FloatArray
    in_train: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.texts)


def load_comments(root: str | Path | None = None) -> dict[str, Comments]:
    """The splits ``train``, ``val`` and ``test``.

    Raises:
        DataError: the archive is missing, changed or not the expected one.
    """
    path = open_dataset(DATASET, root).path(ARCHIVE)
    try:
        with tarfile.open(path) as tar:
            tables = {
                split: _rows(_member(tar, f"data/original/{file}.tsv"))
                for split, file in SPLITS.items()
            }
            names = tuple(_member(tar, "data/original/labels.txt").split())
    except (tarfile.TarError, KeyError, ValueError) as error:
        raise DataError(f"{path} is not the archive of GoEmotions: {error}") from error
    if names != GOEMOTIONS:
        raise DataError(f"{path} has other labels than GoEmotions: {names[:5]}...")
    known = {text for text, _ in tables["train"]}
    return {split: _comments(rows, known) for split, rows in tables.items()}


def _rows(table: str) -> list[tuple[str, list[int]]]:
    cells = [line.split("\t") for line in table.split("\n") if line]
    return [(text, [int(label) for label in labels.split(",")]) for text, labels, _ in cells]


def _comments(rows: list[tuple[str, list[int]]], known: set[str]) -> Comments:
    fine = np.zeros((len(rows), len(GOEMOTIONS)), dtype=np.float32)
    for row, (_, labels) in enumerate(rows):
        fine[row, labels] = 1
    parts = [fine, np.minimum(fine @ TO_EKMAN, 1), np.minimum(fine @ TO_GROUP, 1)]
    texts = tuple(text for text, _ in rows)
    twins = np.asarray([text in known for text in texts])
    return Comments(texts, np.concatenate(parts, axis=1).astype(np.float32), twins)


def _member(tar: tarfile.TarFile, name: str) -> str:
    file = tar.extractfile(name)
    if file is None:
        raise KeyError(name)
    return file.read().decode("utf-8")
