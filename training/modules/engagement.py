"""Training of the engagement model on reactions of audiences and on summaries."""

from __future__ import annotations

import numpy as np
import torch
from pytorch_lightning import LightningModule
from torch import Tensor
from torch.nn import functional

from talkreel.core.arrays import FloatArray
from talkreel.core.errors import InputError
from talkreel.data.ranks import auc
from talkreel.data.splits import Split
from talkreel.features.sentences import MEL
from talkreel.features.voice import MELS
from talkreel.models.bundle import Metric
from talkreel.models.engagement import LABELS, EngagementNet, reaction_logits
from training.datamodules.engagement import Batch, EngagementData
from training.modules.engagement_metrics import (
    Scored,
    importance_metrics,
    reaction_metrics,
    standing_metrics,
)
from training.schedules import one_cycle

_IMPORTANCE = LABELS.index("importance")


class EngagementModule(LightningModule):
    """Cross entropy on what is known of each sentence; unknown labels weigh nothing.

    Args:
        net: an ``EngagementNet``.
        lr: highest learning rate of the one-cycle schedule.
        weight_decay: of all weights.
        positive_weight: of a positive against a negative; 1 leaves probabilities calibrated.
        pairs_weight: of a loss on the order of sentences within a talk, beside cross entropy.
    """

    mode = "max"

    def __init__(
        self,
        net: EngagementNet,
        lr: float = 2e-3,
        weight_decay: float = 0.05,
        positive_weight: float = 1.0,
        pairs_weight: float = 0.0,
    ) -> None:
        super().__init__()
        self.net = net
        self.monitor = "val/auc"
        self._lr, self._weight_decay = lr, weight_decay
        self._positive_weight, self._pairs_weight = positive_weight, pairs_weight
        self._seen: list[tuple[Tensor, Tensor]] = []
        self._scaled = False

    def setup(self, stage: str) -> None:
        """Measure means and scales on the training talks, before the first epoch."""
        if stage == "fit" and not self._scaled:
            data: EngagementData = self.trainer.datamodule
            check_pictures(self.net, data)
            for name, stream in (("text", 0), ("form", None), ("timing", 1), ("sound", 2)):
                set_scales(self.net, data, name, stream)
            if self.net.mel_width:
                set_scales(self.net, data, "mel", MEL)
            self._scaled = True

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """Mean loss of the members, each trained on its own."""
        losses = [self._loss(logits, batch["labels"]) for logits in self.net.each(batch)]
        loss = torch.stack(losses).mean()
        self.log("train/loss", loss, prog_bar=True, batch_size=len(batch["lengths"]))
        return loss

    def validation_step(self, batch: Batch, index: int) -> None:
        """Keep the log odds of a batch."""
        logits = self.net(batch)
        for row, labels, length in zip(logits, batch["labels"], batch["lengths"], strict=True):
            self._seen.append((row[:length].float().cpu(), labels[:length].cpu()))

    def on_validation_epoch_end(self) -> None:
        """Log loss and AUC of the epoch."""
        logits = torch.cat([logits for logits, _ in self._seen])
        labels = torch.cat([labels for _, labels in self._seen])
        self._seen.clear()
        self.log("val/loss", masked_loss(logits, labels))
        self.log("val/auc", headline_auc(logits, labels), prog_bar=True)

    def configure_optimizers(self) -> dict[str, object]:
        """AdamW, one cycle over all steps."""
        return one_cycle(self, lr=self._lr, weight_decay=self._weight_decay, warm_up=0.15)

    def evaluate(self, data: EngagementData, split: Split) -> tuple[Metric, ...]:
        """Figures on ``split`` of ``data`` with those of plain methods beside them.

        The plain methods learn from the training split of the same data.
        """
        return self._measured(data, split, plain=True)

    def figures(self, data: EngagementData, split: Split) -> tuple[Metric, ...]:
        """Those of this very network alone."""
        return self._measured(data, split, plain=False)

    def _measured(self, data: EngagementData, split: Split, *, plain: bool) -> tuple[Metric, ...]:
        data.setup()
        scored = [
            Scored(talk, *scores)
            for talk, scores in zip(data.talks[split], self.scores(data, split), strict=True)
        ]
        measures = {"vtssum": importance_metrics, "custom": standing_metrics}
        return measures.get(data.name, reaction_metrics)(scored, data, split, plain=plain)

    @torch.no_grad()
    def scores(self, data: EngagementData, split: Split) -> list[tuple[FloatArray, FloatArray]]:
        """Log odds [N] of a reaction and [N, 3] of all labels, for each talk of ``split``."""
        self.net.eval()
        kinds = [LABELS.index(name) for name in data.labels if name in LABELS[:_IMPORTANCE]]
        device = next(self.net.parameters()).device
        found = []
        for batch in data.whole(split):
            logits = self.net({name: part.to(device) for name, part in batch.items()}).cpu()
            for row, length in zip(logits, batch["lengths"], strict=True):
                reaction = reaction_logits(row[:length], kinds or (0, 1))
                found.append((reaction.numpy(), row[:length].numpy()))
        return found

    def _loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        loss = masked_loss(logits, labels, self._positive_weight)
        if self._pairs_weight:
            loss = loss + self._pairs_weight * pairs_loss(logits, labels)
        return loss


