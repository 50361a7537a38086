"""What the shipped bundles cost: loading them, and reading an hour of talk with them.

Usage: python -m experiments.benchmarks.models [--data DIR]

The baseline of the same run is embedding the sentences once with MiniLM, without which nothing
can be ranked. Bars: all bundles load in under 1 s together (torch imported before), an hour's
transcript is read in 30 s on two cores.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

from talkreel.core.spans import Span
from talkreel.core.transcript import Transcript, Word
from talkreel.data.speeches import read_speeches
from talkreel.models.bundle import load
from talkreel.models.shipped import NAMES, bundle_folder
from talkreel.models.text import TextEmbedder
from talkreel.pipeline.read import read_sentences

ROOT = Path(__file__).resolve().parents[2]
WORDS_A_SECOND = 2.5
MINUTES = 60
REPEATS = 3


def hour(data: Path) -> Transcript:
    """Speeches read one after the other for an hour."""
    words: list[Word] = []
    for speech in read_speeches(data / "engagement" / "speeches.jsonl.xz"):
        for token in " ".join(speech.texts).split():
            at = len(words) / WORDS_A_SECOND
            if at > MINUTES * 60:
                return Transcript("en", tuple(words))
            words.append(Word(token, Span(at, at + 0.9 / WORDS_A_SECOND)))
    return Transcript("en", tuple(words))


def loading() -> dict[str, float]:
    """Seconds to load each bundle, everything imported."""
    for name in NAMES:
        load(bundle_folder(name))
    taken = {}
    for name in NAMES:
        began = time.perf_counter()
        load(bundle_folder(name))
        taken[name] = time.perf_counter() - began
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = os.environ.get("TALKREEL_DATA", str(ROOT.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=Path(default))
    transcript = hour(parser.parse_args().data)
    taken = loading()
    total = sum(path.stat().st_size for name in NAMES for path in bundle_folder(name).iterdir())
    print("| bundle | MB | loads in s |\n|---|---|---|")
    for name, seconds in taken.items():
        size = sum(path.stat().st_size for path in bundle_folder(name).iterdir())
        print(f"| {name} | {size / 1e6:.2f} | {seconds:.3f} |")
    print(f"| all (bars 25 MB, 1 s) | {total / 1e6:.2f} | {sum(taken.values()):.3f} |")
    texts = [sentence.text for sentence in transcript.sentences]
    embedder = TextEmbedder()
    embedder(texts[:8])
    plain, reading = [], []
    for _ in range(REPEATS):
        began = time.perf_counter()
        embeddings = embedder(texts)
        plain.append(time.perf_counter() - began)
        began = time.perf_counter()
        read_sentences(transcript, embeddings, {})
        reading.append(time.perf_counter() - began)
    count = f"{len(transcript.words)} words, {len(texts)} sentences"
    print(f"\n{MINUTES} minutes ({count}):")
    print(f"embedding {min(plain):.1f} s; reading with the models {min(reading):.1f} s (bar 30 s),")
    print(f"{min(reading) / min(plain):.2f} times the embedding")


if __name__ == "__main__":
    main()
