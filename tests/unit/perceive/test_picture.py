import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from talkreel.perceive.picture import blur_of, noise_between, shift_between


@pytest.fixture
def scene():
    rng = np.random.default_rng(1)
    rough = np.kron(rng.uniform(50, 200, (12, 16)), np.ones((20, 20)))
    return gaussian_filter(rough, 0.7).astype(np.float32)


@pytest.mark.parametrize("deviation", [3.0, 8.0, 15.0])
def test_noise_is_measured_whatever_is_drawn_or_moves(scene, deviation):
    rng = np.random.default_rng(2)
    noisy = [scene + rng.normal(0, deviation, scene.shape).astype(np.float32) for _ in "ab"]
    assert noise_between(*noisy) == pytest.approx(deviation, rel=0.15)


def test_neither_motion_nor_bars_are_noise(scene):
    assert noise_between(scene, np.roll(scene, 7, axis=1)) < 1.0
    bars = scene.copy()
    bars[:170] = 0
    rng = np.random.default_rng(2)
    noisy = [np.maximum(0, bars + (bars > 0) * rng.normal(0, 8, bars.shape)) for _ in "ab"]
    assert noise_between(*(x.astype(np.float32) for x in noisy)) == pytest.approx(8, rel=0.2)


def test_blur_grows_with_blur(scene):
    values = [blur_of(gaussian_filter(scene, sigma).astype(np.float32)) for sigma in (0, 1, 2, 4)]
    assert values == sorted(values)
    assert values[-1] > values[0] + 0.2
    assert blur_of(np.full((40, 40), 9, np.float32)) == 0.0


def test_a_shift_is_found(scene):
    moved = np.roll(scene, (3, -5), axis=(0, 1))
    assert shift_between(scene, moved) == pytest.approx((-5, 3), abs=0.3)