def masked_loss(logits: Tensor, labels: Tensor, positive_weight: float = 1.0) -> Tensor:
    """Mean cross entropy over the labels that are known (not NaN)."""
    known = ~torch.isnan(labels)
    targets = torch.where(known, labels, 0.0)
    weight = torch.tensor(positive_weight, device=logits.device)
    each = functional.binary_cross_entropy_with_logits(
        logits, targets, reduction="none", pos_weight=weight
    )
    return (each * known).sum() / known.sum().clamp(min=1)


def pairs_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean log loss that a positive stands above a negative of the same window and label.

    Blind to how often a transcript marks anything: only the order within a talk counts.
    """
    gaps = logits[:, :, None] - logits[:, None]
    wanted = (labels[:, :, None] > labels[:, None]).to(logits.dtype)
    return (functional.softplus(-gaps) * wanted).sum() / wanted.sum().clamp(min=1)


def headline_auc(logits: Tensor, labels: Tensor) -> float:
    """AUC for a reaction where one is known, else for importance (above the middle)."""
    reactions = labels[:, :_IMPORTANCE]
    known = ~torch.isnan(reactions).all(dim=1)
    if known.any():
        truth = reactions[known].nan_to_num().amax(dim=1) > 0.5
        kinds = (~torch.isnan(reactions).all(dim=0)).nonzero().flatten().tolist()
        return auc(reaction_logits(logits[known], kinds).numpy(), truth.numpy())
    important = labels[:, _IMPORTANCE]
    known = ~torch.isnan(important)
    return auc(logits[known, _IMPORTANCE].numpy(), (important[known] > 0.5).numpy())


def set_scales(net: EngagementNet, data: EngagementData, name: str, stream: int | None) -> None:
    """Means and deviations of one stream over the training rows in which it speaks."""
    rows = np.concatenate([getattr(row, name) for row in data.rows["train"]])
    if stream is not None:
        known = np.concatenate([row.known[:, stream] for row in data.rows["train"]]) > 0
        rows = rows[known]
    if not len(rows):
        return
    if name == "mel":  # a mean for each band
        rows = rows.reshape(len(rows), MELS, -1).swapaxes(1, 2).reshape(-1, MELS)
    mean, scale = (part(rows, axis=0, dtype=np.float32) for part in (np.mean, np.std))
    net.set_scales(name, torch.tensor(mean), torch.tensor(scale))


def check_pictures(net: EngagementNet, data: EngagementData) -> None:
    """See that the net takes pictures of the size that the training data have.

    Raises:
        InputError: it does not.
    """
    found = {row.visual.shape[1] for row in data.rows["train"]} - {0}
    size = int(net.arguments["visual_size"])
    if found - {size}:
        raise InputError(
            f"the pictures have {max(found)} columns, but module.net.visual_size is {size}: "
            f"set module.net.visual_size={max(found)}"
        )
