"""Titled covers against the first and the middle frame, measured on rendered clips.

    python -m experiments.benchmarks.craft.cover FOLDER [FOLDER ...]

Folders are those that ``talkreel clip --out`` wrote. Intervals are of the difference, by a
bootstrap over the folders (clips of one file are not independent).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from talkreel.core.arrays import FloatArray
from talkreel.core.cover import Cover
from talkreel.core.edits import SCHEMA, Edit
from talkreel.core.jsonio import load_json, read_document
from talkreel.core.media import Media
from talkreel.media.probe import probe
from talkreel.perceive.stills import Still, eye_hits
from talkreel.pipeline.cover import bare_picture, best_still, measure_picture, read_stills
from talkreel.pipeline.rerender import source_of

_GRID = 24  # frames of each clip among which sharpness is ranked
# Another detector of eyes than the one that chooses; it finds closed ones far less often.
_JUDGE = "haarcascade_eye_tree_eyeglasses.xml"
_OPEN = 1 / 3  # of the clip's median
_FIGURES = ("face shown", "sharper than", "eyes open", "title finds a place", "room for it")
_DRAWS = 2000

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Looked:
    """One picture, what the product measures on it, and how surely the judge sees its eyes."""

    still: Still
    eyes: float

    @classmethod
    def at(cls, still: Still, image: Image) -> Looked:
        if still.face is None:
            return cls(still, float("nan"))
        height, width = image.shape[:2]
        sides = (width, height, width, height)
        left, top, right, bottom = (
            max(0, int(v * side)) for v, side in zip(still.face, sides, strict=True)
        )
        luma = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[top:bottom, left:right]
        return cls(still, eye_hits(luma.astype(np.float32), _JUDGE))


def clips(folder: Path) -> list[tuple[Edit, Path]]:
    found = []
    for clip in load_json(folder / "clips.json")["clips"]:  # type: ignore[index]
        edit = read_document(Edit, load_json(folder / clip["files"]["edit"]), SCHEMA)
        found.append((edit, folder / clip["files"]["video"]))
    return found


def main() -> None:
    rows: dict[str, list[list[float]]] = {"chosen": [], "first frame": [], "middle frame": []}
    sources: list[str] = []
    for folder in map(Path, sys.argv[1:]):
        for edit, video in clips(folder):
            for name, figures in compared(edit, video).items():
                rows[name].append(figures)
            sources.append(folder.name)
    table(rows, sources)
    print(f"\n{len(sources)} clips of {len(set(sources))} files")


def compared(edit: Edit, video: Path) -> dict[str, list[float]]:
    """The figures of one clip's pictures."""
    media = probe(video)
    wished = replace(edit, cover=Cover("t"))
    time, still = best_still(wished, media)
    bare = bare_picture(wished, source_of(edit), time)
    chosen = looks(edit, media, [time])[0]
    if bare is not None:
        # The face was chosen on the clip; the title stands on what is delivered.
        chosen = replace(chosen, still=replace(still, room=measure_picture(edit, bare).room))
    times = np.linspace(0.02, 0.98, _GRID) * media.duration
    grid = looks(edit, media, [float(t) for t in times])
    first, middle = looks(edit, media, [0.0, media.duration / 2])
    found = {"chosen": chosen, "first frame": first, "middle frame": middle}
    print(f"{video.name}: {time:.2f} s", file=sys.stderr)
    return {name: figures(look, grid) for name, look in found.items()}


def looks(edit: Edit, media: Media, times: Sequence[float]) -> list[Looked]:
    stills, images = read_stills(edit, media, times)
    return [Looked.at(still, image) for still, image in zip(stills, images, strict=True)]


def figures(look: Looked, grid: Sequence[Looked]) -> list[float]:
    """In the order of ``_FIGURES``; sharpness and eyes among like frames, NaN without any."""
    still = look.still
    like = [g for g in grid if (g.still.face is None) == (still.face is None)]
    sharp = np.mean([still.sharpness >= g.still.sharpness for g in like]) if like else np.nan
    usual = np.median([g.eyes for g in like]) if like and still.face else 0.0
    eyes = float(look.eyes >= _OPEN * usual) if usual > 0 else np.nan
    room = max(still.room)
    return [float(still.face is not None), float(sharp), eyes, float(room > 0), room]


def table(rows: dict[str, list[list[float]]], sources: Sequence[str]) -> None:
    print(f"| picture | {' | '.join(_FIGURES)} |")
    print("|---|" + "---|" * len(_FIGURES))
    values = {name: np.array(row) for name, row in rows.items()}
    for name, row in values.items():
        print(f"| {name} | {' | '.join(f'{v:.2f}' for v in np.nanmean(row, axis=0))} |")
    for name in ("first frame", "middle frame"):
        low, high = interval(values["chosen"], values[name], sources)
        told = [f"{a:+.2f} to {b:+.2f}" for a, b in zip(low, high, strict=True)]
        print(f"| chosen less {name}, 95 % | {' | '.join(told)} |")


def interval(
    first: FloatArray, second: FloatArray, sources: Sequence[str]
) -> tuple[FloatArray, FloatArray]:
    """2.5th and 97.5th percentile of the difference of means, files drawn with replacement."""
    random = np.random.default_rng(0)
    of_file = [np.flatnonzero(np.array(sources) == name) for name in sorted(set(sources))]
    drawn = []
    for _ in range(_DRAWS):
        files = random.integers(len(of_file), size=len(of_file))
        rows = np.concatenate([of_file[i] for i in files])
        drawn.append(np.nanmean(first[rows], axis=0) - np.nanmean(second[rows], axis=0))
    low, high = np.nanpercentile(drawn, [2.5, 97.5], axis=0)
    return low, high


if __name__ == "__main__":
    main()
