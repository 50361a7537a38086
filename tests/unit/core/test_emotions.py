from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from talkreel.core.emotions import (
    AROUSAL,
    CHANNELS,
    EKMAN_OF,
    EMOTIONS,
    GOEMOTIONS,
    GROUP_OF,
    GROUPS,
    TO_EKMAN,
    TO_GROUP,
    VALENCE,
    Emotion,
)


def only(name: str) -> np.ndarray:
    return np.eye(len(EMOTIONS))[EMOTIONS.index(name)]


def test_every_fine_label_belongs_to_one_class_and_one_group() -> None:
    assert set(EKMAN_OF) == set(GROUP_OF) == set(GOEMOTIONS)
    assert len(GOEMOTIONS) == 28
    assert (TO_EKMAN.sum(axis=1) == 1).all()
    assert (TO_GROUP.sum(axis=1) == 1).all()
    # Demszky et al. 2020: 12 positive, 11 negative, 4 ambiguous labels and neutral.
    assert Counter(GROUP_OF.values()) == {
        "positive": 12,
        "negative": 11,
        "ambiguous": 4,
        "neutral": 1,
    }
    assert set(GROUPS) == set(GROUP_OF.values())


def test_the_circumplex_has_its_quadrants() -> None:
    at = dict(zip(EMOTIONS, zip(VALENCE, AROUSAL, strict=True), strict=True))
    assert at["joy"][0] > 0.5 > 0 > at["anger"][0]
    assert at["anger"][1] > 0 > at["sadness"][1]
    assert at["neutral"] == (0, 0)
    assert all(-1 <= value <= 1 for pair in at.values() for value in pair)


def test_an_emotion_is_a_place_between_its_parts() -> None:
    mixed = Emotion(0.5 * only("joy") + 0.5 * only("neutral"), ("text", "voice"))
    joy = Emotion(only("joy"), ("text",))
    assert joy.name == "joy"
    assert mixed.valence == pytest.approx(joy.valence / 2, abs=1e-6)
    assert mixed.arousal == pytest.approx(joy.arousal / 2, abs=1e-6)
    assert mixed.strength == pytest.approx(0.5)
    assert not joy.probabilities.flags.writeable


@pytest.mark.parametrize(
    "probabilities",
    [np.zeros(7), np.full(7, 0.2), only("joy") * 2 - only("fear"), np.full(7, np.nan), np.ones(1)],
)
def test_an_emotion_refuses_what_is_no_distribution(probabilities: np.ndarray) -> None:
    with pytest.raises(ValueError, match="probabilities"):
        Emotion(probabilities, ("text",))


@pytest.mark.parametrize("channels", [(), ("smell",), ("text", "text")])
def test_an_emotion_says_which_channels_spoke(channels: tuple[str, ...]) -> None:
    assert CHANNELS == ("text", "voice", "face")
    with pytest.raises(ValueError, match="channels"):
        Emotion(only("joy"), channels)
