"""Beam search over a decoder that gives the next token's scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Steps(Protocol):
    """A decoder that remembers what its beams have said."""

    def first(self, token: int) -> NDArray[np.float32]:
        """[1, V] scores after ``token`` alone."""
        ...

    def next(self, tokens: Sequence[int], parents: Sequence[int]) -> NDArray[np.float32]:
        """[B, V] scores after beam ``i`` became beam ``parents[i]`` and ``tokens[i]``."""
        ...


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A text that the decoder could say.

    Attributes:
        tokens: without the token that begins, with the one that ends (if it was reached).
        log_probabilities: of each token given those before it.
    """

    tokens: tuple[int, ...] = ()
    log_probabilities: tuple[float, ...] = ()

    def plus(self, token: int, log_probability: float) -> Hypothesis:
        """One token longer."""
        return Hypothesis((*self.tokens, token), (*self.log_probabilities, log_probability))

    @property
    def total(self) -> float:
        """Log-probability of the whole."""
        return float(sum(self.log_probabilities))

    @property
    def mean(self) -> float:
        """Log-probability per token: long texts are not at a disadvantage."""
        return self.total / max(1, len(self.tokens))


def beam_search(steps: Steps, *, begin: int, end: int, beams: int, limit: int) -> Hypothesis:
    """The likeliest text per token among those that ``beams`` beams find.

    Stops when as many texts have ended as there are beams and no running one is likelier,
    or after ``limit`` tokens.
    """
    running = [Hypothesis()]
    ended: list[Hypothesis] = []
    scores = steps.first(begin)
    for _ in range(limit):
        grown = _grow(running, _log_softmax(scores), beams)
        running, parents = [], []
        for parent, hypothesis in grown:
            if hypothesis.tokens[-1] == end:
                ended.append(hypothesis)
            else:
                running.append(hypothesis)
                parents.append(parent)
            if len(running) == beams:
                break
        if _is_settled(running, ended, beams):
            break
        scores = steps.next([hypothesis.tokens[-1] for hypothesis in running], parents)
    return max(ended or running, key=lambda hypothesis: hypothesis.mean)


def _grow(
    running: Sequence[Hypothesis], scores: NDArray[np.float32], beams: int
) -> list[tuple[int, Hypothesis]]:
    """Every beam with each of its likeliest tokens, likeliest first; ties by beam and token."""
    width = beams + 1  # one of a beam's tokens may end it
    candidates: list[tuple[float, int, int]] = []
    for beam, row in enumerate(scores):
        total = running[beam].total
        best = np.argpartition(row, -width)[-width:]
        candidates.extend((-(total + float(row[token])), beam, int(token)) for token in best)
    candidates.sort()
    return [
        (beam, running[beam].plus(token, float(scores[beam, token])))
        for _, beam, token in candidates
    ]


def _is_settled(running: Sequence[Hypothesis], ended: Sequence[Hypothesis], beams: int) -> bool:
    if len(ended) < beams:
        return not running
    best = max(hypothesis.mean for hypothesis in ended)
    hope = running[0].total / (len(running[0].tokens) + 1)
    return hope < best or len(ended) >= 2 * beams


def _log_softmax(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    shifted = scores - scores.max(axis=1, keepdims=True)
    result: NDArray[np.float32] = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return result
