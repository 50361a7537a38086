from __future__ import annotations

import time

import numpy as np

from talkreel.core.spans import Span
from talkreel.core.transcript import Transcript, Word
from talkreel.features.sentences import TEXT_SIZE
from talkreel.models.bundle import load, read_spec
from talkreel.models.predict_engagement import EngagementPredictor
from talkreel.models.shipped import SHIPPED_FOLDER
from talkreel.models.text import TextEmbedder

FOLDER = SHIPPED_FOLDER / "engagement"


def said(*sentences: str) -> Transcript:
    words: list[Word] = []
    for token in " ".join(sentences).split():
        start = words[-1].span.end if words else 0.0
        words.append(Word(token, Span(start, start + 0.4)))
    return Transcript("en", tuple(words))


def test_the_shipped_bundle_learned_from_free_data_and_beats_plain_methods() -> None:
    spec = read_spec(FOLDER)
    assert spec.shippable
    assert spec.data
    values = {metric.name: metric.value for metric in spec.metrics}
    assert values["auc"] > max(values[f"auc/{n}"] for n in ("length-only", "lead-only", "tf-idf"))
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 2_000_000


def test_it_tells_a_rallying_line_from_an_aside() -> None:
    talk = said(
        "The committee met in the second week of the month.",
        "We will never stop fighting for the American people!",
        "The third table lists the figures by county.",
        "And tonight I say to our brave troops, thank you and God bless you.",
        "It was revised in the appendix.",
    )
    predictor = EngagementPredictor(load(FOLDER))
    found = predictor(talk, TextEmbedder()([s.text for s in talk.sentences]))
    assert min(found.reaction[[1, 3]]) > max(found.reaction[[0, 2, 4]])
    assert np.isnan(found.importance).all()


def test_an_hour_is_scored_in_seconds() -> None:
    texts = [f"This is sentence number {i} of a long talk about words." for i in range(800)]
    talk = said(*texts)
    assert talk.words[-1].span.end > 3500
    predictor = EngagementPredictor(load(FOLDER))
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(len(talk.sentences), 384)).astype(np.float32)
    wording = rng.normal(size=(len(talk.sentences), TEXT_SIZE)).astype(np.float32)
    begun = time.perf_counter()
    predictor(talk, vectors, wording=wording)
    assert time.perf_counter() - begun < 10
