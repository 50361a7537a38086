"""Training of the face emotion network on the votes of FER+ and the labels of FER2013."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.nn import functional

from talkreel.data.fer import FerFaces
from talkreel.data.intervals import measured
from talkreel.models.bundle import Metric
from talkreel.models.emotion_face import PLUS
from training.baselines import face_baselines
from training.calibration import NAME, calibration_metric
from training.datamodules.emotion_face import Batch, EmotionFaceData
from training.schedules import one_cycle
from training.temperature import best_temperature


class EmotionFaceModule(LightningModule):
    """Cross entropy with the shares of the votes, and with the FER2013 labels beside it.

    The first epochs see the faces at 32 pixels and the next at 40: the cost falls with the
    square, and coarse features come first anyway.

    Args:
        net: an ``EmotionFaceNet``.
        lr: highest learning rate of the one-cycle schedule.
        weight_decay: of all weights.
        fer_weight: of the loss on the FER2013 labels.
        small_share: of the training, at 32 pixels.
        medium_share: of the training, at 40 pixels.
    """

    monitor = "val/accuracy"
    mode = "max"

    def __init__(
        self,
        net: nn.Module,
        lr: float = 3e-3,
        weight_decay: float = 0.02,
        fer_weight: float = 0.5,
        small_share: float = 0.5,
        medium_share: float = 0.25,
    ) -> None:
        super().__init__()
        self.net = net.to(memory_format=torch.channels_last)
        self._lr, self._weight_decay, self._fer_weight = lr, weight_decay, fer_weight
        self._shares = (small_share, small_share + medium_share)
        self._seen: list[tuple[Tensor, Tensor]] = []

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """Loss of one batch of shifted, turned, mirrored and partly covered faces."""
        faces, targets, labels = batch
        logits = self.net(augmented(faces, self._side())).float()
        loss = soft_loss(logits[:, :PLUS], targets)
        fer = functional.cross_entropy(logits[:, PLUS:], labels, label_smoothing=0.1)
        self.log("train/loss", loss, prog_bar=True)
        return loss + self._fer_weight * fer

    def validation_step(self, batch: Batch, index: int) -> None:
        """Keep the log odds of a batch."""
        faces, targets, _ = batch
        self._seen.append((self.net.mirrored(faces)[:, :PLUS].float(), targets))  # type: ignore[operator]

    def on_validation_epoch_end(self) -> None:
        """Log the figures of the epoch and set the temperature, which the checkpoint then holds."""
        logits = torch.cat([logits for logits, _ in self._seen])
        targets = torch.cat([targets for _, targets in self._seen])
        self._seen.clear()
        self.log("val/loss", soft_loss(logits, targets))
        clear = targets.max(dim=1).values > 0.5
        right = logits.argmax(dim=1) == targets.argmax(dim=1)
        self.log("val/accuracy", right[clear].float().mean(), prog_bar=True)
        self.net.get_buffer("temperature").fill_(best_temperature(logits, targets))

    def configure_optimizers(self) -> dict[str, object]:
        """AdamW, one cycle over all steps."""
        return one_cycle(self, lr=self._lr, weight_decay=self._weight_decay, warm_up=0.2)

    def evaluate(self, data: EmotionFaceData, split: str) -> tuple[Metric, ...]:
        """Accuracy on FER+ and FER2013, with and without duplicates, baselines beside it."""
        plain = face_baselines(data.faces("train"), data.faces(split), split)
        return self.figures(data, split) + plain

    def figures(self, data: EmotionFaceData, split: str) -> tuple[Metric, ...]:
        """Those of this very network alone."""
        faces, logits = data.faces(split), self.log_odds(data, split)
        temperature = float(self.net.get_buffer("temperature"))
        return face_metrics(logits, faces, split) + face_calibration(
            logits / temperature, faces, split
        )

    @torch.inference_mode()
    def log_odds(self, data: EmotionFaceData, split: str) -> NDArray[np.float32]:
        """[N, 8 + 7] of the faces of a split, each with its mirror image."""
        self.net.eval()
        loader = data.test_dataloader() if split == "test" else data.val_dataloader()
        parts = [self.net.mirrored(batch[0]).float().numpy() for batch in loader]  # type: ignore[operator]
        return np.concatenate(parts)

    def _side(self) -> int:
        done = self.global_step / max(1, int(self.trainer.estimated_stepping_batches))
        return 32 if done < self._shares[0] else 40 if done < self._shares[1] else 48


def soft_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross entropy with shares of votes; rows without votes do not count."""
    each = -(targets * functional.log_softmax(logits, dim=1)).sum(dim=1)
    return each.sum() / targets.sum().clamp(min=1)


