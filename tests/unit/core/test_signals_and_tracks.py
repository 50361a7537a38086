from __future__ import annotations

import numpy as np
import pytest

from talkreel.core.signals import Signal
from talkreel.core.spans import Span
from talkreel.core.tracks import FaceTrack


def test_a_signal_finds_its_samples_by_time() -> None:
    signal = Signal("loudness", np.array([1.0, 2.0, 3.0, 4.0]), "LUFS", start=10, step=0.5)
    assert signal.span == Span(10, 12)
    assert signal.at(10.6) == 2.0
    assert signal.at(99) == 4.0
    assert signal.over(Span(10.5, 11.5)).tolist() == [2.0, 3.0]
    assert signal.over(Span(50, 60)).size == 0
    assert signal.mean_over(Span(10, 11)) == 1.5


def test_nan_means_unknown() -> None:
    signal = Signal("pitch", np.array([np.nan, 100.0]), "Hz")
    assert signal.mean_over(Span(0, 2)) == 100.0
    assert np.isnan(signal.mean_over(Span(0, 1)))


def test_resample_averages_and_holds() -> None:
    signal = Signal("x", np.array([1.0, 3.0, 5.0, 7.0]), "1", step=0.5)
    assert signal.resample(1.0).values.tolist() == [2.0, 6.0]
    assert signal.resample(0.25).values.tolist() == [1, 1, 3, 3, 5, 5, 7, 7]


def test_channels_must_fit_the_columns() -> None:
    with pytest.raises(ValueError, match="channel names"):
        Signal("emotion", np.zeros((3, 2)), "probability", channels=("joy",))
    with pytest.raises(ValueError, match="positive step"):
        Signal("x", np.zeros(3), "1", step=0)


def test_arrays_cannot_be_written() -> None:
    signal = Signal("x", np.zeros(3), "1")
    with pytest.raises(ValueError, match="read-only"):
        signal.values[0] = 1


def track(**changes: object) -> FaceTrack:
    fields: dict[str, object] = {
        "id": 1,
        "times": [0.0, 1.0],
        "boxes": [[0.0, 0.0, 0.2, 0.2], [0.2, 0.0, 0.4, 0.2]],
        "scores": [1.0, 0.0],
        "speaking": [0.5, float("nan")],
    }
    return FaceTrack(**(fields | changes))  # type: ignore[arg-type]


def test_boxes_are_linear_between_samples_and_held_beyond() -> None:
    assert track().box_at(0.5) == pytest.approx([0.1, 0.0, 0.3, 0.2])
    assert track().box_at(9.0) == pytest.approx([0.2, 0.0, 0.4, 0.2])


def test_speaking_ignores_what_nobody_looked_at() -> None:
    assert track().speaking_over(Span(0, 2)) == 0.5
    assert np.isnan(track().speaking_over(Span(1, 2)))


@pytest.mark.parametrize(
    "changes",
    [{"times": []}, {"times": [1.0, 0.5]}, {"boxes": [[0, 0, 1, 1]]}, {"scores": [1.0]}],
)
def test_a_track_refuses_arrays_that_do_not_fit(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="track|shape"):
        track(**changes)
