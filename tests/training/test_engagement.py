from __future__ import annotations

import lzma
from pathlib import Path

import numpy as np
import pytest
import pytorch_lightning as pl
import torch

from talkreel.core.errors import InputError
from talkreel.data.talks import LabelledTalk, unknown_labels
from talkreel.models.engagement import EngagementNet
from training.datamodules.engagement import EngagementData, collate, measured_rows
from training.modules.engagement import (
    EngagementModule,
    headline_auc,
    masked_loss,
    pairs_loss,
    set_scales,
)
from training.modules.engagement_metrics import Scored, importance_metrics, reaction_metrics

WORDS = ("we", "will", "win", "the", "day", "and", "see")


def talk(name: str, *, segments: bool = False, size: int = 30) -> LabelledTalk:
    """The room reacts to sentences with an exclamation mark."""
    rng = np.random.default_rng(len(name))
    texts, labels = [], unknown_labels(size)
    for i in range(size):
        loud = bool(rng.random() < 0.3)
        texts.append(" ".join(rng.choice(WORDS, 5)) + ("!" if loud else "."))
        labels[i] = (loud, False, np.nan) if not segments else (np.nan, np.nan, loud)
    number = np.arange(size, dtype=np.float32) // 10 if segments else None
    return LabelledTalk(name, tuple(texts), labels, segments=number)


def filled(*, segments: bool = False) -> EngagementData:
    data = EngagementData(name="vtssum" if segments else "ted", embed=False, window=16)
    for split, count in (("train", 8), ("validation", 3), ("test", 4)):
        talks = [talk("x" * (i + count), segments=segments) for i in range(count)]
        data.talks[split] = talks  # type: ignore[index]
        data.rows[split] = measured_rows(talks, embed=False)  # type: ignore[index]
    return data


def module() -> EngagementModule:
    torch.manual_seed(0)
    return EngagementModule(EngagementNet(hidden=4, buckets=0, dropout=0.0), lr=0.02)


def fitted(data: EngagementData, found: EngagementModule) -> EngagementModule:
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=15,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(found, datamodule=data)
    assert np.isfinite(float(trainer.callback_metrics["train/loss"]))
    assert float(trainer.callback_metrics["val/auc"]) > 0.9
    return found


@pytest.mark.filterwarnings("ignore:.*does not have many workers")
@pytest.mark.filterwarnings("ignore:.*log_every_n_steps")
@pytest.mark.filterwarnings("ignore:.*LeafSpec.*")
@pytest.mark.filterwarnings("ignore:.*GPU available")
def test_training_learns_what_there_is_to_learn() -> None:
    data = filled()
    metrics = {m.name: m for m in fitted(data, module()).evaluate(data, "test")}
    assert metrics["auc"].value > 0.95
    assert metrics["auc"].low <= metrics["auc"].value <= metrics["auc"].high
    assert {"auc/length-only", "auc/lead-only", "auc/tf-idf", "auc/rank-in-talk"} <= set(metrics)
    assert metrics["auc/lead-only"].value < 0.7
    assert metrics["auc"].count == 4


def test_summaries_are_judged_by_segment() -> None:
    data = filled(segments=True)
    perfect = [Scored(t, t.labels[:, 2], np.nan_to_num(t.labels)) for t in data.talks["test"]]
    metrics = {m.name: m.value for m in importance_metrics(perfect, data, "test")}
    assert metrics["top3-f1"] > metrics["top3-f1/lead-only"]
    assert {"top5-f1", "top5-f1/tf-idf", "top5-f1/length-only"} <= set(metrics)


def test_talks_without_both_kinds_count_where_one_is_known() -> None:
    data = filled()
    laughs = []
    for item in data.talks["test"]:
        labels = item.labels.copy()
        labels[:, 1], labels[:, 0] = item.labels[:, 0], np.nan
        laughs.append(LabelledTalk(item.id, item.texts, labels))
    scored = [Scored(t, t.labels[:, 1], np.nan_to_num(t.labels)) for t in laughs]
    metrics = {m.name: m.value for m in reaction_metrics(scored, data, "test")}
    assert metrics["auc"] == 1.0
    assert "auc-applause" not in metrics


def test_the_calibration_is_that_of_any_reaction() -> None:
    data = filled()

    def error(sign: float) -> float:
        reacted = [np.nan_to_num(item.labels[:, :2]).max(axis=1) for item in data.talks["test"]]
        scored = [
            Scored(item, sign * (16 * truth - 8), np.nan_to_num(item.labels))
            for item, truth in zip(data.talks["test"], reacted, strict=True)
        ]
        figures = reaction_metrics(scored, data, "test", plain=False)
        return next(m.value for m in figures if m.name == "calibration error")

    assert error(1.0) < 0.001
    assert error(-1.0) > 0.8  # a bin holds both kinds


