from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from talkreel.core.errors import OutputError
from talkreel.features.token_cache import cached_tokens


class Letters:
    """A token per letter: its code, three times."""

    name = "letters"
    version = 1

    def __init__(self) -> None:
        self.asked = 0

    def tokens(self, texts: list[str]) -> list[np.ndarray]:
        self.asked += len(texts)
        return [
            np.array([[ord(c)] * 3 for c in text], dtype=np.float32).reshape(-1, 3)
            for text in texts
        ]


def test_states_come_back_from_disk(tmp_path: Path) -> None:
    source, texts = Letters(), ["abc", "", "de"]
    first = cached_tokens(texts, source, folder=tmp_path)
    second = cached_tokens(texts, source, folder=tmp_path)
    assert source.asked == 3
    for rows, again, text in zip(first, second, texts, strict=True):
        np.testing.assert_array_equal(rows, again)
        assert rows[:, 0].tolist() == [ord(c) for c in text]
    cached_tokens(["abc", "de", ""], source, folder=tmp_path)
    assert source.asked == 6


def test_a_damaged_block_is_computed_again(tmp_path: Path) -> None:
    source = Letters()
    cached_tokens(["abc"], source, folder=tmp_path)
    (file,) = tmp_path.rglob("*.states.npy")
    file.write_bytes(file.read_bytes()[:-3])
    (rows,) = cached_tokens(["abc"], source, folder=tmp_path)
    assert rows.shape == (3, 3)
    assert source.asked == 2


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(OutputError, match="TALKREEL_CACHE"):
        cached_tokens(["a"], Letters(), folder=tmp_path / "taken")
