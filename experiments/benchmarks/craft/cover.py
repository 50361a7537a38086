"""Covers against the first and the middle frame, measured on rendered clips.

    python -m experiments.benchmarks.craft.cover FOLDER [FOLDER ...]

Folders are those that ``talkreel clip --out`` wrote.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from talkreel.core.cover import Cover
from talkreel.core.edits import SCHEMA, Edit
from talkreel.core.jsonio import load_json, read_document
from talkreel.media.probe import probe
from talkreel.perceive.stills import Still
from talkreel.pipeline.cover import best_still, read_stills

_GRID = 24  # frames of each clip among which sharpness is ranked


def clips(folder: Path) -> list[tuple[Edit, Path]]:
    found = []
    for clip in load_json(folder / "clips.json")["clips"]:  # type: ignore[index]
        edit = read_document(Edit, load_json(folder / clip["files"]["edit"]), SCHEMA)
        found.append((edit, folder / clip["files"]["video"]))
    return found


def main() -> None:
    rows: dict[str, list[tuple[float, float, float, float]]] = {}
    for folder in map(Path, sys.argv[1:]):
        for edit, video in clips(folder):
            media = probe(video)
            wished = replace(edit, cover=Cover("t"))
            time, chosen = best_still(wished, media)
            times = np.linspace(0.02, 0.98, _GRID) * media.duration
            grid, _ = read_stills(edit, media, [float(t) for t in times])
            stills, _ = read_stills(edit, media, [0.0, media.duration / 2])
            for name, still in (
                ("chosen", chosen),
                ("first frame", stills[0]),
                ("middle frame", stills[1]),
            ):
                rows.setdefault(name, []).append(_figures(still, grid))
            print(f"{video.name}: {time:.2f} s", file=sys.stderr)
    print("| picture | face shown | sharper than | eyes more open than | room for the title |")
    print("|---|---|---|---|---|")
    for name, values in rows.items():
        face, sharp, eyes, room = np.nanmean(np.array(values), axis=0)
        print(f"| {name} | {face:.0%} | {sharp:.0%} | {eyes:.0%} | {room:.2f} |")
    print(f"\n{len(rows['chosen'])} clips")


def _figures(still: Still, grid: list[Still]) -> tuple[float, float, float, float]:
    """Face there or not, sharpness and eyes as shares of like frames below, room."""
    like = [g for g in grid if (g.face is None) == (still.face is None)]
    sharp = float(np.mean([still.sharpness >= g.sharpness for g in like])) if like else np.nan
    eyes = float(np.mean([still.eyes >= g.eyes for g in like])) if like and still.face else np.nan
    return float(still.face is not None), sharp, eyes, max(still.room)


if __name__ == "__main__":
    main()
