from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from talkreel.core.emotions import EMOTIONS, GOEMOTIONS
from talkreel.core.errors import SchemaError
from talkreel.models.architectures import build
from talkreel.models.bundle import Bundle, BundleSpec, load, save
from talkreel.models.emotion_text import (
    ANSWERS,
    FEATURES,
    EmotionFinetunedNet,
    EmotionTextNet,
    EmotionTextReader,
    padded,
)
from talkreel.models.text import TextEmbedder, TokenEmbedder


def make_bundle(folder: Path, *, features: str = FEATURES) -> Bundle:
    torch.manual_seed(2)
    net = EmotionTextNet(hidden=16)
    net.thresholds.fill_(0.4)
    net.temperature.fill_(1.3)
    spec = BundleSpec("emotion-text", 1, "", {}, features, (), (), (), "a test")
    save(folder, net, spec, "# card\n")
    return load(folder)


def test_the_same_net_comes_back_from_its_arguments() -> None:
    net = EmotionTextNet(size=12, hidden=8).eval()
    twin = build("emotion-text", net.arguments)
    twin.load_state_dict(net.state_dict())
    states, mask = torch.randn(3, 5, 12), torch.ones(3, 5)
    torch.testing.assert_close(twin.eval()(states, mask), net(states, mask))
    with pytest.raises(SchemaError, match="emotion-text"):
        build("emotion-text", {"width": 3})


def test_padding_and_neighbours_change_nothing() -> None:
    net = EmotionTextNet(size=12, hidden=8).eval()
    rows = [np.random.default_rng(n).normal(size=(n, 12)).astype(np.float32) for n in (2, 7, 4)]
    together = net(*padded(rows))
    alone = torch.cat([net(*padded([row])) for row in rows])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)


def test_reading_gives_distributions_and_labels(tmp_path: Path) -> None:
    reader = EmotionTextReader(make_bundle(tmp_path / "b"))
    texts = ["I love this!", "", "This is the " + "very " * 200 + "end."]
    chances = reader.probabilities(texts)
    assert chances.shape == (3, ANSWERS)
    np.testing.assert_allclose(chances[:1], reader.probabilities(texts[:1]), atol=1e-5)
    np.testing.assert_allclose(reader.ekman(texts).sum(axis=1), 1, atol=1e-6)
    emotions = reader(texts)
    assert all(emotion.channels == ("text",) for emotion in emotions)
    assert {emotion.name for emotion in emotions} <= set(EMOTIONS)
    for row, labels in zip(chances, reader.labels(texts), strict=True):
        passed = {name for name, value in zip(GOEMOTIONS, row[:28], strict=True) if value >= 0.4}
        assert set(labels) == passed
    assert reader([]) == []


def test_wrong_texts_and_bundles_are_refused(tmp_path: Path) -> None:
    reader = EmotionTextReader(make_bundle(tmp_path / "b"))
    with pytest.raises(TypeError, match="sequence"):
        reader("just one")
    with pytest.raises(SchemaError, match="other/1"):
        EmotionTextReader(make_bundle(tmp_path / "c", features="other/1"))


def test_the_finetuned_net_starts_from_minilm() -> None:
    net = EmotionFinetunedNet(trained=1, hidden=8).eval()
    text = "We choose to go to the moon."
    ids = torch.tensor(TokenEmbedder().ids([text]))
    mask = torch.ones(ids.shape)
    with torch.inference_mode():
        states = net.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        assert net(ids, mask).shape == (1, ANSWERS)
    pooled = torch.nn.functional.normalize(states.mean(dim=1)).numpy()
    np.testing.assert_allclose(pooled, TextEmbedder()([text]), atol=1e-5)
    learning = {name for name, weight in net.encoder.named_parameters() if weight.requires_grad}
    assert learning
    assert all(name.startswith("encoder.layer.5.") for name in learning)
    with pytest.raises(ValueError, match="0 to 6"):
        EmotionFinetunedNet(trained=7)


@pytest.mark.parametrize("layers", [(), (9,)])
def test_token_states_of_no_layer_are_refused(layers: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="0 to 6"):
        TokenEmbedder(layers)


def test_token_states_of_one_string_are_refused() -> None:
    with pytest.raises(TypeError, match="sequence of texts"):
        TokenEmbedder().tokens("just one")
