from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from talkreel.core.errors import SchemaError
from talkreel.models.architectures import build
from talkreel.models.bundle import Bundle, BundleSpec, load, save
from talkreel.models.hook import FEATURES, HookNet, HookRanker

TEXTS = (
    "You won't believe what she found under the floor",
    "A report on floors",
    "Why does nobody talk about this?",
)


def make_bundle(folder: Path, *, margin: float = 0.1, features: str = FEATURES) -> Bundle:
    torch.manual_seed(1)
    net = HookNet()
    net.standardise(torch.randn(50, 384) * 0.05)
    torch.nn.init.normal_(net.body.weight, std=0.1)  # type: ignore[union-attr,arg-type]
    net.temperature.fill_(1.5)
    net.margin.fill_(margin)
    spec = BundleSpec("hook", 1, "", {}, features, ("score",), (), (), "a test")
    save(folder, net, spec, "# card\n")
    return load(folder)


def test_the_same_net_comes_back_from_its_arguments() -> None:
    net = HookNet(size=8, hidden=4)
    twin = build("hook", net.arguments)
    twin.load_state_dict(net.state_dict())
    vectors = torch.randn(5, 8)
    torch.testing.assert_close(twin.eval()(vectors), net.eval()(vectors))
    with pytest.raises(SchemaError, match="hook"):
        build("hook", {"sise": 8})


def test_odds_are_antisymmetric_and_scaled_by_the_temperature() -> None:
    net = HookNet(size=8).eval()
    first, second = torch.randn(6, 8), torch.randn(6, 8)
    cold = net.log_odds(first, second)
    torch.testing.assert_close(cold, -net.log_odds(second, first))
    net.temperature.fill_(2.0)
    torch.testing.assert_close(net.log_odds(first, second), cold / 2)


def test_a_ranking_is_a_table_of_duels(tmp_path: Path) -> None:
    ranking = HookRanker(make_bundle(tmp_path / "hook")).rank(TEXTS)
    np.testing.assert_allclose(ranking.wins + ranking.wins.T, 1, atol=1e-6)
    np.testing.assert_allclose(np.diag(ranking.wins), 0.5)
    assert ranking.too_close.diagonal().all()
    assert ranking.order[0] == int(np.argmax(ranking.scores))
    leads = np.abs(ranking.scores[:, None] - ranking.scores[None])
    np.testing.assert_array_equal(ranking.too_close, (leads < 0.1) | (leads == 0))


def test_within_the_margin_no_text_is_best(tmp_path: Path) -> None:
    assert HookRanker(make_bundle(tmp_path / "a", margin=0)).rank(TEXTS).best in TEXTS
    assert HookRanker(make_bundle(tmp_path / "b", margin=1e6)).rank(TEXTS).best is None
    twins = HookRanker(make_bundle(tmp_path / "c", margin=0)).rank([TEXTS[0], TEXTS[0]])
    np.testing.assert_allclose(twins.wins, 0.5, atol=1e-5)


def test_wrong_texts_and_bundles_are_refused(tmp_path: Path) -> None:
    ranker = HookRanker(make_bundle(tmp_path / "hook"))
    with pytest.raises(TypeError, match="sequence"):
        ranker.rank("just one")
    for texts in ([], ["fine", "  "]):
        with pytest.raises(ValueError, match="none of them empty"):
            ranker.rank(texts)
    with pytest.raises(SchemaError, match="other/1"):
        HookRanker(make_bundle(tmp_path / "other", features="other/1"))
