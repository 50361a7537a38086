"""Trains a face emotion network and writes its figures.

python experiments/2026-11-22-emotion-face/run.py train NAME [--width N] [--epochs N] ...
python experiments/2026-11-22-emotion-face/run.py table
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from pytorch_lightning import LightningModule, Trainer, seed_everything
from pytorch_lightning.callbacks import Callback, ModelCheckpoint
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

from talkreel.data.fer import FER_LABELS, PLUS_LABELS
from talkreel.models.bundle import BundleSpec, save
from talkreel.models.emotion_face import PLUS, EmotionFaceNet
from training.composing import compose
from training.datamodules.emotion_face import EmotionFaceData
from training.export import SHIPPED, card
from training.modules.emotion_face import EmotionFaceModule
from training.runs import commit

HERE = Path(__file__).parent


def train(options: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    seed_everything(options.seed)
    data = EmotionFaceData(limit=options.limit)
    net = EmotionFaceNet(width=options.width, dropout=options.dropout)
    module = EmotionFaceModule(net, lr=options.lr, fer_weight=options.fer_weight)
    if options.weights:  # go on with a finished network, at full size
        module = EmotionFaceModule(
            net, lr=options.lr, fer_weight=options.fer_weight, small_share=0, medium_share=0
        )
        state = torch.load(options.weights, weights_only=True)["state_dict"]
        module.load_state_dict(state)
    folder = Path(options.out) / options.name
    keep = ModelCheckpoint(folder, "best", monitor=module.monitor, mode=module.mode, save_last=True)
    trainer = Trainer(
        max_epochs=options.epochs,
        precision="bf16-mixed",
        accelerator="cpu",
        gradient_clip_val=1.0,
        callbacks=[keep, Report()],
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    started = time.process_time()
    trainer.fit(module, data)
    print(f"{time.process_time() - started:.0f} s of processor time", keep.best_model_score)
    result = {
        "name": options.name,
        "options": {k: v for k, v in vars(options).items() if k not in ("out", "run")},
        "processor_seconds": round(time.process_time() - started),
        "validation": float(keep.best_model_score),
    }
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")


def export(options: argparse.Namespace) -> None:
    """Measure the test split once and write the bundle that ships."""
    torch.set_num_threads(1)
    folder = Path(options.out) / options.name
    config = compose("fit", ["experiment=emotion_face"])
    net = EmotionFaceNet(width=options.width)
    module = EmotionFaceModule(net)
    state = torch.load(folder / "best.ckpt", weights_only=True)["state_dict"]
    module.load_state_dict(state)
    data = EmotionFaceData()
    metrics = module.evaluate(data, "test")
    result = {"name": options.name, "width": options.width}
    if (folder / "result.json").is_file():
        result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    result["metrics"] = [asdict(metric) for metric in metrics]
    (HERE / f"{options.name}.json").write_text(json.dumps(result, indent=1), encoding="utf-8")
    spec = BundleSpec(
        name="emotion-face",
        version=1,
        architecture=net.architecture,
        arguments=net.arguments,
        features=data.features,
        labels=data.labels,
        metrics=metrics,
        data=data.sources,
        permitted_use=config.bundle.permitted_use,
        commit=commit(),
    )
    save(SHIPPED / spec.name, net, spec, truthful(card(spec, config), options.name))


def truthful(text: str, name: str) -> str:
    """The card with the command that trained it: this script, not ``training.fit``."""
    command = f"experiments/2026-11-22-emotion-face/run.py train {name}"
    recipe = "`python -m training.fit experiment=emotion_face`"
    return text.replace(
        f"Trained by: {recipe}",
        f"Trained by: `python {command}`, the settings of {recipe} without gradient clipping",
    )


def heads(options: argparse.Namespace) -> None:
    """FER2013 labels on the validation split from either head or both; the test is not touched."""
    torch.set_num_threads(1)
    module = EmotionFaceModule(EmotionFaceNet(width=options.width))
    state = torch.load(Path(options.out) / options.name / "best.ckpt", weights_only=True)
    module.load_state_dict(state["state_dict"])
    data = EmotionFaceData()
    logits, truth = module.log_odds(data, "valid"), data.faces("valid").fer_label
    order = [PLUS_LABELS.index(label) for label in FER_LABELS]
    odds = log_softmax(logits[:, :PLUS], axis=1)[:, order]
    own = log_softmax(logits[:, PLUS:], axis=1)
    both = cross_val_predict(LogisticRegression(C=0.1, max_iter=500), logits, truth, cv=5)
    rows = {
        "head of the FER2013 labels": own.argmax(axis=1),
        "head of the FER+ votes, contempt left out": odds.argmax(axis=1),
        "sum of both log probabilities": (own + odds).argmax(axis=1),
        "logistic regression on both, 5 parts of the split": both,
    }
    votes = data.faces("valid").plurality
    named = np.array([PLUS_LABELS.index(label) for label in FER_LABELS])[truth]
    agreed = float((named == votes)[votes >= 0].mean())
    lines = ["| FER2013 label on the validation split from | accuracy |", "|---|---|"]
    lines += [f"| {name} | {(guess == truth).mean():.3f} |" for name, guess in rows.items()]
    lines.append(f"| the most frequent vote of ten people, where there is one | {agreed:.3f} |")
    (HERE / f"{options.name}-heads.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


class Report(Callback):
    """One line per epoch."""

    def on_validation_end(self, trainer: Trainer, module: LightningModule) -> None:
        figures = {name: round(float(v), 4) for name, v in trainer.callback_metrics.items()}
        print(trainer.current_epoch, f"{time.process_time():.0f} s", figures, flush=True)


def table() -> None:
    for file in sorted(HERE.glob("*.json")):
        result = json.loads(file.read_text(encoding="utf-8"))
        print(f"\n### {result['name']}\n")
        print("| figure | value | 95 % interval | n |\n|---|---|---|---|")
        for metric in result["metrics"]:
            low, high = metric["low"], metric["high"]
            print(
                f"| {metric['name']} | {metric['value']:.3f} | {low:.3f}-{high:.3f} "
                f"| {metric['count']} |"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    fit = commands.add_parser("train")
    fit.set_defaults(run=train)
    fit.add_argument("name")
    fit.add_argument("--width", type=int, default=32)
    fit.add_argument("--dropout", type=float, default=0.3)
    fit.add_argument("--epochs", type=int, default=16)
    fit.add_argument("--lr", type=float, default=3e-3)
    fit.add_argument("--fer-weight", type=float, default=0.5)
    fit.add_argument("--weights", default="")
    fit.add_argument("--seed", type=int, default=0)
    fit.add_argument("--limit", type=int, default=None)
    fit.add_argument("--out", default="runs/emotion-face")
    ship = commands.add_parser("export")
    ship.set_defaults(run=export)
    ship.add_argument("name")
    ship.add_argument("--width", type=int, default=32)
    ship.add_argument("--out", default="runs/emotion-face")
    check = commands.add_parser("heads")
    check.set_defaults(run=heads)
    check.add_argument("name")
    check.add_argument("--width", type=int, default=32)
    check.add_argument("--out", default="runs/emotion-face")
    show = commands.add_parser("table")
    show.set_defaults(run=lambda options: table())
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
