"""Training of the voice emotion network, and its figures with speakers left out."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import LightningModule, seed_everything
from torch import Tensor, nn
from torch.nn import functional

from talkreel.core.emotions import EMOTIONS
from talkreel.data.intervals import measured
from talkreel.models.architectures import build
from talkreel.models.bundle import Metric
from talkreel.models.emotion import EMOTION_OF, to_emotions
from talkreel.models.emotion_voice import EmotionVoiceNet
from training.calibration import calibration_metric
from training.datamodules.emotion_voice import Batch, EmotionVoiceData
from training.quiet import quiet_trainer
from training.schedules import one_cycle
from training.voice_baselines import voice_baselines

_MIXUP = 0.3


class EmotionVoiceModule(LightningModule):
    """Cross entropy, weighted so that each emotion counts alike, with mixup (Zhang et al. 2018).

    Args:
        net: an ``EmotionVoiceNet``.
        lr: highest learning rate of the one-cycle schedule.
        weight_decay: of all weights.
        epochs: of each training in ``evaluate``; the same as of the training itself.
        members: networks per training in ``evaluate``, whose log odds are averaged.
        seed: of the trainings in ``evaluate``.
    """

    monitor = "val/loss"
    mode = "min"

    def __init__(
        self,
        net: nn.Module,
        lr: float = 2e-3,
        weight_decay: float = 0.05,
        epochs: int = 40,
        members: int = 1,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.net = net
        self._lr, self._weight_decay = lr, weight_decay
        self._epochs, self._members, self._seed = epochs, members, seed
        self._seen: list[tuple[Tensor, Tensor]] = []
        self._weights: Tensor | None = None

    def on_fit_start(self) -> None:
        """Take over how the training voices sound, and how rare each emotion is."""
        data: EmotionVoiceData = self.trainer.datamodule
        assert isinstance(self.net, EmotionVoiceNet)
        self.net.reference = data.reference
        known = data.table.labels[~data.held_out(data.fold)]
        counts = np.bincount(known, minlength=len(data.labels)).clip(min=1)
        self._weights = torch.tensor(len(known) / len(counts) / counts, dtype=torch.float32)

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """Loss of one batch, each clip mixed with another."""
        sound, statistics, labels = batch
        statistics = statistics + 0.1 * torch.randn_like(statistics)
        share = float(np.random.beta(_MIXUP, _MIXUP))
        other = torch.randperm(len(labels))
        logits = self.net(
            share * sound + (1 - share) * sound[other],
            share * statistics + (1 - share) * statistics[other],
        ).float()
        loss = share * self._loss(logits, labels) + (1 - share) * self._loss(logits, labels[other])
        self.log("train/loss", loss)
        return loss

    def _loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        return functional.cross_entropy(logits, labels, self._weights, label_smoothing=0.1)

    def validation_step(self, batch: Batch, index: int) -> None:
        """Keep the log odds of a batch."""
        sound, statistics, labels = batch
        self._seen.append((self.net(sound, statistics).float(), labels))

    def on_validation_epoch_end(self) -> None:
        """Log the unweighted average recall."""
        logits = torch.cat([logits for logits, _ in self._seen])
        labels = torch.cat([labels for _, labels in self._seen])
        self._seen.clear()
        self.log("val/loss", functional.cross_entropy(logits, labels))
        guess = logits.argmax(dim=1).numpy()
        self.log("val/uar", unweighted_recall(labels.numpy(), guess), prog_bar=True)

    def configure_optimizers(self) -> dict[str, object]:
        """AdamW, one cycle over all steps."""
        return one_cycle(self, lr=self._lr, weight_decay=self._weight_decay, warm_up=0.2)

    def evaluate(self, data: EmotionVoiceData, split: str = "speakers") -> tuple[Metric, ...]:
        """Recall with each group of speakers held out in turn, baselines beside it.

        A fresh network of the same kind is trained for every group; nothing is chosen on those
        who are held out, and the last weights count. The temperature of the network, an argument,
        was fitted to such log odds by ``experiments/2026-11-22-emotion-voice/run.py``.
        """
        own, general = self.held_out_logits(data)
        odds = torch.from_numpy(own) / self.net.get_buffer("temperature")
        said, guess = functional.softmax(odds, dim=1).max(dim=1)
        calibration = calibration_metric(
            f"{data.name}, {_folds(data)}; {_OWN}; probability of the likeliest emotion",
            data.table.speakers.tolist(),
            said.numpy(),
            guess.numpy() == data.table.labels,
        )
        metrics = (*recalls(data, own, general), calibration, *self.transfer(data))
        return (*metrics, *voice_baselines(data, _folds(data)))

    def held_out_logits(
        self, data: EmotionVoiceData
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """[N, labels] log odds of each clip by networks that never heard its speaker.

        First relative to the speaker's own clips, then relative to the training voices.
        """
        shape = (2, len(data.table.labels), len(data.labels))
        logits = np.zeros(shape, dtype=np.float32)
        for fold in range(data.folds):
            rows = data.held_out(fold)
            for member in range(self._members if rows.any() else 0):
                logits[:, rows] += self._trained_without(data, fold, self._seed + 100 * member)
        return logits[0] / self._members, logits[1] / self._members

    def transfer(self, data: EmotionVoiceData) -> tuple[Metric, ...]:
        """Recall of this very network on the other corpus, which it never heard."""
        other = data.other()
        common = [EMOTION_OF[label] for label in data.labels]
        truth = np.array([EMOTION_OF[label] for label in other.labels])[other.table.labels]
        rows = np.isin(truth, common)
        found = []
        for suffix, relative in (("", True), (" unknown speaker", False)):
            values = torch.from_numpy(_logits(self.net, other, relative, self.net))
            spread = functional.softmax(values, dim=1).numpy()
            guess = np.array(EMOTIONS)[to_emotions(spread, data.labels).argmax(axis=1)]
            found.append(
                measured(
                    f"uar {other.name}{suffix}",
                    f"trained on {data.name}, all clips of {other.name} with an emotion of both, "
                    f"{len(set(truth[rows]))} emotions; {_OWN if relative else _GENERAL}",
                    other.table.speakers[rows].tolist(),
                    lambda index, guess=guess: unweighted_recall(  # type: ignore[misc]
                        truth[rows][index], guess[rows][index]
                    ),
                )
            )
        return tuple(found)

    def _trained_without(self, data: EmotionVoiceData, fold: int, seed: int) -> NDArray[np.float32]:
        seed_everything(seed, verbose=False)
        fresh = build(self.net.architecture, self.net.arguments)  # type: ignore[arg-type]
        part = copy.copy(data)
        part.fold = fold
        module = EmotionVoiceModule(fresh, self._lr, self._weight_decay)
        quiet_trainer(self._epochs).fit(module, datamodule=part)
        return np.stack([_logits(fresh, part, relative) for relative in (True, False)])


_OWN = "features relative to the speaker's own clips, of whatever emotion"
_GENERAL = "features relative to the training voices: nothing known of the speaker"


@torch.inference_mode()
def _logits(
    net: nn.Module, data: EmotionVoiceData, relative: bool, known: nn.Module | None = None
) -> NDArray[np.float32]:
    net.eval()
    data.relative = relative
    data.known = known.reference if isinstance(known, EmotionVoiceNet) else None
    parts = [net(sound, values).float().numpy() for sound, values, _ in data.val_dataloader()]
    return np.concatenate(parts)


def unweighted_recall(truth: NDArray[Any], guess: NDArray[Any]) -> float:
    """Mean over the emotions in ``truth`` of the share that is found."""
    return float(np.mean([(guess[truth == label] == label).mean() for label in np.unique(truth)]))


def recalls(
    data: EmotionVoiceData, own: NDArray[np.float32], general: NDArray[np.float32]
) -> tuple[Metric, ...]:
    """Recall by the log odds of ``held_out_logits``; the interval is over speakers."""
    return (
        _recall("uar", _OWN, data, own),
        _recall("uar unknown speaker", _GENERAL, data, general),
    )


def _recall(name: str, words: str, data: EmotionVoiceData, logits: NDArray[np.float32]) -> Metric:
    truth, guess = data.table.labels, logits.argmax(axis=1)
    return measured(
        name,
        f"{data.name}, {_folds(data)}; {words}",
        data.table.speakers.tolist(),
        lambda rows: unweighted_recall(truth[rows], guess[rows]),
    )


def _folds(data: EmotionVoiceData) -> str:
    speakers = len(np.unique(data.table.speakers))
    if data.folds >= speakers:
        return f"leave one of {speakers} speakers out"
    return f"{data.folds} groups of {speakers} speakers, one left out at a time"
