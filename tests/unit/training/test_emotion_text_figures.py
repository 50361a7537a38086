from __future__ import annotations

import numpy as np

from training.emotion_text_figures import best_thresholds, f1


def test_f1_is_that_of_its_definition() -> None:
    truth = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0]], dtype=np.float32)
    said = np.array([[1, 1, 0], [0, 1, 0], [0, 0, 0]], dtype=np.float32)
    np.testing.assert_allclose(f1(said, truth), [2 / 3, 0.5, 0])


def test_thresholds_give_the_best_f1() -> None:
    rng = np.random.default_rng(0)
    truth = (rng.random((400, 3)) < 0.2).astype(np.float32)
    chances = np.clip(0.3 * truth + rng.random((400, 3)) * 0.6, 0, 1)
    best = f1((chances >= best_thresholds(chances, truth)).astype(np.float32), truth)
    tried = [f1((chances >= at).astype(np.float32), truth) for at in np.linspace(0.01, 0.99, 99)]
    assert (best >= np.max(tried, axis=0) - 1e-9).all()
