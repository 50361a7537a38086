from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from talkreel.ranking.repeats import earlier_twin
from talkreel.ranking.score import blend, percentile
from talkreel.ranking.talk import Talk
from talkreel.ranking.topics import segment, similarity_drop, topic_of
from talkreel.ranking.weights import FactorWeights


def clusters(sizes: list[int], closeness: float = 0.75) -> np.ndarray:
    """Unit vectors around one random centre per topic."""
    rng = np.random.default_rng(0)
    rows = []
    for size in sizes:
        centre = rng.standard_normal(384)
        centre /= np.linalg.norm(centre)
        noise = rng.standard_normal((size, 384)) / np.sqrt(384)
        mixed = closeness * centre + (1 - closeness**2) ** 0.5 * noise
        rows.append(mixed / np.linalg.norm(mixed, axis=1, keepdims=True))
    return np.concatenate(rows)


def test_clear_topics_are_found_exactly() -> None:
    assert segment(clusters([12, 20, 9, 30])) == (0, 12, 32, 41)


def test_one_topic_stays_one_and_noise_is_not_shredded() -> None:
    assert segment(clusters([40])) == (0,)
    assert len(segment(clusters([60], closeness=0.45))) <= 3


def test_small_inputs() -> None:
    assert segment(np.zeros((0, 384))) == ()
    assert segment(clusters([1])) == (0,)
    assert segment(np.zeros((5, 384)))[0] == 0
    np.testing.assert_array_equal(topic_of((0, 2), 4), [0, 0, 1, 1])


def test_meaning_drops_where_topics_meet() -> None:
    drop = similarity_drop(clusters([10, 10]))
    assert drop[0] == 1
    assert int(np.argmax(drop[1:])) + 1 == 10
    assert drop[5] < 0.5 < drop[10]


def test_repeats_point_at_their_first_use(talk_of: Callable[..., Talk]) -> None:
    talk = talk_of(
        [
            "We choose to go to the moon.",
            "Thank you.",
            "The price of bread has doubled here.",
            "We choose to go to the moon!",
            "Thank you.",
            "We choose to go to the the moon.",
        ]
    )
    np.testing.assert_array_equal(earlier_twin(talk.units, talk.embeddings), [0, 1, 2, 0, 4, 0])


def test_percentile_puts_ties_in_the_middle() -> None:
    np.testing.assert_allclose(
        percentile(np.array([3.0, 1.0, 3.0, 2.0])), [0.75, 0.125, 0.75, 0.375]
    )
    assert percentile(np.ones(4)) is None
    assert percentile(np.zeros(0)) is None
    np.testing.assert_allclose(blend(np.array([0.2, 0.2]), 0.9), [0.2, 0.2])
    np.testing.assert_allclose(blend(np.array([0.2, 0.4]), 0.0), [0.2, 0.4])


def test_weights_refuse_nonsense() -> None:
    with pytest.raises(ValueError, match="not negative"):
        FactorWeights(hook=-0.1)
    zero = dict.fromkeys(FactorWeights().as_dict(), 0.0)
    with pytest.raises(ValueError, match="above 0"):
        FactorWeights(**zero)
