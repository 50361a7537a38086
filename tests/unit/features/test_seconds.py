from __future__ import annotations

import numpy as np
import pytest

from talkreel.core.spans import Span
from talkreel.core.transcript import Transcript, Word
from talkreel.features.seconds import by_second

TALK = Transcript(
    "en",
    (Word("One.", Span(0.5, 1.2)), Word("Two.", Span(1.5, 2.5)), Word("Three.", Span(5.0, 6.0))),
)


def test_each_second_has_what_is_said_most_of_it() -> None:
    found = by_second(TALK, np.array([[0.2, 1], [0.6, 2], [0.9, 3]]))
    np.testing.assert_allclose(found[:, 0], [0.2, 0.6, 0.6, np.nan, np.nan, 0.9], atol=1e-6)
    np.testing.assert_allclose(found[:, 1], [1, 2, 2, np.nan, np.nan, 3])


def test_rows_must_fit_and_silence_is_empty() -> None:
    with pytest.raises(ValueError, match="2 rows for 3 sentences"):
        by_second(TALK, np.zeros((2, 1)))
    assert by_second(Transcript("en", ()), np.zeros((0, 4))).shape == (0, 4)
