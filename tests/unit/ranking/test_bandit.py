"""Thompson sampling for shares of successes."""

from __future__ import annotations

import numpy as np
import pytest

from talkreel.ranking.bandit import Arm, choose, split, standings


def test_it_finds_the_best_and_regrets_less_than_an_even_split() -> None:
    rates = (0.03, 0.05, 0.09)
    regrets = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        arms = [Arm() for _ in rates]
        regret = 0.0
        for _ in range(1500):
            shown = choose(arms, rng)
            good = bool(rng.random() < rates[shown])
            arms[shown] = Arm(arms[shown].impressions + 1, arms[shown].successes + good)
            regret += max(rates) - rates[shown]
        regrets.append(regret)
    even = 1500 * (max(rates) - float(np.mean(rates)))
    assert np.mean(regrets) < 0.6 * even
    assert np.mean(np.array(regrets) < even) >= 0.9


def test_shares_follow_belief_and_doubt_keeps_a_share() -> None:
    rng = np.random.default_rng(0)
    sure = split([Arm(10_000, 100), Arm(10_000, 900)], 1000, rng)
    assert sure == (0, 1000)
    unknown = split([Arm(1000, 50), Arm()], 1000, rng)
    assert unknown[1] > 500  # nothing is known against it
    assert sum(unknown) == 1000


def test_standings_are_the_same_for_the_same_results_and_add_up() -> None:
    arms = {"A": Arm(100, 10), "B": Arm(100, 10)}
    first = standings(arms)
    assert first == standings(arms)
    assert sum(s.best for s in first.values()) == pytest.approx(1.0)
    assert first["A"].low < first["A"].rate == pytest.approx(11 / 102)
    assert first["A"].best == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("counts", [(5, 6), (-1, 0), (3, -1)])
def test_impossible_counts_are_refused(counts: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="successes lie between"):
        Arm(*counts)