def test_unknown_labels_weigh_nothing() -> None:
    logits = torch.randn(2, 5, 3)
    labels = torch.zeros(2, 5, 3)
    labels[:, 3:] = torch.nan
    before = masked_loss(logits, labels), pairs_loss(logits, labels)
    logits[:, 3:] += 100
    assert (masked_loss(logits, labels), pairs_loss(logits, labels)) == before
    assert masked_loss(logits, torch.full_like(labels, torch.nan)) == 0
    labels[0, 0] = 1
    ordered = torch.zeros(2, 5, 3)
    ordered[0, 0] = 10
    assert pairs_loss(ordered, labels) < pairs_loss(-ordered, labels)


def test_importance_is_the_headline_where_no_reaction_is_known() -> None:
    labels = torch.full((4, 3), torch.nan)
    labels[:, 2] = torch.tensor([0.0, 0.2, 0.8, 1.0])
    logits = torch.zeros(4, 3)
    logits[:, 2] = torch.arange(4.0)
    assert headline_auc(logits, labels) == 1.0


def test_scales_come_from_rows_that_speak() -> None:
    data, net = filled(), EngagementNet(hidden=0, buckets=0)
    set_scales(net, data, "timing", 1)
    assert net.get_buffer("timing_scale").tolist() == [1, 1, 1, 1]
    set_scales(net, data, "form", None)
    assert not torch.allclose(net.get_buffer("form_mean"), torch.zeros(1))


def test_windows_and_padding() -> None:
    data = filled()
    batch = next(iter(data.train_dataloader()))
    assert batch["text"].shape[1] == 16
    rows = list(zip(data.rows["test"], (t.labels for t in data.talks["test"]), strict=True))
    short = (measured_rows([talk("y", size=3)], embed=False)[0], unknown_labels(3))
    batch = collate([rows[0], short])
    assert batch["lengths"].tolist() == [30, 3]
    assert torch.isnan(batch["labels"][1, 3:]).all()
    assert not batch["known"][1, 3:].any()


def test_talks_with_and_without_pictures_train_together() -> None:
    data = EngagementData(name="custom", embed=False, batch_size=4, window=8)
    rng = np.random.default_rng(0)
    talks = []
    for i in range(4):
        plain = talk("x" * (i + 1), segments=True)
        times = np.stack([np.arange(30), np.arange(30) + 0.9], axis=1)
        visual = rng.normal(size=(30, 6)).astype(np.float32) if i % 2 else None
        talks.append(LabelledTalk(plain.id, plain.texts, plain.labels, times=times, visual=visual))
    data.talks["train"], data.rows["train"] = talks, measured_rows(talks, embed=False)
    batch = next(iter(data.train_dataloader()))
    assert batch["visual"].shape == (4, 8, 6)
    net = EngagementNet(hidden=4, buckets=0, visual_size=6)
    loss = masked_loss(net.each(batch)[0], batch["labels"])
    loss.backward()
    assert torch.isfinite(loss)
    blind = measured_rows([talk("y")], embed=False)
    assert net(collate([(blind[0], unknown_labels(30))])).shape == (1, 30, 3)


@pytest.mark.parametrize("name", ["speeches", "sitcoms", "ted"])
def test_real_data_do_not_leak_between_splits(name: str, data_dir: Path) -> None:
    data = EngagementData(name=name, root=str(data_dir), embed=False, limit=2)
    data.setup()
    ids = [talk.id for talks in data.talks.values() for talk in talks]
    assert len(set(ids)) == len(ids) == 6
    for talks in data.talks.values():
        for item in talks:
            labels = item.labels
            assert set(np.unique(labels[~np.isnan(labels)])) <= {0.0, 1.0}
            assert all(text.strip() for text in item.texts)
            assert not any("(applause" in t.lower() or "(laughter" in t.lower() for t in item.texts)
    assert data.sources[0].shippable == (name == "speeches")
    assert data.labels[0] in ("applause", "laughter")


def test_unknown_and_missing_data_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown data"):
        EngagementData(name="podcasts")
    with pytest.raises(InputError, match="root=FOLDER"):
        EngagementData(name="custom").setup()
    with pytest.raises(InputError, match="TALKREEL_DATA"):
        EngagementData(name="ted", root=str(tmp_path)).setup()
    (tmp_path / "engagement").mkdir()
    (tmp_path / "engagement" / "ted_reactions.jsonl.xz").write_bytes(lzma.compress(b"{}"))
    with pytest.raises(InputError, match="changed or corrupt"):
        EngagementData(name="ted", root=str(tmp_path)).setup()
