"""What every training needs of Lightning's hooks."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, EarlyStopping, ModelCheckpoint

from talkreel.core.errors import TalkreelError

CHECKPOINTS, LAST, BEST = "checkpoints", "last.ckpt", "best.ckpt"


class TrainingDiverged(TalkreelError):
    """The loss is no longer a number."""


class SeedEpochs(Callback):
    """Seeds every epoch by its number, so that a resumed run draws what the whole one drew.

    A checkpoint of Lightning holds no state of the random number generators. Generators of the
    training loader are seeded too, and its data set is told the epoch if it has ``set_epoch``.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Runs before the epoch shuffles its rows."""
        epoch = trainer.current_epoch
        seed = self._seed + 1000 * (epoch + 1)
        pl.seed_everything(seed, workers=True, verbose=False)
        found = trainer.train_dataloader
        for loader in found if isinstance(found, (list, tuple)) else [found]:
            # The iterator of the first epoch of a go exists by now, those of the others do not.
            # Making one draws a number (for workers): not from what shuffles the rows.
            loader.generator = torch.Generator().manual_seed(seed)
            for sampler in ("sampler", "batch_sampler"):
                generator = getattr(getattr(loader, sampler, None), "generator", None)
                if generator is not None:
                    generator.manual_seed(seed)
            if hasattr(getattr(loader, "dataset", None), "set_epoch"):
                loader.dataset.set_epoch(epoch)


class StopAtNaN(Callback):
    """Ends a training whose loss is not finite, with one clear error."""

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Look at the loss that ``training_step`` returned."""
        loss = outputs["loss"] if isinstance(outputs, dict) else outputs
        if loss is None or math.isfinite(float(torch.as_tensor(loss).detach())):
            return
        rates = [f"{group['lr']:g}" for group in trainer.optimizers[0].param_groups]
        raise TrainingDiverged(
            f"the loss is {float(loss)} at epoch {trainer.current_epoch}, batch {batch_idx} "
            f"(learning rate {', '.join(rates)}): lower module.lr or trainer.gradient_clip_val, "
            "or look for NaN in the data; the checkpoint of the last whole epoch is kept"
        )


def standard(folder: Path, *, monitor: str, mode: str, patience: int, seed: int) -> list[Callback]:
    """Seeds, the guard against NaN, early stopping, and the best and the last checkpoint."""
    keep = {"dirpath": folder / CHECKPOINTS, "enable_version_counter": False}
    best = ModelCheckpoint(
        filename=Path(BEST).stem, monitor=monitor, mode=mode, save_top_k=1, **keep
    )
    # Saved when the epoch is over, else a resumed run would repeat the hooks of its end.
    last = ModelCheckpoint(filename=Path(LAST).stem, save_on_train_epoch_end=True, **keep)
    return [
        SeedEpochs(seed),
        StopAtNaN(),
        EarlyStopping(monitor, mode=mode, patience=patience, check_finite=False),
        best,
        last,
    ]
