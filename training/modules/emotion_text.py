"""Training of the text emotion networks on GoEmotions."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.nn import functional

from talkreel.core.arrays import FloatArray
from talkreel.data.goemotions import FINE
from talkreel.models.bundle import Metric
from talkreel.models.emotion_text import EmotionFinetunedNet, EmotionTextNet
from training.calibration import calibration_metric
from training.datamodules.emotion_text import Batch, ByLength, EmotionTextData
from training.emotion_text_figures import baselines, best_thresholds, f1, text_metrics

_TEMPERATURES = torch.exp(torch.linspace(-0.7, 0.7, 57))


class EmotionTextModule(LightningModule):
    """Binary cross entropy of all 39 answers at once: 28 labels, Ekman's classes, groups.

    After each epoch the temperature and the threshold of each answer are set on the validation
    split; the checkpoint holds them.

    Args:
        net: an ``EmotionTextNet`` or an ``EmotionFinetunedNet``.
        lr: highest learning rate of a one-cycle schedule.
        weight_decay: decoupled.
        encoder_lr_share: learning rate of the layers of MiniLM, as a share of ``lr``.
    """

    monitor = "val/macro_f1"
    mode = "max"

    def __init__(
        self,
        net: nn.Module,
        lr: float = 1e-3,
        weight_decay: float = 0.01,
        encoder_lr_share: float = 0.1,
    ) -> None:
        super().__init__()
        assert isinstance(net, EmotionTextNet | EmotionFinetunedNet)
        self.net: EmotionTextNet | EmotionFinetunedNet = net
        self._lr, self._weight_decay, self._share = lr, weight_decay, encoder_lr_share
        self._seen: list[tuple[Tensor, Tensor]] = []

    def on_fit_start(self) -> None:
        """Start from the frequencies of the answers, unless a checkpoint is going to be loaded."""
        net = self.net
        head = net.head if isinstance(net, EmotionFinetunedNet) else net
        rows = self.trainer.datamodule.comments("train").targets
        shares = torch.from_numpy(rows.mean(axis=0)).clamp(1e-4, 1 - 1e-4)
        if self.trainer.ckpt_path is None:
            head.evidence.bias.data.copy_(torch.logit(shares))

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """Loss of one batch."""
        inputs, mask, targets = batch
        loss = functional.binary_cross_entropy_with_logits(self.net(inputs, mask), targets)
        self.log("train/loss", loss, prog_bar=True)
        return loss

    def validation_step(self, batch: Batch, index: int) -> None:
        """Keep the log odds of a batch."""
        inputs, mask, targets = batch
        self._seen.append((self.net(inputs, mask).float(), targets))

    def on_validation_epoch_end(self) -> None:
        """Log the figures of the epoch and calibrate."""
        odds, targets = (torch.cat(part) for part in zip(*self._seen, strict=True))
        self._seen.clear()
        loss = functional.binary_cross_entropy_with_logits
        losses = [float(loss(odds / value, targets)) for value in _TEMPERATURES]
        temperature = float(_TEMPERATURES[int(np.argmin(losses))])
        chances = torch.sigmoid(odds / temperature).cpu().numpy()
        truth = targets.cpu().numpy()
        limits = best_thresholds(chances, truth)
        self.net.temperature.fill_(temperature)
        self.net.thresholds.copy_(torch.from_numpy(limits))
        self.log("val/loss", loss(odds, targets))
        said = (chances >= limits)[:, FINE].astype(np.float32)
        self.log("val/macro_f1", float(f1(said, truth[:, FINE]).mean()), prog_bar=True)

    def configure_optimizers(self) -> dict[str, object]:
        """AdamW, one cycle; the layers of MiniLM learn more slowly than the head."""
        encoder = getattr(self.net, "encoder", nn.Module())
        slow = [weight for weight in encoder.parameters() if weight.requires_grad]
        known = {id(weight) for weight in encoder.parameters()}
        fast = [weight for weight in self.net.parameters() if id(weight) not in known]
        groups: list[dict[str, object]] = [{"params": fast, "lr": self._lr}]
        if slow:
            groups.append({"params": slow, "lr": self._lr * self._share})
        optimizer = torch.optim.AdamW(groups, weight_decay=self._weight_decay)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer,
            max_lr=[float(str(group["lr"])) for group in groups],
            total_steps=int(self.trainer.estimated_stepping_batches) + 1,
            pct_start=0.1,
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def evaluate(self, data: EmotionTextData, split: str) -> tuple[Metric, ...]:
        """Macro-F1 of the three levels, with and without duplicates, baselines beside it."""
        plain = baselines(data.comments("train"), data.comments("val"), data.comments(split))
        return self.figures(data, split) + plain

    def figures(self, data: EmotionTextData, split: str) -> tuple[Metric, ...]:
        """Those of this very network alone."""
        chances, comments = self.chances(data, split), data.comments(split)
        limits = self.net.thresholds.cpu().numpy()
        likeliest = chances[:, FINE].argmax(axis=1)
        rows = np.arange(len(comments))
        calibration = calibration_metric(
            f"GoEmotions official {split}, probability of the likeliest of 28 labels",
            rows.tolist(),
            chances[rows, likeliest],
            comments.targets[rows, likeliest] > 0,
        )
        return (*text_metrics(chances, limits, comments), calibration)

    @torch.inference_mode()
    def chances(self, data: EmotionTextData, split: str) -> FloatArray:
        """[N, 39] calibrated probabilities in the order of the split."""
        self.net.eval()
        rows = data.rows(split)
        order = [list(batch) for batch in ByLength(rows.lengths, 256, None)]
        out: NDArray[np.float32] = np.zeros((len(rows), len(data.labels)), dtype=np.float32)
        for batch in order:
            inputs, mask, _ = rows[batch]
            out[batch] = torch.sigmoid(self.net(inputs, mask) / self.net.temperature).numpy()
        return out
