"""Pairs of headlines as vectors, split by story."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from talkreel.core.arrays import FloatArray
from talkreel.data.manifest import open_dataset
from talkreel.data.upworthy import DATASET, FOLDS, HeadlinePairs, load_pairs, story_folds
from talkreel.features.cached import cached_embeddings
from talkreel.models.bundle import DataSource
from talkreel.models.hook import FEATURES, LAYERS
from talkreel.models.text import LayerEmbedder

VALIDATION_FOLDS = 10  # one of them stops the training and calibrates
# A test five standard errors apart counts no more than this: its outcome is certain anyway.
_MOST_EVIDENCE = 6.0


class HookData(LightningDataModule):
    """Pairs in train, validation and test parts that share no story.

    Args:
        root: of the data; default as in ``open_dataset``.
        batch_size: pairs per batch.
        seed: of the folds and of the order.
        limit: pairs in all, for a short run.
        fold: 0..4 is held out as the test part; -1 holds none out (for the shipped network).
    """

    labels = ("score",)
    features = FEATURES

    def __init__(
        self,
        root: str | None = None,
        batch_size: int = 512,
        seed: int = 0,
        limit: int | None = None,
        fold: int = -1,
    ) -> None:
        super().__init__()
        if not -1 <= fold < FOLDS:
            raise ValueError(f"fold is -1 (none held out) or 0..{FOLDS - 1}, got {fold}")
        self.root = Path(root) if root else None
        self._batch_size = batch_size
        self._seed = seed
        self._limit = limit
        self._fold = fold
        self._pairs: HeadlinePairs | None = None
        self._vectors: tuple[Tensor, Tensor] | None = None

    @property
    def sources(self) -> tuple[DataSource, ...]:
        """What it is trained on."""
        return (open_dataset(DATASET, self.root).source,)

    @property
    def pairs(self) -> HeadlinePairs:
        """All pairs that are used."""
        if self._pairs is None:
            pairs = load_pairs(self.root)
            if self._limit is not None:
                pairs = pairs.take(np.arange(min(self._limit, len(pairs))))
            self._pairs = pairs
        return self._pairs

    @property
    def vectors(self) -> tuple[Tensor, Tensor]:
        """[N, D] of the first and of the second headlines."""
        if self._vectors is None:
            texts = [*self.pairs.first, *self.pairs.second]
            both = torch.from_numpy(hook_vectors(texts))
            self._vectors = (both[: len(self.pairs)], both[len(self.pairs) :])
        return self._vectors

    def with_fold(self, fold: int) -> HookData:
        """The same pairs with another fold held out; nothing is read again."""
        root = str(self.root) if self.root else None
        other = HookData(root, self._batch_size, self._seed, self._limit, fold)
        other._pairs, other._vectors = self.pairs, self.vectors
        return other

    def rows(self, split: str) -> NDArray[np.int64]:
        """Indices of the pairs of ``train``, ``val`` or ``test``."""
        outer = story_folds(self.pairs.story, FOLDS, self._seed)
        inside = np.flatnonzero(outer != self._fold)
        stories = [self.pairs.story[i] for i in inside]
        validation = story_folds(stories, VALIDATION_FOLDS, self._seed + 1) == 0
        match split:
            case "train":
                return np.asarray(inside[~validation])
            case "val":
                return np.asarray(inside[validation])
            case "test":
                return np.flatnonzero(outer == self._fold)
            case _:
                raise ValueError(f"a split is train, val or test, got {split!r}")

    def training_vectors(self) -> Tensor:
        """[2N, D] of the training headlines, to standardise with."""
        rows = torch.from_numpy(self.rows("train"))
        return torch.cat([part[rows] for part in self.vectors])

    def train_dataloader(self) -> DataLoader[tuple[Tensor, ...]]:
        """Shuffled."""
        order = torch.Generator().manual_seed(self._seed)
        return DataLoader(
            self._tensors("train"), self._batch_size, shuffle=True, generator=order, num_workers=0
        )

    def val_dataloader(self) -> DataLoader[tuple[Tensor, ...]]:
        """In order."""
        return DataLoader(self._tensors("val"), self._batch_size, num_workers=0)

    def test_dataloader(self) -> DataLoader[tuple[Tensor, ...]]:
        """In order."""
        return DataLoader(self._tensors("test"), self._batch_size, num_workers=0)

    def _tensors(self, split: str) -> TensorDataset:
        """Vectors of both headlines, who won, evidence, and whether the test was decided."""
        rows = torch.from_numpy(self.rows(split))
        evidence = np.minimum(np.abs(self.pairs.z), _MOST_EVIDENCE)
        columns = [torch.from_numpy(self.pairs.won), torch.from_numpy(evidence)]
        columns.append(torch.from_numpy(self.pairs.decided))
        return TensorDataset(*[column[rows] for column in (*self.vectors, *columns)])


def hook_vectors(texts: list[str] | tuple[str, ...]) -> FloatArray:
    """[N, D] float32 inputs of the hook network, cached by content."""
    return cached_embeddings(texts, LayerEmbedder(LAYERS)).astype(np.float32)
