"""Does b-roll show what is said? Hit rates on sixty sentences over a generated library.

    python -m experiments.benchmarks.craft.broll

Pictures are drawn into a folder with the names, captions and tags of ``broll_queries.toml`` and
read back as any library is. Beside it, in the same run: chance, and shared words (TF-IDF).
"""

from __future__ import annotations

import json
import re
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from talkreel.models.text import TextEmbedder
from talkreel.pipeline.illustrate import LEAST_FIT
from talkreel.store.library import PICTURES, list_library

QUERIES = Path(__file__).with_name("broll_queries.toml")
BAR = 0.8


def generate(folder: Path, assets: dict[str, str]) -> None:
    """Draw a small picture for every asset, with a sidecar where it has a caption or tags."""
    random = np.random.default_rng(0)
    for name, text in assets.items():
        colour = tuple(int(c) for c in random.integers(0, 255, 3))
        Image.new("RGB", (64, 48), colour).save(folder / f"{name}.jpg")
        caption, _, tags = (part.strip() for part in text.partition(";"))
        if caption:
            (folder / f"{name}.txt").write_text(caption, encoding="utf-8")
        if tags:
            listed = json.dumps([tag.strip() for tag in tags.split(",")])
            (folder / f"{name}.toml").write_text(f"tags = {listed}\n", encoding="utf-8")


def tf_idf(queries: list[str], texts: list[str]) -> NDArray[np.float64]:
    """[Q, N] cosine of word counts weighted by rarity."""
    split = [re.findall(r"[a-z]+", text.lower()) for text in (*texts, *queries)]
    words = sorted({word for row in split for word in row})
    counts = np.array([[row.count(word) for word in words] for row in split], dtype=float)
    seen = (counts[: len(texts)] > 0).sum(axis=0)
    weighted = counts * np.log((1 + len(texts)) / (1 + seen))
    unit = weighted / np.maximum(np.linalg.norm(weighted, axis=1, keepdims=True), 1e-12)
    return unit[len(texts) :] @ unit[: len(texts)].T


def hits(fit: NDArray[np.float64], fits: list[set[int]], count: int) -> float:
    """Share of sentences with a fitting picture among the ``count`` nearest."""
    top = np.argsort(-fit, axis=1, kind="stable")[:, :count]
    return float(np.mean([bool(fits[i] & set(row.tolist())) for i, row in enumerate(top)]))


def main() -> None:
    """Print the table."""
    given: dict[str, Any] = tomllib.loads(QUERIES.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder), given["assets"])
        listed = list_library(Path(folder), PICTURES)
    names = [item.path.stem for item in listed]
    said = [query["said"] for query in given["queries"]]
    fits = [{names.index(name) for name in query["fits"]} for query in given["queries"]]
    embed = TextEmbedder()
    texts = [item.description for item in listed]
    near = (embed(said) @ embed(texts).T).astype(np.float64)
    chance = np.random.default_rng(0).random(near.shape)
    print(f"{len(said)} sentences, {len(names)} pictures\n")
    print("| | hit@1 | hit@3 |\n|---|---|---|")
    for label, fit in (("chance", chance), ("shared words", tf_idf(said, texts)), ("ours", near)):
        print(f"| {label} | {hits(fit, fits, 1):.3f} | {hits(fit, fits, 3):.3f} |")
    print(f"\nbar: hit@3 >= {BAR}")
    shown = near.max(axis=1) >= LEAST_FIT
    right = [int(near[i].argmax()) in fits[i] for i in np.flatnonzero(shown)]
    away = near.copy()
    for i, good in enumerate(fits):
        away[i, list(good)] = -1.0
    wrong = int((away.max(axis=1) >= LEAST_FIT).sum())
    print(
        f"at the least fit of {LEAST_FIT}: {shown.sum()} sentences get a picture, {sum(right)} of"
    )
    print(f"them a fitting one; with all fitting pictures taken away {wrong} still get one")


if __name__ == "__main__":
    main()
