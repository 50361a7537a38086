from __future__ import annotations

import numpy as np
import pytest

from talkreel.core.spans import Span
from talkreel.core.transcript import Word
from talkreel.perceive.align import Aligner
from talkreel.perceive.hear import (
    ChunkListener,
    SpeechChunk,
    english_share,
    goes_round,
    loudness_range,
    placed,
    quietest,
)
from talkreel.perceive.moonshine import Moonshine

RATE = 16_000


@pytest.mark.parametrize(
    "text",
    [
        "we are not the same as us but " * 4,
        "no " * 12,
        "thank you. thank you. thank you. thank you. thank you. thank you.",
    ],
)
def test_loops_are_seen(text: str) -> None:
    assert goes_round(text.split())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no no no no",
        "Hello, hello, hello, hello. Is anybody there?",
        "government of the people, by the people, for the people, shall not perish",
        "ask not what your country can do for you, ask what you can do for your country",
        "we shall fight on the beaches, we shall fight on the landing grounds, we shall fight in "
        "the fields and in the streets, we shall fight in the hills",
    ],
)
def test_rhetoric_is_no_loop(text: str) -> None:
    assert not goes_round(text.split())


def test_the_quietest_place_is_found_away_from_the_ends() -> None:
    samples = np.ones(8 * RATE, dtype=np.float32)
    samples[:RATE] = 0
    samples[5 * RATE : 5 * RATE + RATE // 2] = 0
    assert 5 * RATE <= quietest(samples) <= 5 * RATE + RATE // 2
    assert quietest(samples[:100]) == 50


def test_the_loudness_range_tells_noise_from_clear_speech() -> None:
    noise = np.random.default_rng(0).standard_normal(4 * RATE).astype(np.float32)
    gated = noise * (np.arange(4 * RATE) // RATE % 2)
    assert loudness_range(noise) < 3
    assert loudness_range(gated.astype(np.float32)) > 40
    assert loudness_range(noise[:10]) == 0.0


def test_shares_count_only_chunks_that_tell() -> None:
    chunks = [
        SpeechChunk(Span(0, 6), english=1.0),
        SpeechChunk(Span(6, 8), english=0.0),
        SpeechChunk(Span(8, 99)),
    ]
    assert english_share(chunks) == (0.75, 8.0)
    assert english_share([]) == (None, 0.0)


def test_placing_keeps_words_inside_the_chunk() -> None:
    word = Word("so", Span(1.0, 3.0), confidence=0.123456)
    moved = placed(SpeechChunk(Span(0, 3), (word,), -0.123456, 4), Span(10.0, 12.5))
    assert moved.words[0].span == Span(11.0, 12.5)
    assert moved.words[0].confidence == word.confidence
    assert moved.score == -0.123456


@pytest.mark.parametrize("kind", ["silence", "noise", "tone", "click"])
def test_sound_without_speech_brings_no_confident_words(kind: str) -> None:
    times = np.arange(6 * RATE) / RATE
    samples = {
        "silence": np.zeros(6 * RATE),
        "noise": np.random.default_rng(0).standard_normal(6 * RATE) * 0.1,
        "tone": 0.3 * np.sin(2 * np.pi * 220 * times),
        "click": (np.arange(6 * RATE) == RATE).astype(float),
    }[kind].astype(np.float32)
    chunk = ChunkListener(Moonshine(), Aligner())(samples)
    assert len(chunk.words) <= 3
    assert all(0 <= word.span.start <= word.span.end <= 6 for word in chunk.words)


def test_sound_too_short_for_a_word_is_nothing() -> None:
    chunk = ChunkListener(Moonshine(), Aligner())(np.zeros(100, dtype=np.float32))
    assert chunk.words == ()
    assert chunk.tokens == 0
