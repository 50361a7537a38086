"""What rendering costs with every craft feature on, against a bare ffmpeg encode.

    python -m experiments.benchmarks.craft.all_on [--media DIR] [--repeats 3]

The clips that ``talkreel clip`` makes of a 1080p30 talk with sound and picture enhanced, tightened,
with music, b-roll, logo, title card, emphasis and colours. The bare run seeks, keeps the same
spans, crops the middle to the same canvas and encodes with the same x264 and AAC settings. Runs
alternate; the least time of each side counts. Looking, deciding and measuring are not counted:
they are done before rendering. Bar: 1.8.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import wave
from pathlib import Path

import numpy as np
from PIL import Image

from experiments.benchmarks.render import CANVAS, Case, compare, make_source
from talkreel.core.edits import Edit
from talkreel.media.probe import probe
from talkreel.pipeline.clip import Maker, open_job
from talkreel.pipeline.craft_options import CraftOptions
from talkreel.pipeline.options import ClipOptions
from talkreel.pipeline.progress import unwatched
from talkreel.store.cache import StageCache, default_root

ROOT = Path(__file__).resolve().parents[3]
BAR = 1.8
CROP = f"crop=608:1080:656:0,scale={CANVAS.width}:{CANVAS.height}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = os.environ.get("TALKREEL_MEDIA", str(ROOT.parent / "shared" / "media"))
    parser.add_argument("--media", type=Path, default=Path(default))
    parser.add_argument("--work", type=Path, default=ROOT / "bench-out")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    media = probe(make_source(options.media, options.work))
    with tempfile.TemporaryDirectory() as folder:
        edits = make_edits(Path(media.uri), Path(folder))
        print("| clip | seconds | bare wall s | all on wall s | wall ratio | cpu ratio | bar 1.8 |")
        print("|---|---|---|---|---|---|---|")
        for number, edit in enumerate(edits, start=1):
            case = Case(f"all on {number}", edit, CROP)
            bare, ours = compare(case, media, options.work, options.repeats)
            wall = ours.wall / bare.wall
            met = "met" if wall <= BAR else "missed"
            print(
                f"| {number} | {edit.time_map.duration:.0f} | {bare.wall:.1f} | {ours.wall:.1f} "
                f"| {wall:.2f} | {ours.cpu / bare.cpu:.2f} | {met} |"
            )
        for note in edits[0].notes:
            print(f"- {note.feature}: {'' if note.applied else 'not applied; '}{note.text}")


def make_edits(source: Path, room: Path) -> list[Edit]:
    """Two edits with everything on."""
    craft = CraftOptions(
        enhance=("voice", "picture"),
        tighten=True,
        music=_music(room / "music"),
        brand=_brand(room / "brand"),
        broll=_pictures(room / "broll"),
        title_card=True,
        censor=True,
        speaker_colours=True,
        emphasis=True,
    )
    job = open_job(
        source,
        ClipOptions(clips=2, max_seconds=45.0, craft=craft),
        StageCache(default_root()),
        unwatched,
    )
    maker = Maker(job)
    analysis = maker.perceive()
    choice = maker.choose(analysis)
    return [cut.edit for cut in maker.cuts(analysis, choice.candidates)]


def _music(folder: Path) -> Path:
    folder.mkdir()
    t = np.arange(30 * 48_000) / 48_000
    beat = np.sin(2 * np.pi * 110 * t) * np.exp(-6 * np.mod(t, 0.5))
    with wave.open(str(folder / "beat.wav"), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(48_000)
        out.writeframes((12_000 * beat).astype(np.int16).tobytes())
    return folder


def _brand(folder: Path) -> Path:
    folder.mkdir()
    Image.new("RGBA", (400, 160), (230, 40, 60, 255)).save(folder / "logo.png")
    (folder / "brand.toml").write_text('[logo]\nfile = "logo.png"\n')
    return folder


def _pictures(folder: Path) -> Path:
    folder.mkdir()
    for name in ("star-at-night", "women-voting", "old-document", "slavery-chains", "crowd"):
        Image.new("RGB", (1920, 1280), (40, 90, 160)).save(folder / f"{name}.jpg")
    return folder


if __name__ == "__main__":
    main()
