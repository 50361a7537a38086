"""Faces of FER2013 with the votes of FER+, in batches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from pytorch_lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler, SequentialSampler

from talkreel.data.fer import DATASET, FER_LABELS, PLUS_LABELS, FerFaces, load_fer
from talkreel.data.manifest import open_dataset
from talkreel.features.cached import features_folder
from talkreel.features.faces import FEATURES, standardised
from talkreel.models.bundle import DataSource

Batch = tuple[Tensor, Tensor, Tensor]


class FaceBatches(Dataset[Batch]):
    """Faces, shares of the votes and FER2013 labels, a list of rows at a time."""

    def __init__(self, faces: FerFaces) -> None:
        self._images = faces.images
        self._targets = torch.from_numpy(faces.targets)
        self._labels = torch.from_numpy(faces.fer_label)

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, rows: list[int]) -> Batch:
        faces = torch.from_numpy(standardised(self._images[rows]))
        return faces, self._targets[rows], self._labels[rows]


class EmotionFaceData(LightningDataModule):
    """The official splits: train, valid (PublicTest), test (PrivateTest).

    Args:
        root: of the data; default as in ``open_dataset``.
        batch_size: faces per batch.
        limit: rows per split, for a short run.
    """

    labels = (*PLUS_LABELS, *(f"fer2013 {label}" for label in FER_LABELS))
    features = FEATURES

    def __init__(
        self,
        root: str | None = None,
        batch_size: int = 128,
        limit: int | None = None,
    ) -> None:
        super().__init__()
        self._root = Path(root) if root else None
        self._batch_size = batch_size
        self._limit = limit
        self._faces: FerFaces | None = None

    @property
    def sources(self) -> tuple[DataSource, ...]:
        """What it is trained on."""
        return (open_dataset(DATASET, self._root).source,)

    def setup(self, stage: str | None = None) -> None:
        """Read the faces, once."""
        if self._faces is None:
            self._faces = load_fer(self._root, cache=features_folder())

    def faces(self, split: str) -> FerFaces:
        """The faces of a split, the first ``limit`` of them."""
        self.setup()
        assert self._faces is not None
        faces = self._faces.of(split)
        return (
            faces if self._limit is None else faces.take(np.arange(len(faces.images)) < self._limit)
        )

    def train_dataloader(self) -> DataLoader[Batch]:
        """Shuffled; the last, smaller batch is left out (batch statistics)."""
        data = FaceBatches(self.faces("train"))
        whole = len(data) >= self._batch_size
        sampler = BatchSampler(RandomSampler(data), self._batch_size, drop_last=whole)
        return DataLoader(data, sampler=sampler, batch_size=None)

    def val_dataloader(self) -> DataLoader[Batch]:
        """In order."""
        return self._in_order("valid")

    def test_dataloader(self) -> DataLoader[Batch]:
        """In order."""
        return self._in_order("test")

    def _in_order(self, split: str) -> DataLoader[Batch]:
        data = FaceBatches(self.faces(split))
        sampler = BatchSampler(SequentialSampler(data), 2 * self._batch_size, drop_last=False)
        return DataLoader(data, sampler=sampler, batch_size=None)
