"""The shipped text bundles hold what their cards say, on the path the product takes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from talkreel.core.emotions import GOEMOTIONS
from talkreel.features.token_cache import cached_tokens
from talkreel.models.emotion_text import LAYERS, EmotionTextReader, padded
from talkreel.models.hook import HookRanker
from talkreel.models.shipped import SHIPPED_FOLDER, load_bundle
from talkreel.models.text import TokenEmbedder
from training.datamodules.hook import hook_vectors

FELT = {
    "We were terrified that night.": ("fear", "fear"),
    "My father died and I cry every day.": ("sadness", "sadness"),
    "Thank you all so much!": ("joy", "gratitude"),
    "I am furious, this makes me so angry.": ("anger", "anger"),
    "The lecture covers three topics.": ("neutral", "neutral"),
}


@pytest.fixture(autouse=True)
def _shipped(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TALKREEL_BUNDLES", raising=False)
    monkeypatch.setenv("TALKREEL_CACHE", str(tmp_path))
    torch.set_num_threads(1)


@pytest.mark.parametrize(
    ("name", "bars"),
    [
        ("emotion-text", {"macro-F1 28 labels": 0.50}),
        ("hook", {"accuracy p<.05": 0.69, "accuracy p<.05/tf-idf": 0.6}),
    ],
)
def test_figures_reach_the_bars_and_data_may_be_shipped(name: str, bars: dict[str, float]) -> None:
    spec = load_bundle(name).spec
    found = {metric.name: metric for metric in spec.metrics}
    assert spec.shippable
    for metric, bar in bars.items():
        assert found[metric].value >= bar
        assert found[metric].low < found[metric].value < found[metric].high
    if name == "hook":
        assert found["calibration error"].value <= 0.03
        assert "transfer: accuracy tweets" in found
    size = sum(path.stat().st_size for path in (SHIPPED_FOLDER / name).iterdir())
    assert size < 6_000_000


def test_plain_sentences_are_read_as_anyone_would() -> None:
    reader = EmotionTextReader(load_bundle("emotion-text"))
    texts = list(FELT)
    emotions, labels = reader(texts), reader.labels(texts)
    for (ekman, fine), emotion, found in zip(FELT.values(), emotions, labels, strict=True):
        assert emotion.name == ekman
        assert fine in found
        assert set(found) <= set(GOEMOTIONS)
    assert emotions[0].valence < 0 < emotions[2].valence


def test_training_and_product_see_the_same_sentences() -> None:
    bundle, texts = load_bundle("emotion-text"), list(FELT)
    net = bundle.net
    states, mask = padded(cached_tokens(texts, TokenEmbedder(LAYERS)))
    with torch.inference_mode():
        trained = torch.sigmoid(net(states, mask) / net.temperature).numpy()  # type: ignore[operator]
    served = EmotionTextReader(bundle).probabilities(texts)
    np.testing.assert_allclose(trained, served, atol=5e-3)  # the cache holds float16
    ranker = HookRanker(load_bundle("hook"))
    net = load_bundle("hook").net
    with torch.inference_mode():
        scores = net(torch.from_numpy(hook_vectors(texts))) / net.temperature  # type: ignore[operator]
    np.testing.assert_allclose(scores.numpy(), ranker.score(texts), atol=2e-2)


def test_a_told_story_beats_a_label() -> None:
    ranking = HookRanker(load_bundle("hook")).rank(
        ["A talk about sleep", "She slept four hours a night for ten years. Then this happened."]
    )
    assert ranking.best == ranking.texts[1]
    assert ranking.wins[1, 0] > 0.8
