"""Small talks with made-up embeddings; real embeddings are tested with the model."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from talkreel.core.spans import Span
from talkreel.core.transcript import Transcript, Word
from talkreel.ranking.talk import Talk, sentence_units


def make_transcript(
    sentences: Sequence[str], *, start: float = 0.5, pause: float = 0.4, rate: float = 2.5
) -> Transcript:
    """Sentences spoken one after the other at ``rate`` words a second."""
    words: list[Word] = []
    clock = start
    for sentence in sentences:
        for text in sentence.split():
            words.append(Word(text, Span(clock, clock + 0.9 / rate)))
            clock += 1 / rate
        clock += pause
    return Transcript("en", tuple(words))


def embed(texts: Sequence[str]) -> np.ndarray:
    """[N, 384] unit vectors: sums of one fixed random vector per word, so shared words attract."""
    rows = np.zeros((len(texts), 384))
    for row, text in zip(rows, texts, strict=True):
        for word in text.lower().split():
            seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "little")
            row += np.random.default_rng(seed).standard_normal(384)
        row /= max(1e-9, float(np.linalg.norm(row)))
    return rows


def embed_transcript(transcript: Transcript) -> np.ndarray:
    return embed([sentence.text for sentence in transcript.sentences])


def make_talk(sentences: Sequence[str], **times: float) -> Talk:
    transcript = make_transcript(sentences, **times)
    duration = transcript.words[-1].span.end + 1
    units = sentence_units(transcript, Span(0, duration), 60.0)
    return Talk(units, embed_transcript(transcript), {}, duration)


TOPICS = (
    ("ocean", "whale", "song", "water", "deep", "blue", "swim", "dive", "sound", "hunters"),
    ("bank", "market", "price", "dollar", "tax", "budget", "profit", "loan", "trade", "savings"),
    ("soil", "seed", "plant", "flower", "rain", "root", "leaf", "bloom", "harvest", "tree"),
    ("program", "computer", "bug", "compiler", "test", "server", "data", "loop", "stack", "key"),
)


def long_talk(sentences: int, seed: int = 0) -> list[str]:
    """Sentences of several kinds, the topic changing every dozen."""
    rng = np.random.default_rng(seed)
    made = []
    for i in range(sentences):
        topic = TOPICS[(i // 12) % len(TOPICS)]
        words = [str(w) for w in rng.choice(topic, 6)]
        extra = f"x{i}"
        body = f"{words[0]} {extra} {words[1]} moves the {words[2]} near {words[3]} {words[4]}"
        shapes = (
            f"The {body} every {2 + i % 50} days.",
            f"Why does the {body} matter to you?",
            f"And it was the {body} again and again.",
            f"Nobody in Paris believed the {body} would ever work.",
            f"We measured {words[5]} and the {body} with care.",
        )
        made.append(shapes[int(rng.integers(len(shapes)))])
    return made


@pytest.fixture(scope="session")
def speak() -> Callable[..., Transcript]:
    return make_transcript


@pytest.fixture(scope="session")
def vectors() -> Callable[[Transcript], np.ndarray]:
    return embed_transcript


@pytest.fixture(scope="session")
def talk_of() -> Callable[..., Talk]:
    return make_talk


@pytest.fixture(scope="session")
def sentences_of() -> Callable[..., list[str]]:
    return long_talk


@pytest.fixture(scope="session")
def long_transcript() -> Transcript:
    return make_transcript(long_talk(150))
