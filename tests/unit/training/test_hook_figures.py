from __future__ import annotations

import numpy as np
import pytest

from training.calibration import calibration_gap
from training.hook_figures import close_margin, favourite


@pytest.fixture(scope="module")
def drawn() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    odds = rng.normal(0, 1.5, 20_000)
    return odds, (rng.random(20_000) < 1 / (1 + np.exp(-odds))).astype(float)


def test_true_probabilities_are_calibrated_and_doubled_odds_are_not(
    drawn: tuple[np.ndarray, np.ndarray],
) -> None:
    odds, won = drawn
    assert calibration_gap(*favourite(odds, won)) < 0.015
    assert calibration_gap(*favourite(2 * odds, won)) > 0.05


def test_the_favourite_wins_just_the_wanted_share_within_the_margin(
    drawn: tuple[np.ndarray, np.ndarray],
) -> None:
    odds, won = drawn
    margin = close_margin(odds, won, 0.6)
    close = np.abs(odds) < margin
    assert ((odds > 0) == (won > 0.5))[close].mean() == pytest.approx(0.6, abs=0.005)
    assert close.mean() > 0.2


def test_there_is_no_margin_when_the_favourite_always_wins() -> None:
    odds = np.linspace(-2, 2, 400)
    assert close_margin(odds, (odds > 0).astype(float), 0.6) == 0
