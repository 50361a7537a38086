"""What to try next, from results so far: Thompson sampling for shares of successes.

Each variant's rate of success (clicks of impressions, full views of starts) is believed to be
Beta distributed; every time a viewer comes, one rate is drawn from each belief and the variant
with the highest draw is shown (Thompson 1933; Chapelle & Li 2011). Good ones are shown more
and more, doubtful ones are still tried.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from talkreel.core.arrays import FloatArray

# One success and one failure in advance: every rate is thought equally likely at first.
PRIOR = (1.0, 1.0)
_DRAWS = 20_000


@dataclass(frozen=True, slots=True)
class Arm:
    """Results of one variant.

    Attributes:
        impressions: how often it was shown.
        successes: how often that worked; at most ``impressions``.

    Raises:
        ValueError: a negative count, or more successes than impressions.
    """

    impressions: int = 0
    successes: int = 0

    def __post_init__(self) -> None:
        if self.impressions < 0 or not 0 <= self.successes <= self.impressions:
            raise ValueError(
                f"successes lie between 0 and the impressions, got {self.successes} of "
                f"{self.impressions}"
            )

    @property
    def belief(self) -> tuple[float, float]:
        """Parameters of the Beta distribution of its rate."""
        failures = self.impressions - self.successes
        return PRIOR[0] + self.successes, PRIOR[1] + failures


@dataclass(frozen=True, slots=True)
class Standing:
    """How one variant stands.

    Attributes:
        rate: mean of the belief.
        low: 5 % quantile.
        high: 95 % quantile.
        best: probability that it is the best of all.
    """

    rate: float
    low: float
    high: float
    best: float


def choose(arms: Sequence[Arm], rng: np.random.Generator) -> int:
    """Index of the variant to show to the next viewer."""
    return int(np.argmax([rng.beta(*arm.belief) for arm in arms]))


def split(arms: Sequence[Arm], viewers: int, rng: np.random.Generator) -> tuple[int, ...]:
    """How many of the next ``viewers`` each variant gets when results come in afterwards."""
    draws = _draws(arms, viewers, rng)
    return tuple(int(n) for n in np.bincount(draws.argmax(axis=1), minlength=len(arms)))


def standings(arms: Mapping[str, Arm], seed: int = 0) -> dict[str, Standing]:
    """Where every variant stands; the same for the same results."""
    draws = _draws(list(arms.values()), _DRAWS, np.random.default_rng(seed))
    best = np.bincount(draws.argmax(axis=1), minlength=len(arms)) / len(draws)
    low, high = np.quantile(draws, [0.05, 0.95], axis=0)
    found = {}
    for i, (name, arm) in enumerate(arms.items()):
        a, b = arm.belief
        found[name] = Standing(a / (a + b), float(low[i]), float(high[i]), float(best[i]))
    return found


def _draws(arms: Sequence[Arm], count: int, rng: np.random.Generator) -> FloatArray:
    return np.stack([rng.beta(*arm.belief, size=count) for arm in arms], axis=1)
