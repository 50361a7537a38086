"""The gate over every kind of model, on sets so small that a training takes seconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import LightningDataModule, LightningModule

import training.gate
from talkreel.core.jsonio import write_document
from talkreel.data.fer import SPLITS, FerFaces
from talkreel.data.goemotions import ANSWERS, Comments
from talkreel.data.intervals import measured
from talkreel.data.talks import LabelledTalk
from talkreel.data.voices import EMODB_LABELS
from talkreel.features.sentences import talk_features
from talkreel.features.voice import MELS
from talkreel.models.bundle import Bundle, BundleSpec, Metric, load, save
from talkreel.models.emotion_face import EmotionFaceNet
from talkreel.models.emotion_text import EmotionTextNet
from talkreel.models.emotion_voice import EmotionVoiceNet
from talkreel.models.engagement import EngagementNet
from training.datamodules.emotion_face import EmotionFaceData
from training.datamodules.emotion_text import EmotionTextData
from training.datamodules.emotion_voice import EmotionVoiceData, VoiceTable
from training.datamodules.engagement import EngagementData
from training.export import parity_of
from training.gate import checks
from training.modules.emotion_face import EmotionFaceModule
from training.modules.emotion_text import EmotionTextModule
from training.modules.emotion_voice import EmotionVoiceModule
from training.modules.engagement import EngagementModule
from training.quiet import quiet_trainer
from training.runs import RESULT_FILE, SCHEMA, Result, Trained

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*does not have many workers.*"),
    pytest.mark.filterwarnings("ignore:.*LeafSpec.*"),
    pytest.mark.filterwarnings("ignore:.*GPU available.*"),
]


@pytest.fixture(autouse=True)
def _small_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALKREEL_CACHE", str(tmp_path / "cache"))
    torch.set_num_threads(1)
    torch.manual_seed(0)


Task = tuple[LightningDataModule, LightningModule, int]


def engagement() -> Task:
    """A question mostly makes the room laugh, and so does a mention of us."""
    rng = np.random.default_rng(0)
    data = EngagementData(batch_size=4, window=16)
    for split in ("train", "validation", "test"):
        talks = []
        for i in range(4):
            asked, us = rng.random((2, 40)) < 0.4
            words = [" ".join(["so"] * n) for n in rng.integers(1, 9, 40)]
            texts = tuple(
                f"{'We' if we else 'It'} is {said}{'?' if question else '.'}"
                for said, question, we in zip(words, asked, us, strict=True)
            )
            laughed = (rng.random(40) < 0.1 + 0.4 * asked + 0.4 * us).astype(np.float32)
            labels = np.stack([laughed, laughed, np.full(40, np.nan)], axis=1).astype(np.float32)
            talks.append(LabelledTalk(f"{split}{i}", texts, labels))
        data.talks[split] = talks
        data.rows[split] = [talk_features(talk.texts, None) for talk in talks]
    return data, EngagementModule(EngagementNet(hidden=4, buckets=0), lr=0.03), 6


def emotion_text() -> Task:
    targets = np.zeros((48, len(ANSWERS)), dtype=np.float32)
    targets[::2, :3] = 1
    targets[1::2, 3:6] = 1
    texts = tuple(("I love this!", "This is awful.")[n % 2] for n in range(48))
    data = EmotionTextData(batch_size=16)
    part = Comments(texts, targets, np.zeros(48, dtype=bool))
    data._splits = {"train": part, "val": part, "test": part}
    return data, EmotionTextModule(EmotionTextNet(hidden=16), lr=0.01), 4


def emotion_face() -> Task:
    """Bright faces are happy, dark ones sad, in noise."""
    rng = np.random.default_rng(0)
    kind = np.arange(120) % 2
    ramp = np.linspace(-60, 60, 48)[:, None] * np.where(kind, 1, -1)[:, None, None]
    votes = np.zeros((120, 10), np.uint8)
    votes[np.arange(120), np.where(kind, 1, 3)] = 10
    data = EmotionFaceData(batch_size=8)
    data._faces = FerFaces(
        (128 + ramp + rng.normal(0, 9, (120, 48, 48))).clip(0, 255).astype(np.uint8),
        votes,
        np.where(kind, 3, 4),
        np.ones(120, dtype=bool),
        (np.arange(120) // 40).astype(np.uint8),
        np.zeros(120, dtype=bool),
    )
    assert len(SPLITS) == 3
    return data, EmotionFaceModule(EmotionFaceNet(width=8), lr=0.01), 6


def emotion_voice() -> Task:
    """More clips than one batch of the validation holds."""
    rng = np.random.default_rng(0)
    labels = np.arange(150) % 7
    statistics = rng.normal(0, 1, (3, 150, 430)).astype(np.float32)
    statistics += 6 * (np.arange(430) // 60 == labels[:, None])
    mel = rng.normal(0, 1, (3, 150, MELS, 40)).astype(np.float16)
    data = EmotionVoiceData(folds=3, fold=-1, frames=40, batch_size=16)
    names = np.array([f"s{row // 50}" for row in range(150)])
    data._table = VoiceTable(mel, statistics, labels, names)
    return data, EmotionVoiceModule(EmotionVoiceNet(7, width=4), lr=0.01), 3


@dataclass(frozen=True)
class Entry:
    """A trained network, its bundle and the gate it stands before."""

    trained: Trained
    bundle: Bundle
    gate: DictConfig


def entered(task: Callable[[], Task], metric: str, folder: Path) -> Entry:
    data, module, epochs = task()
    split = "speakers" if task is emotion_voice else "test"
    trainer = quiet_trainer(epochs, limit_val_batches=1.0)
    trainer.fit(module, datamodule=data)
    module.eval()
    score = float(trainer.callback_metrics[module.monitor])
    result = Result("x", module.monitor, score, epochs, 1.0, "", "")
    write_document(folder / RESULT_FILE, result, SCHEMA)
    config = OmegaConf.create({"bundle": {"split": split}})
    trained = Trained(folder, config, data, module)
    metrics: Any = (
        module.figures(data, split) if hasattr(module, "figures") else _recipe(data, metric)
    )
    spec = BundleSpec(
        "x", 1, "", {}, str(data.features), tuple(data.labels), metrics, data.sources, "Tests."
    )
    save(folder / "bundle", module.net, spec, "# Card\n")
    gate = {
        "metric": metric, "at_least": 0.6, "tolerance": 0.01, "calibration": "calibration error",
        "calibration_at_most": 0.9, "latency_seconds": 60.0, "parity": 1e-5,
    }  # fmt: skip
    return Entry(trained, load(folder / "bundle"), OmegaConf.create(gate))


def _recipe(data: EmotionVoiceData, metric: str) -> tuple[Metric, ...]:
    """Figures as cross-validation would leave them, without the trainings of one."""
    speakers = data.table.speakers.tolist()
    return tuple(
        measured(name, "by recipe", speakers, lambda rows, value=value: value)  # type: ignore[misc]
        for name, value in ((metric, 0.8), ("calibration error", 0.05))
    )


TASKS = pytest.mark.parametrize(
    ("task", "metric"),
    [
        (engagement, "auc"),
        (emotion_text, "macro-F1 28 labels"),
        (emotion_face, "accuracy fer+ majority"),
        (emotion_voice, "uar"),
    ],
)


def shuffled(bundle: Bundle) -> None:
    with torch.no_grad():
        for weights in bundle.net.parameters():
            order = torch.randperm(weights.numel())
            weights.copy_(weights.flatten()[order].view_as(weights))


def failed(entry: Entry, champion: Bundle | None = None, **changes: object) -> set[str]:
    gate = OmegaConf.merge(entry.gate, changes)
    assert isinstance(gate, DictConfig)
    found = checks(entry.trained, entry.bundle, champion, gate)
    names = [check.name for check in found]
    asked = ["champion"] if champion else []
    assert names == ["metric", "figures", *asked, "calibration", "parity", "latency"]
    assert all(check.reason for check in found)
    return {check.name for check in found if not check.passed}


@TASKS
def test_a_challenger_is_measured_against_the_champion_and_shuffled_weights_are_refused(
    task: Callable[[], Task], metric: str, tmp_path: Path
) -> None:
    entry = entered(task, metric, tmp_path)
    if task is emotion_text:  # most of its 28 labels never occur here
        entry.gate.at_least = 0.2
    if task is emotion_face:  # a few steps are enough to differ from shuffled weights
        entry.gate.at_least = 0.0
    champion = load(tmp_path / "bundle")
    assert failed(entry, champion) == set()
    strict = {"at_least": 1.1, "parity": -1, "latency_seconds": 0, "calibration_at_most": -1}
    assert failed(entry, champion, **strict) == {"metric", "parity", "latency", "calibration"}
    assert failed(entry, calibration="none such") == {"calibration"}
    assert failed(entry, calibration=None, metric="none such") >= {"metric"}
    assert parity_of(entry.trained, tmp_path / "bundle") <= 1e-5
    shuffled(entry.bundle)
    assert {"figures", "parity"} <= failed(entry, champion)
    # The checkpoint is of the same shuffled weights: parity holds, the figures do not.
    entry.trained.module.net.load_state_dict(entry.bundle.net.state_dict())
    assert "figures" in failed(entry, champion)
    assert "parity" not in failed(entry, champion)


def test_a_better_champion_stays(tmp_path: Path) -> None:
    entry = entered(engagement, "auc", tmp_path)
    champion = load(tmp_path / "bundle")
    shuffled(entry.bundle)
    assert "champion" in failed(entry, champion, at_least=0.0)
    foreign = replace(champion, spec=replace(champion.spec, features="sentences/1"))
    (check,) = (
        check for check in checks(entry.trained, entry.bundle, foreign, entry.gate)
        if check.name == "champion"
    )  # fmt: skip
    assert not check.passed
    assert "fed with 'sentences/1', the challenger with 'sentences/2'" in check.reason


def test_a_recipe_is_compared_on_the_same_data_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = entered(emotion_voice, "uar", tmp_path)
    # On this very processor it scores what it scored, to rounding.
    monkeypatch.setattr(training.gate, "_SAME", 1e-5)
    champion = load(tmp_path / "bundle")
    other = replace(champion.spec.data[0], sha256="another")
    champion = replace(champion, spec=replace(champion.spec, data=(other,)))
    assert failed(entry, champion) == {"champion"}
    assert tuple(EMODB_LABELS) == entry.bundle.spec.labels
