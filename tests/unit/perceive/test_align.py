from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from talkreel.core.spans import Span
from talkreel.perceive.align import AlignedWord, Aligner, spread, to_pcm

RATE = 16_000


@pytest.fixture(scope="module")
def aligner() -> Aligner:
    return Aligner()


@pytest.fixture(scope="module")
def reading(media_dir: Path) -> tuple[NDArray[np.float32], list[tuple[str, float]]]:
    """Sound, and its words with their onsets."""
    import wave

    path = next((media_dir / "audio" / "word_times").glob("*0890.wav"))
    with wave.open(str(path), "rb") as file:
        data = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
    truth = json.loads(path.with_suffix(".json").read_text())
    words = [(w["t"].partition("(")[0], w["b"]) for w in truth["w"] if w["t"][0] not in "<["]
    return data.astype(np.float32) / 32768, words


def _check(words: tuple[AlignedWord, ...], seconds: float) -> None:
    assert all(a.span.end <= b.span.start + 1e-9 for a, b in pairwise(words))
    assert words[0].span.start >= 0
    assert words[-1].span.end <= seconds


def test_words_start_where_the_truth_says(
    aligner: Aligner, reading: tuple[NDArray[np.float32], list[tuple[str, float]]]
) -> None:
    samples, truth = reading
    words = aligner(samples, [text for text, _ in truth])
    errors = [abs(w.span.start - at) for w, (_, at) in zip(words, truth, strict=True)]
    assert max(errors) <= 0.05
    assert not any(word.interpolated for word in words)
    _check(words, len(samples) / RATE)


def test_repeated_words_get_their_own_times(
    aligner: Aligner, reading: tuple[NDArray[np.float32], list[tuple[str, float]]]
) -> None:
    samples, truth = reading
    words = aligner(samples, [text for text, _ in truth])
    rather = [w.span.start for w, (text, _) in zip(words, truth, strict=True) if text == "rather"]
    assert len(rather) == 2
    assert rather[1] - rather[0] > 1.0


def test_the_result_does_not_depend_on_what_came_before(
    aligner: Aligner, reading: tuple[NDArray[np.float32], list[tuple[str, float]]]
) -> None:
    samples, truth = reading
    texts = [text for text, _ in truth]
    for first, last, cut in ((0, 7, 36_000), (0, 14, 84_000), (4, 14, 84_000)):
        start = round((truth[first][1] - 0.1) * RATE) if first else 0
        part = samples[start:cut]
        fresh = Aligner()(part, texts[first:last])
        aligner(0.01 * samples[::-1].copy(), texts)
        assert aligner(part, texts[first:last]) == fresh
        aligner(np.zeros(RATE, dtype=np.float32), ["so"])
        assert aligner(part, texts[first:last]) == fresh


def test_unknown_words_signs_and_other_scripts_are_placed(
    aligner: Aligner, reading: tuple[NDArray[np.float32], list[tuple[str, float]]]
) -> None:
    samples, truth = reading
    texts = [text for text, _ in truth]
    texts[5:8] = ["kould", "haarted", "你好"]
    words = aligner(samples, texts)
    assert len(words) == len(texts)
    assert [word.interpolated for word in words].count(True) == 1
    _check(words, len(samples) / RATE)


def test_one_shown_word_covers_everything_said_for_it(
    aligner: Aligner, reading: tuple[NDArray[np.float32], list[tuple[str, float]]]
) -> None:
    samples, truth = reading
    texts = [text for text, _ in truth]
    single = aligner(samples, texts)
    at = texts.index("cold")
    joined = aligner(samples, [*texts[:at], "cold-hearted", *texts[at + 2 :]])
    assert joined[at].span == Span(single[at].span.start, single[at + 1].span.end)


def test_words_that_are_not_said_are_spread_and_flagged(aligner: Aligner) -> None:
    silence = np.zeros(RATE, dtype=np.float32)
    many = ["extraordinary"] * 30
    assert aligner.find(silence, many) is None
    words = aligner(silence, many)
    assert all(word.interpolated for word in words)
    _check(words, 1.0)


def test_no_words_need_no_times(aligner: Aligner) -> None:
    assert aligner(np.zeros(RATE, dtype=np.float32), []) == ()


def test_a_blank_word_is_refused(aligner: Aligner) -> None:
    with pytest.raises(ValueError, match="blank"):
        aligner(np.zeros(RATE, dtype=np.float32), ["a", " "])


def test_spreading_follows_the_sounding_part() -> None:
    samples = np.zeros(4 * RATE, dtype=np.float32)
    samples[RATE : 3 * RATE] = np.random.default_rng(0).standard_normal(2 * RATE) * 0.1
    words = spread(samples, ["one", "three", "four"])
    assert words[0].span.start == pytest.approx(1.0, abs=0.02)
    assert words[-1].span.end == pytest.approx(3.0, abs=0.02)
    assert words[1].span.duration > words[0].span.duration


def test_spreading_over_nothing_gives_empty_spans() -> None:
    assert [word.span for word in spread(np.zeros(0, dtype=np.float32), ["a"])] == [Span(0, 0)]


def test_quiet_sound_is_raised_before_it_is_rounded() -> None:
    quiet = np.full(RATE, 1e-4, dtype=np.float32)
    assert np.abs(np.frombuffer(to_pcm(quiet), dtype="<i2")[:RATE]).max() > 10_000
