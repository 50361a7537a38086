"""The parity probe: does a bundle answer as it did where it was made?

    python -m serving.scoring.probe FOLDER ROLE

writes what the bundle in FOLDER answers to a few sentences to ``FOLDER.probe.json``, beside it
(a bundle holds nothing but what it lists). Where that file exists, a server compares.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from serving.scoring.readers import EMOTION, ENGAGEMENT, READERS, Reader, embedder_for
from talkreel.core.arrays import FloatArray
from talkreel.core.errors import SchemaError
from talkreel.core.jsonio import load_json, read_document, write_document
from talkreel.models.bundle import load

SCHEMA = "probe/1"
# One and two sentences, long and short, glad and afraid; the last has more than 64 tokens.
SENTENCES = (
    "Would you believe me if I told you that this costs nothing?",
    "We lost everything in one night, and I was terrified.",
    "Thank you so much, this is the happiest day of my life!",
    "It starts at ten.",
    "So we measured it again, and again, and again, "
    "with other people, in other rooms, on other days, with other tools, at other times, "
    "in other towns, in the rain and in the sun, before lunch and after lunch, and whatever we "
    "did, the number on that little screen was always, to the very last digit, the same.",
)
# Between processors and numbers of threads the last digits differ, not the third.
TOLERANCE = 1e-3
_MOST_LOG_ODDS = 50.0


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a bundle answered where it was made.

    Attributes:
        weights: sha256 of the weights that answered.
        sentences: asked.
        values: [N, C] answered.
    """

    weights: str
    sentences: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]


def recorded_beside(folder: Path) -> Path:
    """Where the recorded answers of the bundle in ``folder`` are, if there are any."""
    return folder.with_name(f"{folder.name}.probe.json")


def ask(role: str, reader: Reader, sentences: tuple[str, ...] = SENTENCES) -> FloatArray:
    """[N, C] what a reader answers."""
    return reader(sentences, [len(sentences)], embedder_for(role).states(sentences))


def check(role: str, reader: Reader, weights: str, record: Path) -> None:
    """See that a reader works: finite, in range, the same twice, and as recorded.

    Args:
        role: of the reader.
        reader: with the bundle.
        weights: sha256 of its weights.
        record: of its answers; need not exist.

    Raises:
        SchemaError: it does not.
    """
    first, second = ask(role, reader), ask(role, reader)
    if not np.isfinite(first).all():
        raise SchemaError(f"the parity probe of {role} got values that are no numbers")
    if not _in_range(role, first):
        raise SchemaError(f"the parity probe of {role} got {first.min():.3g} to {first.max():.3g}")
    if not np.array_equal(first, second):
        raise SchemaError(f"the parity probe of {role} got two answers to the same question")
    if record.is_file():
        _compare(role, reader, weights, record)


def _in_range(role: str, values: FloatArray) -> bool:
    if role not in (ENGAGEMENT, EMOTION):
        return bool((np.abs(values) <= _MOST_LOG_ODDS).all())
    shares = role != EMOTION or bool(np.allclose(values.sum(axis=1), 1, atol=1e-3))
    return bool((values >= 0).all() and (values <= 1).all()) and shares


def _compare(role: str, reader: Reader, weights: str, record: Path) -> None:
    recorded = read_document(Recorded, load_json(record), SCHEMA)
    if recorded.weights != weights:
        raise SchemaError(f"{record.name} was recorded with other weights: record it again")
    values = ask(role, reader, recorded.sentences)
    wanted = np.array(recorded.values)
    if values.shape != wanted.shape or np.abs(values - wanted).max() > TOLERANCE:
        raise SchemaError(
            f"the parity probe of {role} answers otherwise than where it was made: export the "
            "bundle again with this version of talkreel"
        )


def record(folder: Path, role: str) -> Path:
    """Write what the bundle in ``folder`` answers beside it.

    Raises:
        SchemaError: no such role, or not a bundle for it.
    """
    if role not in READERS:
        raise SchemaError(f"no role {role!r}: known are {', '.join(READERS)}")
    bundle = load(folder)
    values = ask(role, READERS[role](bundle))
    rows = tuple(tuple(float(x) for x in row) for row in values)
    place = recorded_beside(folder)
    write_document(place, Recorded(bundle.digest, SENTENCES, rows), SCHEMA)
    return place


def main(arguments: list[str]) -> None:
    """Record."""
    parser = argparse.ArgumentParser(prog="python -m serving.scoring.probe")
    parser.add_argument("folder", type=Path)
    parser.add_argument("role", choices=sorted(READERS))
    options = parser.parse_args(arguments)
    sys.stdout.write(f"{record(options.folder, options.role)}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
