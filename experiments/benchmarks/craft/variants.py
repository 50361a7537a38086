"""CPU time of variants rendered together against one after the other.

    python -m experiments.benchmarks.craft.variants OPTIMIZE_FOLDER [...]

Folders are those that ``talkreel optimize --out`` wrote.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from talkreel.core.edits import SCHEMA, Edit
from talkreel.core.jsonio import load_json, read_document
from talkreel.pipeline.rerender import source_of
from talkreel.rendering.render import render
from talkreel.rendering.shared import render_together


def cpu_seconds() -> float:
    """Of this process and of the ffmpeg processes it waited for."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def main() -> None:
    print("| clip | variants | frames saved | CPU s together | CPU s one by one | ratio |")
    print("|---|---|---|---|---|---|")
    for folder in map(Path, sys.argv[1:]):
        found = load_json(folder / "optimize.json")
        files = [Path(v["edit"]) for v in found["variants"]]  # type: ignore[index]
        edits = [read_document(Edit, load_json(file), SCHEMA) for file in files]
        media = source_of(edits[0])
        with tempfile.TemporaryDirectory() as name:
            outs = [Path(name) / f"{i}.mp4" for i in range(len(edits))]
            start = cpu_seconds()
            for edit, out in zip(edits, outs, strict=True):
                render(edit, media, out)
            apart = cpu_seconds() - start
            start = cpu_seconds()
            made = render_together(edits, media, outs)
            together = cpu_seconds() - start
        print(
            f"| {folder.name} | {len(edits)} | {made.shared:.0%} | {together:.1f} | {apart:.1f} "
            f"| {together / apart:.2f} |"
        )


if __name__ == "__main__":
    main()
