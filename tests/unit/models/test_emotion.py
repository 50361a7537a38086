from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talkreel.core.emotions import CHANNELS, EMOTIONS, Emotion
from talkreel.core.errors import SchemaError
from talkreel.core.signals import Signal
from talkreel.models.bundle import BundleSpec, Metric
from talkreel.models.emotion import fuse, fuse_signals, reliability, to_emotions

rows = st.lists(st.floats(0.01, 1), min_size=7, max_size=7).map(lambda v: np.array(v) / np.sum(v))
weights = st.floats(0.05, 1)
spoken = st.dictionaries(st.sampled_from(CHANNELS), st.tuples(rows, weights), min_size=1)


def spec(**values: float) -> BundleSpec:
    metrics = tuple(Metric(k.replace("_", " "), v, v, v, 1, "") for k, v in values.items())
    return BundleSpec("emotion-voice", 1, "emotion-voice", {}, "f", ("a",), metrics, (), "any")


@given(spoken)
@settings(deadline=None)
def test_fusion_lies_between_its_channels_and_says_how_much_each_counted(
    said: dict[str, tuple[np.ndarray, float]],
) -> None:
    trust = {name: weight for name, (_, weight) in said.items()}
    fused = fuse([Emotion(row, (name,)) for name, (row, _) in said.items()], trust)
    table = np.stack([row for row, _ in said.values()])
    found = fused.emotion.probabilities
    assert (found <= table.max(axis=0) + 1e-5).all()
    assert (found >= table.min(axis=0) - 1e-5).all()
    assert found.sum() == pytest.approx(1, abs=1e-5)
    assert set(fused.emotion.channels) == set(said) == set(fused.shares)
    assert sum(fused.shares.values()) == pytest.approx(1)
    ordered = sorted(said, key=lambda name: trust[name])
    assert fused.shares[ordered[0]] <= fused.shares[ordered[-1]] + 1e-9


@given(spoken)
@settings(deadline=None)
def test_the_order_of_the_channels_does_not_count(
    said: dict[str, tuple[np.ndarray, float]],
) -> None:
    trust = {name: weight for name, (_, weight) in said.items()}
    emotions = [Emotion(row, (name,)) for name, (row, _) in said.items()]
    one, other = fuse(emotions, trust), fuse(emotions[::-1], trust)
    np.testing.assert_allclose(one.emotion.probabilities, other.emotion.probabilities, atol=1e-6)
    assert one.emotion.channels == other.emotion.channels


def test_a_channel_alone_is_taken_at_its_word() -> None:
    row = np.array([0.1, 0.1, 0.1, 0.4, 0.1, 0.1, 0.1])
    fused = fuse([Emotion(row, ("face",))], {"face": 0.05})
    np.testing.assert_allclose(fused.emotion.probabilities, row, atol=1e-6)
    assert dict(fused.shares) == {"face": 1.0}


def test_a_channel_without_surprise_does_not_veto_it() -> None:
    voice = to_emotions(np.array([[0.5, 0.5]]), ["boredom", "anger"])[0]
    text = np.eye(7)[EMOTIONS.index("surprise")]
    fused = fuse(
        [Emotion(voice, ("voice",)), Emotion(text, ("text",))], {"voice": 0.2, "text": 0.6}
    )
    assert fused.emotion.name == "surprise"


@pytest.mark.parametrize(
    ("channels", "trust"),
    [((), {}), (("text", "text"), {"text": 1.0}), (("text",), {}), (("text",), {"text": 0.0})],
)
def test_fusing_nobody_twice_or_without_reliability_is_refused(
    channels: tuple[str, ...], trust: dict[str, float]
) -> None:
    row = np.full(7, 1 / 7)
    with pytest.raises(ValueError, match="channels must speak|reliability"):
        fuse([Emotion(row, (name,)) for name in channels], trust)
    with pytest.raises(ValueError, match="must speak"):
        fuse([Emotion(row, ("text", "voice"))], {"text": 1.0, "voice": 1.0})


def test_labels_are_folded_and_nothing_is_lost() -> None:
    labels = ["boredom", "calm", "contempt", "happy", "fearful"]
    found = to_emotions(np.full((2, 5), 0.2), labels)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert found[0, EMOTIONS.index("neutral")] == pytest.approx(0.4)
    with pytest.raises(ValueError, match="no place for"):
        to_emotions(np.ones((1, 1)), ["envy"])
    with pytest.raises(ValueError, match="expected"):
        to_emotions(np.ones((1, 2)), ["joy"])


def test_reliability_is_above_chance_and_prefers_the_other_corpus() -> None:
    assert reliability("voice", spec(uar=1.0)) == 1.0
    assert reliability("voice", spec(uar=0.9, uar_ravdess=1 / 7)) == 0.05
    with pytest.raises(SchemaError, match="states none"):
        reliability("face", spec(uar=0.9))
    with pytest.raises(ValueError, match="unknown channel"):
        reliability("smell", spec(uar=0.9))


def test_signals_of_other_steps_are_fused_where_somebody_speaks() -> None:
    joy, anger = np.eye(7)[EMOTIONS.index("joy")], np.eye(7)[EMOTIONS.index("anger")]
    text = Signal("t", np.stack([joy, joy * np.nan]), "probability", 0.0, 2.0, EMOTIONS)
    face = Signal("f", np.stack([anger, joy * np.nan, anger]), "probability", 1.0, 1.0, EMOTIONS)
    emotion, shares = fuse_signals({"face": face, "text": text}, {"text": 3.0, "face": 1.0})
    assert emotion.channels == EMOTIONS
    assert shares.channels == ("text", "face")
    np.testing.assert_allclose(shares.values, [[1, 0], [0.75, 0.25], [0, 0], [0, 1]])
    np.testing.assert_allclose(emotion.values[1], 0.75 * joy + 0.25 * anger)
    assert np.isnan(emotion.values[2]).all()


def test_signals_that_do_not_fit_are_refused() -> None:
    plain = Signal("x", np.zeros((2, 1)), "probability", channels=("joy",))
    with pytest.raises(ValueError, match="expected signals"):
        fuse_signals({}, {})
    with pytest.raises(ValueError, match="columns"):
        fuse_signals({"text": plain}, {"text": 1.0})
    good = Signal("x", np.zeros((2, 7)), "probability", channels=EMOTIONS)
    with pytest.raises(ValueError, match="reliability"):
        fuse_signals({"text": good}, {})
