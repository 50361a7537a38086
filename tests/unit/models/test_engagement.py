from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import torch

from talkreel.core.errors import SchemaError
from talkreel.core.spans import Span
from talkreel.core.transcript import Transcript, Word
from talkreel.features.sentence_sound import MEL_SIZE
from talkreel.features.sentences import FEATURES, MEL, TEXT_SIZE, talk_features
from talkreel.models.bundle import Bundle, BundleSpec, load, save
from talkreel.models.engagement import EngagementNet, reaction_logits
from talkreel.models.predict_engagement import EngagementPredictor

Batch = dict[str, torch.Tensor]


def batch(count: int = 12, visual: int = 0, seed: int = 0, *, heard: bool = False) -> Batch:
    rng = np.random.default_rng(seed)
    texts = [f"Sentence {i} is about {'you' * (i % 2)} and me." for i in range(count)]
    rows = talk_features(
        texts,
        rng.normal(size=(count, 384)),
        wording=rng.normal(size=(count, TEXT_SIZE)),
        times=np.stack([np.arange(count), np.arange(count) + 0.8], axis=1),
        visual=rng.normal(size=(count, visual)) if visual else None,
        mel=rng.normal(size=(count, MEL_SIZE)).astype(np.float16) if heard else None,
    )
    names = ("text", "words", "form", "timing", "sound", "visual", "mel", "known")
    found = {name: torch.from_numpy(getattr(rows, name))[None] for name in names}
    return found | {"lengths": torch.tensor([count])}


def net(**arguments: int) -> EngagementNet:
    torch.manual_seed(0)
    return EngagementNet(hidden=8, buckets=64, bucket_size=4, **arguments).eval()


def states(count: int) -> np.ndarray:
    rows = np.random.default_rng(1).normal(size=(count, TEXT_SIZE))
    return rows.astype(np.float32)


def spoken(minutes: int) -> Transcript:
    words = []
    for i in range(minutes * 150):
        text = f"word{i % 97}" + ("." if i % 12 == 11 else "")
        words.append(Word(text, Span(i * 0.4, i * 0.4 + 0.35)))
    return Transcript("en", tuple(words))


def bundle_of(
    network: EngagementNet,
    folder: Path,
    *,
    features: str = FEATURES,
    labels: tuple[str, ...] = ("applause", "laughter"),
) -> Bundle:
    spec = BundleSpec(
        name="engagement",
        version=1,
        architecture="",
        arguments={},
        features=features,
        labels=labels,
        metrics=(),
        data=(),
        permitted_use="Tests.",
    )
    save(folder / "bundle", network, spec, "# Card\n")
    return load(folder / "bundle")


def test_padding_changes_nothing() -> None:
    network, whole = net(), batch(12)
    padded = {
        name: torch.nn.functional.pad(part, (0, 0, 0, 5)) if part.ndim == 3 else part
        for name, part in whole.items()
    }
    torch.testing.assert_close(network(padded)[:, :12], network(whole))


def test_a_masked_stream_has_no_say() -> None:
    network, rows = net(visual_size=6), batch(visual=6)
    rows["known"][..., 1:] = 0
    before = network(rows)
    for name in ("timing", "sound", "visual"):
        rows[name] = torch.randn_like(rows[name])
    torch.testing.assert_close(network(rows), before)
    rows["known"][..., 3] = 1
    assert not torch.allclose(network(rows), before)


def hearing(**arguments: int) -> EngagementNet:
    network = net(mel_width=2, **arguments)
    network.set_scales("mel", torch.zeros(64), torch.full((64,), 2.0))
    return network


def test_a_masked_sound_is_an_absent_one() -> None:
    network, rows, absent = hearing(members=2), batch(heard=True), batch()
    assert not torch.allclose(network(rows), network(absent), atol=1e-4)
    deaf = {**rows, "known": absent["known"]}
    torch.testing.assert_close(network(deaf), network(absent))
    without = {name: part for name, part in rows.items() if name != "mel"}
    torch.testing.assert_close(network(without), network(absent))
    some = {name: part.clone() for name, part in rows.items()}
    some["known"][0, 6:, MEL] = 0
    before = network(some)
    some["mel"][0, 6:] = torch.randn(6, MEL_SIZE)
    torch.testing.assert_close(network(some), before)


def test_a_sound_that_training_never_knew_has_no_say() -> None:
    untaught = net(mel_width=2)
    torch.testing.assert_close(untaught(batch(heard=True)), untaught(batch()))
    deaf = net()
    torch.testing.assert_close(deaf(batch(heard=True)), deaf(batch()))


def test_a_net_learns_from_rows_of_which_some_are_heard() -> None:
    network, rows = hearing().train(), batch(heard=True)
    rows["known"][0, ::2, MEL] = 0
    network(rows).square().sum().backward()
    grads = [part.grad for name, part in network.named_parameters() if ".ear." in name]
    assert grads
    assert all(grad is not None and torch.isfinite(grad).all() for grad in grads)


def test_context_counts_and_the_place_does_not() -> None:
    network, rows = net(), batch()
    changed = {name: part.clone() for name, part in rows.items()}
    changed["text"][0, 5] += 1
    difference = (network(rows) - network(changed)).abs().sum(dim=-1)[0]
    assert (difference > 0).all()
    alone = EngagementNet(hidden=0, buckets=0).eval()
    difference = (alone(rows) - alone(changed)).abs().sum(dim=-1)[0]
    assert (difference > 0).tolist() == [i == 5 for i in range(12)]


