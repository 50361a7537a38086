from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from talkreel.core.errors import ModelMissing
from talkreel.perceive.beam_search import Hypothesis
from talkreel.perceive.moonshine import Moonshine, bundled_folder, read_tokens, recognised


def test_the_vocabulary_is_read_with_short_and_long_entries() -> None:
    long = b"x" * 130
    assert read_tokens(b"\x02ab\x00" + bytes([130, 1]) + long + b"\x01c") == [
        b"ab",
        b"",
        b"x" * 130,
        b"c",
    ]


def test_the_bundled_vocabulary_has_the_special_tokens() -> None:
    tokens = read_tokens((bundled_folder() / "tokenizer.bin").read_bytes())
    assert tokens[:3] == [b"<unk>", b"<s>", b"</s>"]
    assert len(tokens) == 32_768


def test_tokens_become_words_with_their_probabilities() -> None:
    line = "▁".encode()
    vocabulary = [b"<unk>", b"<s>", b"</s>", line + b"Hel", b"lo,", line + b"caf", b"\xc3", b"\xa9"]
    vocabulary += [b"<<ST_1>>", line + b"a b"]
    tokens = (3, 4, 8, 5, 6, 7, 9, 2)
    said = recognised(Hypothesis(tokens, tuple([-0.5] * 8)), vocabulary)
    assert said.words == ("Hello,", "café", "a", "b")
    assert said.confidences == pytest.approx([np.exp(-0.5)] * 4)
    assert said.tokens == 8
    assert said.score == pytest.approx(-0.5)


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"encoder_model\.ort"):
        Moonshine(tmp_path)


def test_at_least_one_beam_is_needed() -> None:
    with pytest.raises(ValueError, match="beam"):
        Moonshine(beams=0)
