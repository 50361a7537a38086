"""Trainings inside of an evaluation or an experiment: the last epoch counts, nothing is kept."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl


def quiet_trainer(epochs: int, **others: Any) -> pl.Trainer:
    """A trainer on the CPU that logs, validates and saves nothing; ``others`` override that."""
    settings: dict[str, Any] = {
        "accelerator": "cpu",
        "devices": 1,
        "max_epochs": epochs,
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "num_sanity_val_steps": 0,
        "limit_val_batches": 0,
        "gradient_clip_val": 1.0,
    }
    return pl.Trainer(**settings | others)
