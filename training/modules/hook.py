"""Training of the hook ranker on pairs of headlines."""

from __future__ import annotations

import numpy as np
import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.nn import functional

from talkreel.core.arrays import FloatArray
from talkreel.data.upworthy import FOLDS
from talkreel.models.bundle import Metric
from talkreel.models.hook import HookNet
from training.datamodules.hook import HookData
from training.hook_figures import (
    CLOSE_CALL,
    HeldOut,
    baseline_metrics,
    close_margin,
    pair_metrics,
    transfer_metrics,
)
from training.quiet import quiet_trainer
from training.temperature import best_temperature


class HookModule(LightningModule):
    """Pairwise logistic loss (Bradley & Terry 1952), each pair weighted by its evidence.

    After each epoch the temperature and the "too close to call" margin are set on the decided
    pairs of the validation stories; the checkpoint holds both.

    Args:
        net: a ``HookNet``.
        lr: highest learning rate of a cosine schedule.
        weight_decay: L2 penalty (not decoupled: the ridge of logistic regression).
        fold_epochs: of the networks that ``evaluate`` trains, as many as of this one.
    """

    monitor = "val/loss"
    mode = "min"

    def __init__(
        self,
        net: nn.Module,
        lr: float = 2e-3,
        weight_decay: float = 0.3,
        fold_epochs: int = 30,
    ) -> None:
        super().__init__()
        assert isinstance(net, HookNet)
        self.net = net
        self._lr, self._weight_decay, self._fold_epochs = lr, weight_decay, fold_epochs
        self._seen: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []

    def on_fit_start(self) -> None:
        """Standardise by the training headlines only."""
        self.net.standardise(self.trainer.datamodule.training_vectors())

    def training_step(self, batch: list[Tensor], index: int) -> Tensor:
        """Loss of one batch."""
        first, second, won, evidence, _ = batch
        loss = _loss(self.net(first) - self.net(second), won, evidence)
        self.log("train/loss", loss, prog_bar=True)
        return loss

    def validation_step(self, batch: list[Tensor], index: int) -> None:
        """Keep the differences of a batch."""
        first, second, won, evidence, decided = batch
        self._seen.append((self.net(first) - self.net(second), won, evidence, decided))

    def on_validation_epoch_end(self) -> None:
        """Log the figures of the epoch and calibrate."""
        difference, won, evidence, decided = (
            torch.cat(part) for part in zip(*self._seen, strict=True)
        )
        self._seen.clear()
        self.log("val/loss", _loss(difference, won, evidence), prog_bar=True)
        if not decided.any():
            return
        difference, won = difference[decided], won[decided]
        self.log("val/accuracy", ((difference > 0) == (won > 0)).float().mean(), prog_bar=True)
        pair = torch.stack([difference, torch.zeros_like(difference)], dim=1)
        temperature = best_temperature(pair, torch.stack([won, 1 - won], dim=1))
        self.net.temperature.fill_(temperature)
        odds = (difference / temperature).numpy()
        self.net.margin.fill_(close_margin(odds, won.numpy(), CLOSE_CALL))

    def configure_optimizers(self) -> dict[str, object]:
        """Adam with L2, cosine to zero."""
        optimizer = torch.optim.Adam(
            self.net.parameters(), lr=self._lr, weight_decay=self._weight_decay
        )
        steps = int(self.trainer.estimated_stepping_batches)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(1, steps))
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def evaluate(self, data: HookData, split: str) -> tuple[Metric, ...]:
        """Figures of five networks of this recipe, each on stories it has not seen.

        The network itself is trained on all stories, so only its transfer to other platforms is
        measured on it. ``split`` is ``test``; ``val`` leaves out the transfer.
        """
        held_out = cross_validate(self, data)
        metrics = pair_metrics(held_out, data.pairs) + baseline_metrics(held_out, data.pairs)
        return metrics if split == "val" else metrics + transfer_metrics(self.net, data.root)


def cross_validate(module: HookModule, data: HookData) -> HeldOut:
    """Log odds, margin and fold of every pair, from the network that did not see its story."""
    count = len(data.pairs)
    odds, margins, folds = np.zeros(count), np.zeros(count), np.zeros(count, dtype=np.int64)
    for fold in range(FOLDS):
        part = data.with_fold(fold)
        net = HookNet(**module.net.arguments)  # type: ignore[arg-type]
        rows = part.rows("test")
        odds[rows] = _fitted_odds(module, net, part)
        margins[rows], folds[rows] = float(net.margin), fold
    return HeldOut(odds, margins, folds)


def _fitted_odds(module: HookModule, net: HookNet, part: HookData) -> FloatArray:
    fresh = HookModule(net, module._lr, module._weight_decay)
    torch.manual_seed(0)
    # Validation sets the temperature and the margin.
    every = {"limit_val_batches": 1.0, "gradient_clip_val": None}
    quiet_trainer(module._fold_epochs, **every).fit(fresh, datamodule=part)
    rows = torch.from_numpy(part.rows("test"))
    with torch.inference_mode():
        return net.eval().log_odds(*(vectors[rows] for vectors in part.vectors)).numpy()


def _loss(difference: Tensor, won: Tensor, evidence: Tensor) -> Tensor:
    each = functional.binary_cross_entropy_with_logits(difference, won, reduction="none")
    return (each * evidence).sum() / evidence.sum().clamp(min=1e-6)
