"""The comments are what their card says; what leaks from train is known and marked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from talkreel.data.goemotions import ANSWERS, EKMAN, FINE, GROUP, Comments, load_comments
from talkreel.data.manifest import DataError
from training.datamodules.emotion_text import ByLength, EmotionTextData


@pytest.fixture(scope="module")
def splits(data_dir: Path) -> dict[str, Comments]:
    return load_comments(data_dir)


def test_official_split_and_leaks(splits: dict[str, Comments]) -> None:
    assert {name: len(part) for name, part in splits.items()} == {
        "train": 43_410,
        "val": 5_426,
        "test": 5_427,
    }
    assert splits["test"].in_train.sum() == 37


def test_labels_are_folded_into_classes_and_groups(splits: dict[str, Comments]) -> None:
    train = splits["train"].targets
    assert train.shape[1] == len(ANSWERS) == 39
    assert set(np.unique(train)) == {0, 1}
    for part in (FINE, EKMAN, GROUP):
        assert (train[:, part].sum(axis=1) >= 1).all()
    shares = dict(zip(ANSWERS, train.mean(axis=0), strict=True))
    assert shares["neutral"] == shares["ekman neutral"] == pytest.approx(0.3276, abs=1e-3)
    assert shares["grief"] < 0.002 < 0.09 < shares["admiration"]
    assert (train[:, ANSWERS.index("disgust")] <= train[:, ANSWERS.index("group negative")]).all()


def test_missing_data_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="TALKREEL_DATA"):
        load_comments(tmp_path)


def test_wrong_inputs_are_refused() -> None:
    with pytest.raises(ValueError, match="states or ids"):
        EmotionTextData(inputs="words")


def test_every_row_is_drawn_once_among_its_like() -> None:
    import torch

    lengths = np.random.default_rng(0).integers(1, 60, 1000)
    batches = list(ByLength(lengths, 16, torch.Generator().manual_seed(0)))
    assert sorted(row for batch in batches for row in batch) == list(range(1000))
    assert np.mean([np.ptp(lengths[batch]) for batch in batches]) < 6
    assert len(batches) == len(ByLength(lengths, 16, None)) == 63
