"""Comments of GoEmotions as token states or token numbers, in batches of like length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from talkreel.core.arrays import FloatArray
from talkreel.data.goemotions import ANSWERS, DATASET, Comments, load_comments
from talkreel.data.manifest import open_dataset
from talkreel.features.token_cache import cached_tokens
from talkreel.models.bundle import DataSource
from talkreel.models.emotion_text import FEATURES, LAYERS, padded
from talkreel.models.text import TokenEmbedder

Batch = tuple[Tensor, Tensor, Tensor]
_POOL = 32  # batches whose rows are sorted by length together


class CommentRows(Dataset[Batch]):
    """Padded inputs, mask and targets, a list of rows at a time."""

    def __init__(self, inputs: Sequence[NDArray[Any]], targets: FloatArray) -> None:
        self._inputs = inputs
        self._targets = torch.from_numpy(targets)
        self.lengths = np.asarray([len(row) for row in inputs])

    def __len__(self) -> int:
        return len(self._inputs)

    def __getitem__(self, rows: list[int]) -> Batch:
        chosen = [self._inputs[i] for i in rows]
        if chosen[0].ndim == 1:  # token numbers
            states, mask = padded([row[:, None] for row in chosen])
            return states[..., 0].long(), mask, self._targets[rows]
        return *padded(chosen), self._targets[rows]


class ByLength(Sampler[list[int]]):
    """Batches of rows of like length, so that little is padded.

    Args:
        lengths: of the rows.
        batch_size: rows per batch.
        generator: shuffles; None keeps the order of length.
    """

    def __init__(
        self,
        lengths: NDArray[np.int64],
        batch_size: int,
        generator: torch.Generator | None,
    ) -> None:
        self._lengths = lengths
        self._batch_size = batch_size
        self.generator = generator

    def __len__(self) -> int:
        return -(-len(self._lengths) // self._batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        size = self._batch_size
        if self.generator is None:
            order = np.argsort(self._lengths, kind="stable").tolist()
            yield from (order[i : i + size] for i in range(0, len(order), size))
            return
        order = torch.randperm(len(self._lengths), generator=self.generator).tolist()
        batches = []
        for begin in range(0, len(order), size * _POOL):
            pool = sorted(order[begin : begin + size * _POOL], key=self._lengths.__getitem__)
            batches += [pool[i : i + size] for i in range(0, len(pool), size)]
        for at in torch.randperm(len(batches), generator=self.generator).tolist():
            yield batches[at]


class EmotionTextData(LightningDataModule):
    """The official split.

    Args:
        root: of the data; default as in ``open_dataset``.
        batch_size: comments per batch.
        seed: of the order.
        limit: rows per split, for a short run.
        inputs: ``states`` of frozen layers, or token ``ids`` for a network that holds MiniLM.
    """

    labels = ANSWERS
    features = FEATURES

    def __init__(
        self,
        root: str | None = None,
        batch_size: int = 64,
        seed: int = 0,
        limit: int | None = None,
        inputs: str = "states",
    ) -> None:
        super().__init__()
        if inputs not in ("states", "ids"):
            raise ValueError(f"inputs are states or ids, got {inputs!r}")
        self._root = Path(root) if root else None
        self._batch_size = batch_size
        self._seed = seed
        self._limit = limit
        self._inputs = inputs
        self._splits: dict[str, Comments] | None = None
        self._rows: dict[str, CommentRows] = {}

    @property
    def sources(self) -> tuple[DataSource, ...]:
        """What it is trained on."""
        return (open_dataset(DATASET, self._root).source,)

    def comments(self, split: str) -> Comments:
        """The comments of a split, the first ``limit`` of them."""
        if self._splits is None:
            self._splits = load_comments(self._root)
        found = self._splits[split]
        rows = slice(None, self._limit)
        return Comments(found.texts[rows], found.targets[rows], found.in_train[rows])

    def rows(self, split: str) -> CommentRows:
        """Inputs and targets of a split; states are computed once, ever."""
        if split not in self._rows:
            found = self.comments(split)
            embedder = TokenEmbedder(LAYERS)
            inputs: Sequence[NDArray[Any]] = (
                cached_tokens(found.texts, embedder)
                if self._inputs == "states"
                else [np.asarray(ids) for ids in embedder.ids(found.texts)]
            )
            self._rows[split] = CommentRows(inputs, found.targets)
        return self._rows[split]

    def train_dataloader(self) -> DataLoader[Batch]:
        """Shuffled."""
        return self._loader("train", torch.Generator().manual_seed(self._seed))

    def val_dataloader(self) -> DataLoader[Batch]:
        """By length."""
        return self._loader("val", None)

    def test_dataloader(self) -> DataLoader[Batch]:
        """By length."""
        return self._loader("test", None)

    def _loader(self, split: str, generator: torch.Generator | None) -> DataLoader[Batch]:
        rows = self.rows(split)
        order = ByLength(rows.lengths, self._batch_size, generator)
        return DataLoader(rows, sampler=order, batch_size=None, num_workers=0)
