"""Which inputs a voice emotion network needs, with speakers left out.

python experiments/2026-11-22-emotion-voice/run.py DATASET NAME [--width N] [--statistics N]
python experiments/2026-11-22-emotion-voice/run.py table
"""

from __future__ import annotations

import argparse
import json
import logging
import time
import warnings
from dataclasses import asdict
from pathlib import Path

import torch
from torch.nn import functional

from talkreel.models.emotion_voice import EmotionVoiceNet
from training.datamodules.emotion_voice import EmotionVoiceData
from training.modules.emotion_voice import EmotionVoiceModule, recalls
from training.temperature import best_temperature
from training.voice_baselines import voice_baselines

HERE = Path(__file__).parent


def measure(options: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    data = EmotionVoiceData(options.dataset, folds=options.folds, frames=200)
    net = EmotionVoiceNet(len(data.labels), width=options.width, statistics=options.statistics)
    module = EmotionVoiceModule(net, epochs=options.epochs, members=options.members)
    started = time.process_time()
    own, general = module.held_out_logits(data)
    seconds = time.process_time() - started
    metrics = recalls(data, own, general)
    if options.baselines:
        metrics += voice_baselines(data, "")
    targets = functional.one_hot(torch.from_numpy(data.table.labels), len(data.labels)).float()
    result = {
        **{k: v for k, v in vars(options).items() if k != "baselines"},
        "processor_seconds": round(seconds),
        "temperature": best_temperature(torch.from_numpy(own), targets),
        "metrics": [asdict(metric) for metric in metrics],
    }
    text = json.dumps(result, indent=1)
    (HERE / f"{options.dataset}-{options.name}.json").write_text(text, encoding="utf-8")
    print([(metric.name, round(metric.value, 3)) for metric in metrics], round(seconds))


def table() -> None:
    print("| data set, groups | network or baseline | knows the speaker | UAR | 95 % | core s |")
    print("|---|---|---|---|---|---|")
    for file in sorted(HERE.glob("*.json")):
        found = json.loads(file.read_text(encoding="utf-8"))
        for metric in found["metrics"]:
            first, _, baseline = metric["name"].partition("/")
            known = "no" if "unknown" in first else "yes"
            print(
                f"| {found['dataset']}, {found['folds']} | {baseline or found['name']} | {known} "
                f"| {metric['value']:.3f} | {metric['low']:.3f}-{metric['high']:.3f} "
                f"| {'' if baseline else found['processor_seconds']} |"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", choices=["emodb-2s", "ravdess", "table"])
    parser.add_argument("name", nargs="?", default="")
    parser.add_argument("--width", type=int, default=0)
    parser.add_argument("--statistics", type=int, default=430)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--folds", type=int, default=10)
    parser.add_argument("--members", type=int, default=1)
    parser.add_argument("--baselines", action="store_true")
    options = parser.parse_args()
    if options.dataset == "table":
        table()
    else:
        measure(options)


if __name__ == "__main__":
    main()