def test_streams_that_training_never_knew_have_no_say() -> None:
    network, rows = net(), batch()
    before = network(rows)
    for name in ("timing", "sound"):
        rows[name] = torch.randn_like(rows[name])
    rows["known"][..., 1:] = 1
    torch.testing.assert_close(network(rows), before)
    network.set_scales("timing", torch.zeros(4), torch.full((4,), 2.0))
    assert not torch.allclose(network(rows), before)


def test_scales_are_kept_with_the_weights() -> None:
    network = net()
    network.set_scales("timing", torch.arange(4.0), torch.zeros(4))
    assert network.get_buffer("timing_mean").tolist() == [0, 1, 2, 3]
    assert network.get_buffer("timing_scale").tolist() == [1, 1, 1, 1]
    assert "timing_mean" in network.state_dict()
    rows, before = batch(), network(batch())
    network.set_scales("text", torch.ones(TEXT_SIZE), torch.full((TEXT_SIZE,), 2.0))
    assert not torch.allclose(network(rows), before)
    with pytest.raises(ValueError, match="no stream"):
        network.set_scales("smell", torch.zeros(4), torch.ones(4))


def test_members_are_averaged_and_reactions_joined() -> None:
    network, rows = net(members=3), batch()
    torch.testing.assert_close(network.each(rows).mean(dim=0), network(rows))
    logits = torch.tensor([[0.0, 0.0, 9.0], [-40.0, -40.0, 0.0], [20.0, -3.0, 0.0]])
    chance = torch.sigmoid(reaction_logits(logits))
    torch.testing.assert_close(chance[0], torch.tensor(0.75))
    assert chance[1] < 1e-6
    assert torch.isfinite(reaction_logits(logits)).all()


def test_training_leaves_streams_out() -> None:
    network = EngagementNet(hidden=0, buckets=0, dropout=0.0, stream_dropout=1.0)
    rows = batch()
    before = network(rows)
    rows["timing"] = torch.randn_like(rows["timing"])
    torch.testing.assert_close(network(rows), before)


@pytest.mark.parametrize(
    "arguments", [{"hidden": -1}, {"members": 0}, {"dropout": 1.0}, {"stream_dropout": 2.0}]
)
def test_sizes_out_of_range_are_refused(arguments: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"positive|0\.\.1"):
        EngagementNet(**arguments)  # type: ignore[arg-type]


def test_a_bundle_scores_an_hour_quickly(tmp_path: Path) -> None:
    network = EngagementNet()
    assert sum(part.numel() for part in network.state_dict().values()) * 4 <= 2_000_000
    predictor = EngagementPredictor(bundle_of(network, tmp_path))
    transcript = spoken(60)
    count = len(transcript.sentences)
    embeddings = np.random.default_rng(0).normal(size=(count, 384)).astype(np.float32)
    begun = time.perf_counter()
    found = predictor(transcript, embeddings, wording=states(count))
    assert time.perf_counter() - begun < 10
    assert found.reaction.shape == (count,)
    assert ((found.reaction >= found.applause) & (found.reaction >= found.laughter)).all()
    assert np.isnan(found.importance).all()
    assert found.signal.name == "engagement"
    assert found.signal.span.end == pytest.approx(3600, abs=1)


def test_training_rows_and_product_give_the_same(tmp_path: Path) -> None:
    network = net()
    predictor = EngagementPredictor(bundle_of(network, tmp_path))
    transcript = spoken(2)
    spans = [(s.span.start, s.span.end) for s in transcript.sentences]
    embeddings = np.random.default_rng(0).normal(size=(len(spans), 384)).astype(np.float32)
    texts, wording = [s.text for s in transcript.sentences], states(len(spans))
    rows = talk_features(texts, embeddings, wording=wording, times=np.array(spans))
    found = predictor(transcript, embeddings, wording=wording)
    with torch.inference_mode():
        names = ("text", "words", "form", "timing", "sound", "visual", "known")
        parts = {name: torch.from_numpy(getattr(rows, name))[None] for name in names}
        logits = network(parts | {"lengths": torch.tensor([len(rows)])})[0]
    np.testing.assert_allclose(found.applause, torch.sigmoid(logits[:, 0]), atol=1e-5)


def test_silence_and_foreign_bundles(tmp_path: Path) -> None:
    predictor = EngagementPredictor(bundle_of(net(), tmp_path))
    found = predictor(Transcript("en", ()), np.zeros((0, 384), np.float32))
    assert len(found.reaction) == len(found.signal.values) == 0
    with pytest.raises(ValueError, match="embeddings"):
        predictor(spoken(1), np.zeros((0, 384), np.float32))
    talk = spoken(1)
    embeddings = np.zeros((len(talk.sentences), 384), np.float32)
    with pytest.raises(ValueError, match="wording"):
        predictor(talk, embeddings, wording=states(0))
    with pytest.raises(SchemaError, match="sentences/"):
        EngagementPredictor(bundle_of(net(), tmp_path, features="other/1"))


def test_what_a_bundle_never_learned_has_no_say(tmp_path: Path) -> None:
    talk = spoken(1)
    count = len(talk.sentences)
    embeddings = np.zeros((count, 384), np.float32)
    wording = states(count)
    own = EngagementPredictor(bundle_of(net(), tmp_path / "own", labels=("importance",)))
    found = own(talk, embeddings, wording=wording)
    assert np.isnan(found.applause).all()
    assert np.isnan(found.laughter).all()
    np.testing.assert_array_equal(found.reaction, found.importance)
    sitcoms = EngagementPredictor(bundle_of(net(), tmp_path / "sitcoms", labels=("laughter",)))
    found = sitcoms(talk, embeddings, wording=wording)
    np.testing.assert_allclose(found.reaction, found.laughter, atol=1e-6)
    assert np.isnan(found.applause).all()
