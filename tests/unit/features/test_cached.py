from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from talkreel.core.arrays import FloatArray
from talkreel.core.errors import OutputError
from talkreel.features.cached import cached_embeddings, features_folder


class Counting:
    """Vectors made from the bytes of a text; counts what it was asked for."""

    name = "counting"
    version = 1

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, texts: Sequence[str]) -> FloatArray:
        self.asked += texts
        rows = [[len(text), sum(text.encode()) / 1000, 1 / 3] for text in texts]
        return np.array(rows, dtype=np.float32).reshape(len(texts), 3)


def test_each_distinct_text_is_embedded_once(tmp_path: Path) -> None:
    embedder = Counting()
    first = cached_embeddings(["b", "a", "b", ""], embedder, folder=tmp_path)
    again = cached_embeddings(["", "a", "c", "b"], embedder, folder=tmp_path)
    assert sorted(embedder.asked) == ["", "a", "b", "c"]
    assert first.dtype == np.float16
    np.testing.assert_array_equal(first[0], first[2])
    np.testing.assert_array_equal(first[[3, 1, 0]], again[[0, 1, 3]])


def test_many_texts_come_back_in_order_and_progress_reaches_one(tmp_path: Path) -> None:
    texts = [f"{'x' * (i % 7)}{i}" for i in range(5000)]
    shares: list[float] = []
    vectors = cached_embeddings(texts, Counting(), folder=tmp_path, progress=shares.append)
    np.testing.assert_array_equal(vectors, Counting()(texts).astype(np.float16))
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert len(shares) > 10


def test_a_damaged_file_is_computed_again(tmp_path: Path) -> None:
    want = cached_embeddings(["a", "b"], Counting(), folder=tmp_path)
    for file in (tmp_path / "counting-1").glob("*.vectors.npy"):
        file.write_bytes(b"cut")
    np.testing.assert_array_equal(cached_embeddings(["a", "b"], Counting(), folder=tmp_path), want)


def test_another_version_shares_nothing(tmp_path: Path) -> None:
    cached_embeddings(["a"], Counting(), folder=tmp_path)
    newer = Counting()
    newer.version = 2
    cached_embeddings(["a"], newer, folder=tmp_path)
    assert newer.asked == ["a"]


def test_no_texts(tmp_path: Path) -> None:
    assert cached_embeddings([], Counting(), folder=tmp_path).shape == (0, 3)


def test_one_string_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="sequence of texts"):
        cached_embeddings("hello", Counting(), folder=tmp_path)


def test_a_cache_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="TALKREEL_CACHE"):
        cached_embeddings(["a"], Counting(), folder=tmp_path / "file")


def test_the_folder_follows_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALKREEL_CACHE", str(tmp_path))
    assert features_folder() == tmp_path / "features"
