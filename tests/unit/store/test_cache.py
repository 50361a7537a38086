from __future__ import annotations

import os
from pathlib import Path

import pytest

from talkreel.core.errors import OutputError
from talkreel.core.spans import Span
from talkreel.core.transcript import Transcript, Word
from talkreel.store.cache import StageCache, StageKey

KEY = StageKey("m" * 64, "words", 1, {"language": "en"})
WORDS = Transcript("en", (Word("Hi.", Span(0, 1 / 3)),))


def test_a_result_is_made_once(tmp_path: Path) -> None:
    cache, calls = StageCache(tmp_path), []

    def produce() -> Transcript:
        calls.append(1)
        return WORDS

    first = cache.record(KEY, Transcript, produce)
    second = cache.record(KEY, Transcript, produce)
    assert calls == [1]
    assert first == second  # a resumed run works on the same numbers, to the last digit


@pytest.mark.parametrize(
    "other",
    [
        StageKey("n" * 64, "words", 1, {"language": "en"}),
        StageKey("m" * 64, "words", 2, {"language": "en"}),
        StageKey("m" * 64, "words", 1, {"language": "de"}),
    ],
)
def test_another_key_is_another_entry(tmp_path: Path, other: StageKey) -> None:
    cache = StageCache(tmp_path)
    cache.record(KEY, Transcript, lambda: WORDS)
    assert cache.peek(other, Transcript) is None


def test_a_damaged_entry_is_made_again(tmp_path: Path) -> None:
    cache = StageCache(tmp_path)
    cache.record(KEY, Transcript, lambda: WORDS)
    path = KEY.path(tmp_path, ".npz")
    path.write_bytes(path.read_bytes()[:50])
    assert cache.peek(KEY, Transcript) is None
    assert cache.record(KEY, Transcript, lambda: WORDS).words[0].text == "Hi."


def test_a_file_that_fails_leaves_nothing(tmp_path: Path) -> None:
    cache = StageCache(tmp_path)

    def produce(path: Path) -> None:
        path.write_bytes(b"half")
        raise RuntimeError("cut")

    with pytest.raises(RuntimeError, match="cut"):
        cache.file(KEY, ".wav", produce)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    made = cache.file(KEY, ".wav", lambda path: path.write_bytes(b"whole") and None)
    assert made.read_bytes() == b"whole"


def test_prune_forgets_the_least_recently_used(tmp_path: Path) -> None:
    cache = StageCache(tmp_path)
    keys = [StageKey(str(i) * 64, "words", 1, {}) for i in range(3)]
    for age, key in enumerate(keys):
        cache.record(key, Transcript, lambda: WORDS)
        os.utime(key.path(tmp_path, ".npz"), (1000 + age, 1000 + age))
    one = cache.size_bytes // 3
    assert cache.prune(limit_bytes=2.5 * one) == one
    assert cache.peek(keys[0], Transcript) is None
    assert cache.peek(keys[2], Transcript) is not None


def test_a_cache_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    cache = StageCache(tmp_path / "file")
    with pytest.raises(OutputError, match="TALKREEL_CACHE|cannot write"):
        cache.file(KEY, ".wav", lambda path: None)
    with pytest.raises(OutputError, match="cannot write"):
        cache.record(KEY, Transcript, lambda: WORDS)
