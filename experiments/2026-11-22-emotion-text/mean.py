"""Is the mean of the frozen and the fine-tuned network better than either?

PYTHONPATH=. OMP_NUM_THREADS=1 python experiments/2026-11-22-emotion-text/mean.py FROZEN FINETUNED

Both arguments are folders of finished runs. The weight of the mean is one half, not tuned; dev
decides whether the mean is scored on the test.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch

from talkreel.data.goemotions import FINE, load_comments
from training.emotion_text_figures import best_thresholds, f1, text_metrics
from training.evaluate import table
from training.runs import load_run


def halves(chances, targets):
    """Macro-F1 of each half of dev with the thresholds of the other, five times."""
    found = []
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(len(targets))
        middle = len(order) // 2
        for fit, test in ((order[:middle], order[middle:]), (order[middle:], order[:middle])):
            limits = best_thresholds(chances[fit, FINE], targets[fit, FINE])
            said = (chances[test, FINE] >= limits).astype(np.float32)
            found.append(f1(said, targets[test, FINE]).mean())
    return float(np.mean(found))


def main(folders):
    torch.set_num_threads(1)
    splits = load_comments()
    runs = [load_run(Path(folder)) for folder in folders]
    dev = [run.module.chances(run.data, "val") for run in runs]
    dev.append(np.mean(dev, axis=0))
    figures = [halves(chances, splits["val"].targets) for chances in dev]
    print("| network | dev: macro-F1 28 labels |\n|---|---|")
    for name, figure in zip(("frozen", "fine-tuned", "mean of both"), figures, strict=True):
        print(f"| {name} | {figure:.3f} |", flush=True)
    if figures[2] > max(figures[:2]):
        test = np.mean([run.module.chances(run.data, "test") for run in runs], axis=0)
        limits = best_thresholds(dev[2], splits["val"].targets)
        print(table(text_metrics(test, limits, splits["test"])))


if __name__ == "__main__":
    main(sys.argv[1:])
