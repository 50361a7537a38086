"""Regret of Thompson sampling against an even split; writes the table and the curve.

Shows are simulated: every viewer of a variant succeeds with its true rate. What is chosen is
chosen by the library's own ``ranking.bandit``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from talkreel.ranking.bandit import Arm, choose, split

FOLDER = Path(__file__).parent
VIEWERS, SEEDS, BATCH = 4000, 60, 250
SCENARIOS = {
    "clear: 3, 5, 9 %": (0.03, 0.05, 0.09),
    "near: 4.0, 4.5, 5.0 %": (0.040, 0.045, 0.050),
    "one bad: 1, 5, 5 %": (0.01, 0.05, 0.05),
    "six: 2, 2, 2, 3, 3, 6 %": (0.02, 0.02, 0.02, 0.03, 0.03, 0.06),
    "all the same: 5 %": (0.05, 0.05, 0.05),
}
STEPS = np.arange(BATCH, VIEWERS + 1, BATCH)


def thompson(rates: tuple[float, ...], rng: np.random.Generator) -> np.ndarray:
    """[len(STEPS)] regret when every result is known before the next viewer."""
    arms, regret, curve = [Arm() for _ in rates], 0.0, []
    for viewer in range(1, VIEWERS + 1):
        shown = choose(arms, rng)
        arms[shown] = _seen(arms[shown], 1, int(rng.random() < rates[shown]))
        regret += max(rates) - rates[shown]
        if viewer % BATCH == 0:
            curve.append(regret)
    return np.array(curve)


def batched(rates: tuple[float, ...], rng: np.random.Generator) -> np.ndarray:
    """[len(STEPS)] regret when results come in once for every ``BATCH`` viewers."""
    arms, regret, curve = [Arm() for _ in rates], 0.0, []
    for _ in STEPS:
        for i, count in enumerate(split(arms, BATCH, rng)):
            arms[i] = _seen(arms[i], count, int(rng.binomial(count, rates[i])))
            regret += count * (max(rates) - rates[i])
        curve.append(regret)
    return np.array(curve)


def trial_then_ship(rates: tuple[float, ...], rng: np.random.Generator) -> np.ndarray:
    """[len(STEPS)] regret of an even split of the first quarter, then the leader alone."""
    trial = VIEWERS // 4
    each = trial // len(rates)
    leader = int(np.argmax([rng.binomial(each, rate) for rate in rates]))
    even = np.minimum(STEPS, trial) * (max(rates) - np.mean(rates))
    return np.asarray(even + np.maximum(0, STEPS - trial) * (max(rates) - rates[leader]))


def even_split(rates: tuple[float, ...], rng: np.random.Generator) -> np.ndarray:
    """[len(STEPS)] expected regret of showing all alike; the draw does not change it."""
    return np.asarray(STEPS * (max(rates) - np.mean(rates)))


POLICIES = {
    "even split": even_split,
    "test a quarter, ship the leader": trial_then_ship,
    f"Thompson, results every {BATCH}": batched,
    "Thompson, results at once": thompson,
}


def _seen(arm: Arm, shown: int, good: int) -> Arm:
    return Arm(arm.impressions + shown, arm.successes + good)


def curves(rates: tuple[float, ...]) -> dict[str, np.ndarray]:
    """[SEEDS, len(STEPS)] regrets by policy."""
    return {
        name: np.stack([policy(rates, np.random.default_rng(seed)) for seed in range(SEEDS)])
        for name, policy in POLICIES.items()
    }


def interval(values: np.ndarray) -> tuple[float, float]:
    """95 % interval of the mean by 2000 resamples of the seeds."""
    rng = np.random.default_rng(0)
    means = values[rng.integers(0, len(values), (2000, len(values)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def main() -> None:
    found = {name: curves(rates) for name, rates in SCENARIOS.items()}
    rows = ["| rates | " + " | ".join(POLICIES) + " |", "|---" * (len(POLICIES) + 1) + "|"]
    for name, by_policy in found.items():
        cells = []
        for values in by_policy.values():
            low, high = interval(values[:, -1])
            spread = "" if high - low < 0.05 else f" ({low:.1f}–{high:.1f})"
            cells.append(f"{abs(values[:, -1].mean()):.1f}{spread}")
        rows.append(f"| {name} | {' | '.join(cells)} |")
    print("\n".join(rows))
    readme = (FOLDER / "README.md").read_text()
    lines = [line for line in readme.splitlines() if not line.startswith("|")]
    at = lines.index("![Regret by viewers](regret.svg)") - 1
    (FOLDER / "README.md").write_text("\n".join([*lines[:at], *rows, *lines[at:]]) + "\n")
    draw(found)


def draw(found: dict[str, dict[str, np.ndarray]]) -> None:
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "bandit"
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(found), figsize=(4 * len(found), 3.4), sharex=True)
    for axis, (name, by_policy) in zip(axes, found.items(), strict=True):
        for policy, values in by_policy.items():
            mean = values.mean(axis=0)
            bounds = np.array([interval(column) for column in values.T])
            axis.plot(STEPS, mean, label=policy)
            axis.fill_between(STEPS, bounds[:, 0], bounds[:, 1], alpha=0.2)
        axis.set_title(name, fontsize=9)
        axis.set_xlabel("viewers")
    axes[0].set_ylabel("successes lost (regret)")
    axes[0].legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(FOLDER / "regret.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
