"""Table of finished runs, by score.

python -m training.compare [name=NAME] [runs=FOLDER]
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from omegaconf import OmegaConf

from talkreel.core.errors import InputError
from talkreel.core.jsonio import load_json, read_document
from training.arguments import parse, run, say
from training.evaluate import SCHEMA, Evaluation
from training.runs import CONFIG_FILE, RESULT_FILE, load_result

_SHOWN = 4  # figures of an evaluation


@dataclass
class Options:
    """Arguments of the command."""

    name: str = "*"
    runs: str | None = None


def rows(runs: Path, name: str) -> list[list[str]]:
    """One row for each finished run, sorted by name, monitor and score.

    Raises:
        InputError: there is none.
    """
    found = []
    for path in runs.glob(f"{name}/*/{RESULT_FILE}"):
        result = load_result(path.parent)
        assert result is not None
        rate = OmegaConf.select(OmegaConf.load(path.parent / CONFIG_FILE), "module.lr")
        score = "-" if result.score is None else f"{result.score:.4f}"
        found.append(
            [
                result.name,
                path.parent.name,
                f"{rate:g}" if rate is not None else "-",
                result.monitor,
                score,
                str(result.epochs),
                f"{result.seconds:.0f} s",
                _figures(path.parent),
                result.commit,
            ]
        )
    if not found:
        raise InputError(f"no finished runs of {name!r} under {runs}: run training.fit first")
    return sorted(found, key=lambda row: (row[0], row[3], row[4]))


def table(found: Sequence[Sequence[str]]) -> str:
    """The rows as Markdown."""
    head = ["model", "run", "lr", "monitor", "score", "epochs", "time", "figures", "commit"]
    lines = [head, ["---"] * len(head), *found]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _figures(folder: Path) -> str:
    texts = []
    for path in sorted(folder.glob("metrics-*.json")):
        found = read_document(Evaluation, load_json(path), SCHEMA)
        values = (f"{m.name} {m.value:.3f}" for m in found.metrics[:_SHOWN])
        texts.append(f"{found.split}: {', '.join(values)}")
    return "; ".join(texts)


def main(arguments: Sequence[str]) -> None:
    """Print the table."""
    options = parse(Options, arguments)
    say(table(rows(Path(options.runs or os.environ.get("TALKREEL_RUNS", "runs")), options.name)))


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
