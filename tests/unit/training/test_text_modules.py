from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from pytorch_lightning import Trainer

from talkreel.data.goemotions import ANSWERS, Comments
from talkreel.data.upworthy import HeadlinePairs
from talkreel.models.emotion_text import EmotionFinetunedNet, EmotionTextNet
from talkreel.models.hook import HookNet
from training.datamodules.emotion_text import EmotionTextData
from training.datamodules.hook import HookData
from training.modules.emotion_text import EmotionTextModule
from training.modules.hook import HookModule, cross_validate

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*does not have many workers.*"),
    pytest.mark.filterwarnings("ignore:.*LeafSpec.*"),
    pytest.mark.filterwarnings("ignore:.*GPU available.*"),
]


@pytest.fixture(autouse=True)
def _small_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALKREEL_CACHE", str(tmp_path))
    torch.set_num_threads(1)


def trainer(epochs: int) -> Trainer:
    return Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        log_every_n_steps=1,
    )


def headlines(count: int, size: int = 12) -> HookData:
    """Random vectors whose first number says how often a headline is clicked."""
    rng = np.random.default_rng(0)
    vectors = torch.from_numpy(rng.normal(size=(2, count, size)).astype(np.float32))
    z = 2 * (vectors[0, :, 0] - vectors[1, :, 0]).numpy() + rng.normal(size=count)
    data = HookData(batch_size=64)
    data._pairs = HeadlinePairs(
        tuple(f"a{n}" for n in range(count)),
        tuple(f"b{n}" for n in range(count)),
        (z > 0).astype(np.float32),
        z.astype(np.float32),
        np.where(np.abs(z) > 1.96, 0.01, 0.5),
        tuple(str(n // 4) for n in range(count)),
    )
    data._vectors = (vectors[0], vectors[1])
    return data


def test_a_hook_net_learns_and_calibrates_itself() -> None:
    data, net = headlines(800), HookNet(size=12)
    fit = trainer(8)
    fit.fit(HookModule(net, lr=0.02, weight_decay=0.01), datamodule=data)
    assert float(fit.callback_metrics["val/accuracy"]) > 0.9
    assert float(net.scale.mean()) == pytest.approx(1, abs=0.1)
    assert float(net.temperature) != 1
    weights = net.body.weight.detach()[0].abs()  # type: ignore[operator,union-attr,index]
    assert int(weights.argmax()) == 0


def test_every_pair_is_judged_by_a_net_that_did_not_see_its_story() -> None:
    data = headlines(600)
    found = cross_validate(HookModule(HookNet(size=12), 0.02, 0.01, fold_epochs=12), data)
    assert np.bincount(found.folds).tolist() == [120] * 5
    decided = data.pairs.decided
    right = (found.odds > 0) == (data.pairs.won > 0.5)
    assert right[decided].mean() > 0.85
    stories = np.asarray(data.pairs.story)
    for fold in range(5):
        assert not set(stories[found.folds == fold]) & set(stories[found.folds != fold])


def comments(count: int) -> EmotionTextData:
    """Two kinds of texts, each with its own labels."""
    targets = np.zeros((count, len(ANSWERS)), dtype=np.float32)
    targets[::2, :3] = 1
    targets[1::2, 3:6] = 1
    texts = tuple(("I love this!", "This is awful.")[n % 2] for n in range(count))
    data = EmotionTextData(batch_size=16)
    part = Comments(texts, targets, np.zeros(count, dtype=bool))
    data._splits = {"train": part, "val": part, "test": part}
    return data


def test_a_text_net_learns_and_sets_its_thresholds() -> None:
    data, net = comments(64), EmotionTextNet(hidden=16)
    module = EmotionTextModule(net, lr=0.01)
    fit = trainer(4)
    fit.fit(module, datamodule=data)
    assert float(fit.callback_metrics["val/loss"]) < 0.1
    chances = module.chances(data, "test")
    said = chances >= net.thresholds.numpy()
    np.testing.assert_array_equal(said[:, :6], data.comments("test").targets[:, :6] > 0)


def test_the_upper_layers_of_minilm_learn_and_the_lower_do_not() -> None:
    data, net = comments(16), EmotionFinetunedNet(trained=1, hidden=8)
    data._inputs = "ids"
    before = {name: weight.clone() for name, weight in net.encoder.named_parameters()}
    trainer(1).fit(EmotionTextModule(net, lr=0.01), datamodule=data)
    moved = {
        name for name, weight in net.encoder.named_parameters() if not weight.equal(before[name])
    }
    assert moved
    assert all(name.startswith("encoder.layer.5.") for name in moved)