def augmented(faces: Tensor, side: int) -> Tensor:
    """Faces mirrored, turned, scaled, shifted and partly covered, at ``side`` pixels.

    Args:
        faces: [N, 1, 48, 48].
        side: of the result.
    """
    count = len(faces)
    angle = (torch.rand(count) - 0.5) * math.radians(24)
    scale = 0.85 + 0.25 * torch.rand(count)
    flip = torch.randint(0, 2, (count,)) * 2.0 - 1
    matrix = torch.zeros(count, 2, 3)
    matrix[:, 0, 0], matrix[:, 0, 1] = scale * angle.cos() * flip, -scale * angle.sin()
    matrix[:, 1, 0], matrix[:, 1, 1] = scale * angle.sin() * flip, scale * angle.cos()
    matrix[:, :, 2] = (torch.rand(count, 2) - 0.5) * 0.3
    grid = functional.affine_grid(matrix, [count, 1, side, side], align_corners=False)
    moved = functional.grid_sample(faces, grid, padding_mode="border", align_corners=False)
    return _covered(moved, side)


def _covered(faces: Tensor, side: int) -> Tensor:
    """A square of a third of the side set to the mean, in half of the faces (DeVries 2017)."""
    size = side // 3
    corner = torch.randint(-size // 2, side - size // 2, (len(faces), 2, 1))
    axis = torch.arange(side)
    inside = (axis >= corner) & (axis < corner + size)
    cover = inside[:, 0, :, None] & inside[:, 1, None, :]
    cover &= (torch.rand(len(faces)) < 0.5)[:, None, None]
    return faces.masked_fill(cover[:, None], 0.0)


def face_metrics(
    logits: NDArray[np.float32], faces: FerFaces, split: str, suffix: str = ""
) -> tuple[Metric, ...]:
    """Accuracies of [N, 8 + 7] log odds; the interval is over images.

    Args:
        logits: of the faces.
        faces: with their labels.
        split: named in the protocol.
        suffix: of the metric names, e.g. ``/hog``.
    """
    plus, fer = logits[:, :PLUS].argmax(axis=1), logits[:, PLUS:].argmax(axis=1)
    once = ~faces.duplicate
    everything = np.ones(len(once), dtype=bool)
    rows = [
        ("fer+ majority", plus, faces.majority, faces.majority >= 0),
        ("fer+ plurality", plus, faces.plurality, faces.plurality >= 0),
        ("fer2013", fer, faces.fer_label, everything),
    ]
    metrics = []
    for name, guess, truth, known in rows:
        for kept, words in ((everything, "all images"), (once, "without images also in train")):
            right = (guess == truth)[known & kept]
            if not len(right):
                continue
            short = "" if kept is everything else " deduplicated"
            metrics.append(
                measured(
                    f"accuracy {name}{short}{suffix}",
                    f"FER2013 {split} split, {name}, {words}",
                    range(len(right)),
                    lambda index, right=right: float(right[index].mean()),  # type: ignore[misc]
                )
            )
    return tuple(metrics)


def face_calibration(odds: NDArray[np.float32], faces: FerFaces, split: str) -> tuple[Metric, ...]:
    """How far the probability of the likeliest FER+ emotion is from what people said.

    The network learned the shares of the votes, so its probability is that of the vote of a person
    drawn by chance. The emotion of most people is right more often than that: the second figure.

    Args:
        odds: [N, 8 + 7] calibrated log odds.
        faces: with their labels.
        split: named in the protocol.
    """
    spread = functional.softmax(torch.from_numpy(odds[:, :PLUS]), dim=1).numpy()
    said, guess = spread.max(axis=1), spread.argmax(axis=1)
    votes = faces.targets
    asked = (
        (NAME, "share of the votes", votes[np.arange(len(guess)), guess], votes.any(axis=1)),
        (f"{NAME} majority", "fer+ majority", guess == faces.majority, faces.majority >= 0),
    )
    words = f"FER2013 {split} split, probability of the likeliest emotion against"
    return tuple(
        calibration_metric(
            f"{words} {against}",
            np.flatnonzero(known).tolist(),
            said[known],
            right[known],
            name=name,
        )
        for name, against, right, known in asked
    )
