"""The pairs are what their card says, and nothing leaks between the parts."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from talkreel.data.manifest import DataError
from talkreel.data.upworthy import (
    FOLDS,
    PAIRS_FILE,
    HeadlinePairs,
    load_pairs,
    load_snap_titles,
    load_tweets,
    story_folds,
)
from training.datamodules.hook import HookData


@pytest.fixture(scope="module")
def pairs(data_dir: Path) -> HeadlinePairs:
    return load_pairs(data_dir)


def test_schema_and_balance(pairs: HeadlinePairs) -> None:
    assert len(pairs) == 14_489
    assert pairs.decided.sum() == 4_073
    assert set(np.unique(pairs.won)) == {0, 1}
    assert 0.48 < pairs.won.mean() < 0.52
    assert all(text.strip() for text in (*pairs.first, *pairs.second))
    np.testing.assert_array_equal(pairs.won[pairs.z != 0] > 0.5, pairs.z[pairs.z != 0] > 0)


def test_no_story_and_no_headline_lies_in_two_folds(pairs: HeadlinePairs) -> None:
    folds = story_folds(pairs.story, FOLDS)
    assert np.bincount(folds).min() > 0.95 * len(pairs) / FOLDS
    seen: dict[str, int] = {}
    for first, second, story, fold in zip(
        pairs.first, pairs.second, pairs.story, folds, strict=True
    ):
        for key in (f"story {story}", first, second):
            assert seen.setdefault(key, int(fold)) == fold


def test_the_parts_of_a_fold_share_no_story(data_dir: Path) -> None:
    data = HookData(str(data_dir), fold=2)
    rows = {split: data.rows(split) for split in ("train", "val", "test")}
    stories = {name: {data.pairs.story[i] for i in part} for name, part in rows.items()}
    assert sum(map(len, rows.values())) == len(data.pairs)
    assert not stories["train"] & stories["val"]
    assert not (stories["train"] | stories["val"]) & stories["test"]
    assert not len(HookData(str(data_dir)).rows("test"))
    with pytest.raises(ValueError, match="train, val or test"):
        data.rows("dev")
    with pytest.raises(ValueError, match="fold is"):
        HookData(fold=5)


def test_other_platforms_are_read(data_dir: Path) -> None:
    assert len(load_tweets(data_dir)) == 1_142
    titles, watched = load_snap_titles(data_dir)
    assert len(titles) == len(watched) > 800
    assert set(np.unique(watched)) == {0, 1, 2}


def test_a_changed_file_is_refused(tmp_path: Path, data_dir: Path) -> None:
    with pytest.raises(DataError, match="TALKREEL_DATA"):
        load_pairs(tmp_path)
    (tmp_path / "viral").mkdir()
    shutil.copyfile(data_dir / PAIRS_FILE, tmp_path / PAIRS_FILE)
    with (tmp_path / PAIRS_FILE).open("ab") as file:
        file.write(b"x")
    with pytest.raises(DataError, match="not the file of the manifest"):
        load_pairs(tmp_path)


def test_too_few_stories_make_no_folds() -> None:
    with pytest.raises(ValueError, match="5 folds"):
        story_folds(["a", "a", "b"], 5)
