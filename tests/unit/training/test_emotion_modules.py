from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from pytorch_lightning import Trainer

from talkreel.data.fer import FerFaces
from talkreel.data.voices import EMODB_LABELS
from talkreel.features import voice
from talkreel.models.emotion_face import EmotionFaceNet
from talkreel.models.emotion_voice import EmotionVoiceNet
from training.datamodules.emotion_face import EmotionFaceData
from training.datamodules.emotion_voice import EmotionVoiceData, VoiceTable
from training.modules.emotion_face import (
    EmotionFaceModule,
    augmented,
    face_calibration,
    soft_loss,
)
from training.modules.emotion_voice import EmotionVoiceModule, unweighted_recall
from training.temperature import best_temperature

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*does not have many workers.*"),
    pytest.mark.filterwarnings("ignore:.*LeafSpec.*"),
    pytest.mark.filterwarnings("ignore:.*GPU available.*"),
]


@pytest.fixture(autouse=True)
def _small_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALKREEL_CACHE", str(tmp_path))
    torch.set_num_threads(1)


def trainer() -> Trainer:
    return Trainer(
        max_epochs=2,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def voices(count: int = 60, speakers: int = 3) -> EmotionVoiceData:
    """Random features in which the label shows, instead of minutes of decoding."""
    rng = np.random.default_rng(0)
    labels = np.arange(count) % 7
    statistics = rng.normal(0, 1, (3, count, 430)).astype(np.float32)
    statistics += 6 * (np.arange(430) // 60 == labels[:, None])
    mel = rng.normal(0, 1, (3, count, voice.MELS, 40)).astype(np.float16)
    data = EmotionVoiceData(folds=speakers, fold=0, frames=40, batch_size=16)
    names = np.array([f"s{row * speakers // count}" for row in range(count)])
    data._table = VoiceTable(mel, statistics, labels, names)
    return data


def test_no_speaker_is_in_two_groups() -> None:
    data = voices(speakers=3)
    groups = [data.held_out(fold) for fold in range(3)]
    assert np.sum(groups, axis=0).tolist() == [1] * 60
    for group in groups:
        assert not set(data.table.speakers[group]) & set(data.table.speakers[~group])
    assert not data.held_out(-1).any()
    with pytest.raises(ValueError, match="fold must be"):
        data.held_out(3)


def test_the_reference_of_the_training_voices_leaves_the_others_out() -> None:
    data = voices()
    before = data.reference
    data.table.statistics[0, data.held_out(0)] += 100
    np.testing.assert_array_equal(data.reference.mean, before.mean)


def test_a_voice_network_learns_and_is_measured_on_unheard_speakers() -> None:
    data = voices()
    module = EmotionVoiceModule(EmotionVoiceNet(7, width=0), epochs=8, lr=0.01)
    trainer().fit(module, datamodule=data)
    assert isinstance(module.net, EmotionVoiceNet)
    np.testing.assert_array_equal(module.net.reference.mean, data.reference.mean)
    own, general = module.held_out_logits(data)
    assert own.shape == general.shape == (60, 7)
    assert unweighted_recall(data.table.labels, own.argmax(axis=1)) > 0.4


def test_epochs_draw_the_same_again() -> None:
    loader = voices().train_dataloader()
    rows = list(range(8))
    loader.dataset.set_epoch(3)  # type: ignore[attr-defined]
    first = loader.dataset[rows]  # type: ignore[index]
    loader.dataset.set_epoch(3)  # type: ignore[attr-defined]
    for one, other in zip(first, loader.dataset[rows], strict=True):  # type: ignore[index]
        torch.testing.assert_close(one, other)


def test_recall_counts_every_emotion_alike() -> None:
    truth, guess = np.array([0, 0, 0, 1]), np.array([0, 0, 0, 0])
    assert unweighted_recall(truth, guess) == 0.5
    assert len(EMODB_LABELS) == 7


def test_a_face_network_trains_and_is_measured(data_dir: Path) -> None:
    data = EmotionFaceData(str(data_dir), batch_size=64, limit=200)
    module = EmotionFaceModule(EmotionFaceNet(width=8))
    run = trainer()
    run.fit(module, datamodule=data)
    assert float(run.callback_metrics["val/loss"]) < 2.2
    assert float(module.net.get_buffer("temperature")) > 0
    found = {metric.name: metric for metric in module.evaluate(data, "valid")}
    assert 0 <= found["accuracy fer+ majority"].low <= found["accuracy fer+ majority"].high <= 1
    assert {"accuracy fer2013 deduplicated", "accuracy fer2013/hog"} <= set(found)


def test_augmented_faces_keep_their_shape_and_size() -> None:
    faces = torch.randn(16, 1, 48, 48)
    assert augmented(faces, 32).shape == (16, 1, 32, 32)
    assert augmented(faces, 48).isfinite().all()


def test_rows_without_votes_do_not_count() -> None:
    logits = torch.randn(3, 8)
    targets = torch.eye(8)[:3]
    targets[2] = 0
    torch.testing.assert_close(soft_loss(logits, targets), soft_loss(logits[:2], targets[:2]))


def test_the_temperature_undoes_confidence() -> None:
    torch.manual_seed(0)
    logits = torch.randn(4000, 4)
    labels = torch.distributions.Categorical(logits=logits).sample()
    targets = torch.nn.functional.one_hot(labels, 4).float()
    assert best_temperature(3 * logits, targets) == pytest.approx(3, rel=0.12)
    with pytest.raises(ValueError, match="no targets"):
        best_temperature(logits, torch.zeros(4000, 4))


def test_a_face_is_calibrated_to_the_votes_and_right_more_often_than_a_single_vote() -> None:
    rng = np.random.default_rng(0)
    count = 4000
    logits = rng.normal(0, 2, (count, 15)).astype(np.float32)
    shares = torch.softmax(torch.from_numpy(logits[:, :8]).double(), dim=1).numpy()
    votes = np.zeros((count, 10), dtype=np.uint8)
    votes[:, :8] = rng.multinomial(100, shares)
    zeros = np.zeros(count, dtype=np.int64)
    faces = FerFaces(
        np.zeros((count, 48, 48), np.uint8), votes, zeros, zeros > 0, zeros.astype(np.uint8),
        zeros > 0,
    )  # fmt: skip
    by_votes, by_majority = face_calibration(logits, faces, "test")
    assert by_votes.value < 0.02
    assert by_majority.value > 0.1
    assert face_calibration(2 * logits, faces, "test")[0].value > 0.1
