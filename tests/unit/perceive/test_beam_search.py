from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from talkreel.perceive.beam_search import Hypothesis, beam_search

END = 0
# Probability of the next token after a token; 1 begins.
TABLE = {
    1: {2: 0.6, 3: 0.4},
    2: {4: 0.35, 5: 0.35, END: 0.3},
    3: {6: 0.99, END: 0.01},
    4: {END: 0.9, 5: 0.1},
    5: {END: 0.9, 4: 0.1},
    6: {END: 0.99, 5: 0.01},
}


class _Table:
    def __init__(self) -> None:
        self.said: list[tuple[int, ...]] = []

    def first(self, token: int) -> NDArray[np.float32]:
        self.said = [(token,)]
        return self._rows()

    def next(self, tokens: Sequence[int], parents: Sequence[int]) -> NDArray[np.float32]:
        self.said = [(*self.said[p], t) for p, t in zip(parents, tokens, strict=True)]
        return self._rows()

    def _rows(self) -> NDArray[np.float32]:
        rows = np.full((len(self.said), 8), 1e-6)
        for row, said in zip(rows, self.said, strict=True):
            for token, probability in TABLE[said[-1]].items():
                row[token] = probability
        return np.log(rows).astype(np.float32)


def test_one_beam_takes_the_likeliest_token_each_time() -> None:
    best = beam_search(_Table(), begin=1, end=END, beams=1, limit=9)
    assert best.tokens[0] == 2


def test_more_beams_find_the_likelier_text() -> None:
    best = beam_search(_Table(), begin=1, end=END, beams=3, limit=9)
    assert best.tokens == (3, 6, END)
    assert best.total == pytest.approx(np.log(0.4 * 0.99 * 0.99), abs=1e-3)
    assert best.mean == pytest.approx(best.total / 3)


def test_the_limit_ends_a_text_that_does_not_end() -> None:
    best = beam_search(_Table(), begin=1, end=7, beams=2, limit=1)
    assert len(best.tokens) == 1


def test_nothing_said_has_no_score() -> None:
    assert Hypothesis().total == Hypothesis().mean == 0.0
