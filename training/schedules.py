"""Learning rates over a training."""

from __future__ import annotations

import torch
from pytorch_lightning import LightningModule


def one_cycle(
    module: LightningModule, *, lr: float, weight_decay: float, warm_up: float
) -> dict[str, object]:
    """AdamW under one cycle over all steps (Smith & Topin 2018), as Lightning wants it.

    Args:
        module: whose parameters are trained.
        lr: highest learning rate.
        weight_decay: of all weights.
        warm_up: share of the steps in which the rate rises.
    """
    optimizer = torch.optim.AdamW(module.parameters(), lr=lr, weight_decay=weight_decay)
    steps = max(2, int(module.trainer.estimated_stepping_batches))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=lr, total_steps=steps, pct_start=warm_up
    )
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
