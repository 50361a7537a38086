"""A task of its own for the tests of training: is the sum of eight numbers positive?"""

from __future__ import annotations

import time

import numpy as np
import torch
from pytorch_lightning import LightningDataModule, LightningModule
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from talkreel.data.intervals import measured
from talkreel.models.architectures import ARCHITECTURES
from talkreel.models.bundle import DataSource, Metric

WIDTH = 8
SPLITS = {"train": 0, "val": 1, "test": 2}


class TinyNet(nn.Module):
    """Two layers and a dropout, so that the random state matters."""

    architecture = "tiny"

    def __init__(self, hidden: int = 8, dropout: float = 0.2) -> None:
        super().__init__()
        if hidden < 1:
            raise ValueError(f"hidden must be positive, got {hidden}")
        self.arguments = {"hidden": hidden, "dropout": dropout}
        self.layers = nn.Sequential(
            nn.Linear(WIDTH, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, 1)
        )
        self.register_buffer("scale", torch.ones(WIDTH))

    def forward(self, rows: Tensor, mask: Tensor | None = None) -> Tensor:
        values = rows * self.scale
        if mask is not None:
            values = values * mask[:, None]
        return self.layers(values).squeeze(-1)


ARCHITECTURES.setdefault("tiny", ("tests.tiny.task", "TinyNet"))


class TinyData(LightningDataModule):
    """Rows drawn with a seed; ``noise`` flips labels."""

    def __init__(
        self, rows: int = 256, batch_size: int = 32, seed: int = 0, noise: float = 0.1
    ) -> None:
        super().__init__()
        self._rows, self._batch, self._seed, self._noise = rows, batch_size, seed, noise

    features = "tiny/1"
    labels = ("positive",)

    @property
    def sources(self) -> tuple[DataSource, ...]:
        return (DataSource("tiny", "CC0", f"{self._seed}", True),)

    def arrays(self, split: str) -> tuple[Tensor, Tensor]:
        rng = np.random.default_rng([self._seed, SPLITS[split]])
        rows = rng.normal(size=(self._rows, WIDTH)).astype(np.float32)
        flipped = rng.random(self._rows) < self._noise
        labels = ((rows.sum(1) > 0) ^ flipped).astype(np.float32)
        return torch.from_numpy(rows), torch.from_numpy(labels)

    def train_dataloader(self) -> DataLoader:
        return DataLoader(TensorDataset(*self.arrays("train")), self._batch, shuffle=True)

    def val_dataloader(self) -> DataLoader:
        return DataLoader(TensorDataset(*self.arrays("val")), self._batch)


class TinyModule(LightningModule):
    """As the modules of the real tasks; ``poison_epoch`` and ``pause_seconds`` are for tests."""

    monitor, mode = "val/auc", "max"

    def __init__(
        self, net: nn.Module, lr: float = 0.02, poison_epoch: int = -1, pause_seconds: float = 0
    ) -> None:
        super().__init__()
        self.net = net
        self._lr, self._poison, self._pause = lr, poison_epoch, pause_seconds
        self._seen: list[tuple[Tensor, Tensor]] = []

    def _loss(self, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        rows, labels = batch
        logits = self.net(rows, mask=torch.ones(len(rows)))
        return nn.functional.binary_cross_entropy_with_logits(logits, labels), logits

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        time.sleep(self._pause)
        loss, _ = self._loss(batch)
        if self.current_epoch == self._poison:
            loss = loss * float("nan")
        self.log("train/loss", loss)
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], index: int) -> None:
        loss, logits = self._loss(batch)
        self.log("val/loss", loss)
        self._seen.append((logits, batch[1]))

    def on_validation_epoch_end(self) -> None:
        logits = torch.cat([logits for logits, _ in self._seen])
        labels = torch.cat([labels for _, labels in self._seen])
        self._seen.clear()
        self.log("val/auc", float(roc_auc_score(labels, logits)))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=self._lr)

    def evaluate(self, data: TinyData, split: str) -> tuple[Metric, ...]:
        rows, labels = (part for part in data.arrays(split))
        with torch.no_grad():
            scores = torch.sigmoid(self.net(rows)).numpy()
        truth, groups = labels.numpy(), list(range(len(labels)))
        error = abs(float(scores.mean() - truth.mean()))
        protocol = f"tiny, {split}"
        return (
            measured("auc", protocol, groups, lambda at: roc_auc_score(truth[at], scores[at])),
            measured("auc/first", protocol, groups,
                     lambda at: roc_auc_score(truth[at], rows.numpy()[at, 0])),
            Metric("ece", error, error, error, len(groups), protocol),
        )  # fmt: skip
