"""Does the camera watch the right person, and sit still? Edits of real clips, nothing rendered.

    python -m experiments.benchmarks.craft.framing [MEDIA_FOLDER]

Where the truth says who speaks (asd_dev_*), the share of speech with the speaker's face in frame is
set against the floors: a crop of the middle, of the biggest face, and one that changes between the
two halves of the picture every four seconds. For every clip: how the camera moves, whether it shows
a wall while a face is elsewhere, and whether the clip begins and ends with whole sentences.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talkreel.core.edits import Box, Edit, LayoutKind
from talkreel.core.tracks import FaceTrack
from talkreel.core.transcript import Word
from talkreel.edit.geometry import centre_inside
from talkreel.pipeline.clip import Maker, open_job
from talkreel.pipeline.make import Cut
from talkreel.pipeline.options import ClipOptions
from talkreel.pipeline.progress import unwatched
from talkreel.store.cache import StageCache

ROOT = Path(__file__).resolve().parents[3]
CLIPS = (
    "asd_dev_easy.mp4",
    "asd_dev_hard.mp4",
    "csci576_interview.mp4",
    "visualvoice_interview.mp4",
    "avobjects_trump_biden_debate.mp4",
    "talk_podium.mp4",
    "medley_dev.mp4",
)
RATE = 25.0
# A step of the camera larger than this share of the canvas in one frame is a cut, not a move.
CUT_SHARE = 0.08
EVEN_SPLIT_SECONDS = 4.0


@dataclass
class Camera:
    """How the camera of one edit behaves."""

    seconds: float
    travel_px: float
    reversals: int
    switches: int
    wall_seconds: float


def main() -> None:
    """Print both tables."""
    named = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("TALKREEL_MEDIA")
    media = Path(named or ROOT.parent / "shared" / "media").resolve()
    options = ClipOptions(min_seconds=8.0, captions=None)
    behaviour, shares = [], []
    with tempfile.TemporaryDirectory() as scratch:
        cache = StageCache(Path(os.environ.get("TALKREEL_CACHE", scratch)))
        for name in CLIPS:
            cuts, words = edits_of(media / name, options, cache)
            behaviour.append(behaviour_row(name, cuts, words))
            truth = media / "truth" / f"{Path(name).stem}.json"
            if name.startswith("asd_dev"):
                shares.append(share_row(name, cuts, json.loads(truth.read_text())["segments"]))
    print("| clip | clips | seconds | travel px/s | reversals/s | switches/min | wall s ", end="")
    print("| half-sentence starts | ends |\n|---|---|---|---|---|---|---|---|---|")
    print("\n".join(behaviour))
    print("\nbars: reversals <= .13/s, travel <= 60 px/s, no wall, no half sentences\n")
    print("| speaker in frame | ours | middle | biggest face | even split |\n|---|---|---|---|---|")
    print("\n".join(shares))


def edits_of(
    path: Path, options: ClipOptions, cache: StageCache
) -> tuple[list[Cut], tuple[Word, ...]]:
    """The edits that ``talkreel clip`` would render, and the words of the source."""
    maker = Maker(open_job(path, options, cache, unwatched))
    analysis = maker.perceive()
    choice = maker.choose(analysis)
    return list(maker.cuts(analysis, choice.candidates)), analysis.transcript.words


def behaviour_row(name: str, cuts: Sequence[Cut], words: Sequence[Word]) -> str:
    """One line of the first table."""
    cameras = [camera_of(cut.edit, cut.analysis.faces) for cut in cuts]
    seconds = sum(camera.seconds for camera in cameras)
    starts, ends = (
        sum(parts) for parts in zip(*(halves(c.edit, words) for c in cuts), strict=True)
    )
    return (
        f"| {name} | {len(cuts)} | {seconds:.0f} "
        f"| {sum(c.travel_px for c in cameras) / seconds:.1f} "
        f"| {sum(c.reversals for c in cameras) / seconds:.3f} "
        f"| {60 * sum(c.switches for c in cameras) / seconds:.1f} "
        f"| {sum(c.wall_seconds for c in cameras):.1f} | {starts} | {ends} |"
    )


def camera_of(edit: Edit, faces: Sequence[FaceTrack]) -> Camera:
    """Travel in canvas pixels, changes of direction, and time on a wall."""
    count = max(2, round(edit.time_map.duration * RATE))
    times = [edit.time_map.to_source((i + 0.5) / RATE) for i in range(count)]
    layouts = [
        next((x for x in edit.layouts if x.span.contains(t)), edit.layouts[-1]) for t in times
    ]
    travel, reversals, switches, wall, heading = 0.0, 0, 0, 0, 0.0
    before: tuple[object, Box] | None = None
    for time, layout in zip(times, layouts, strict=True):
        if layout.kind is not LayoutKind.CROP:
            before = None
            continue
        box = layout.paths[0].box_at(time)
        wall += _on_a_wall(box, faces, time)
        if before is not None:
            scale = edit.canvas.width / (box[2] - box[0])
            step = (_middle(box) - _middle(before[1])) * scale
            if abs(step) > CUT_SHARE * edit.canvas.width:
                switches += before[0] is layout
                heading = 0.0
            elif before[0] is layout and abs(step) > 0.05:
                travel += abs(step)
                reversals += heading * step < 0
                heading = step
        before = (layout, box)
    return Camera(count / RATE, travel, reversals, switches, wall / RATE)


def halves(edit: Edit, words: Sequence[Word]) -> tuple[int, int]:
    """Whether the clip begins, and ends, inside a sentence of the transcript."""
    inside = [
        i for i, word in enumerate(words) if any(k.contains(word.span.middle) for k in edit.kept)
    ]
    if not inside:
        return 0, 0
    first, last = inside[0], inside[-1]
    begins = first == 0 or _ends(words[first - 1].text)
    return int(not begins), int(not (_ends(words[last].text) or last == len(words) - 1))


def share_row(name: str, cuts: Sequence[Cut], truth: list[dict[str, Any]]) -> str:
    """Share of the clips' time in which the face that speaks is in frame."""
    ours: list[bool] = []
    floors: dict[str, list[bool]] = {"middle": [], "biggest": [], "even": []}
    for cut in cuts:
        edit = cut.edit
        for i in range(round(edit.time_map.duration * RATE)):
            time = edit.time_map.to_source((i + 0.5) / RATE)
            segment = next((s for s in truth if s["start"] <= time < s["end"]), None)
            if segment is None:
                continue
            side = "left_box" if segment["speaker_side"] == "L" else "right_box"
            left, top, width, height = (float(v) for v in segment[side])
            face = ((left + width / 2) / 1280, (top + height / 2) / 720)
            layout = next(x for x in edit.layouts if x.span.contains(time))
            regions = [path.box_at(time) for path in layout.paths]
            ours.append(any(_inside(face, region) for region in regions))
            wide = 720 * 9 / 16 / 1280
            for label, centre in _floor_centres(cut.analysis.faces, time).items():
                half = min(max(centre, wide / 2), 1 - wide / 2)
                floors[label].append(_inside(face, (half - wide / 2, 0.0, half + wide / 2, 1.0)))
    cells = [ours, floors["middle"], floors["biggest"], floors["even"]]
    return f"| {name} | " + " | ".join(f"{np.mean(cell):.3f}" for cell in cells) + " |"


def _floor_centres(faces: Sequence[FaceTrack], time: float) -> dict[str, float]:
    here = [face.box_at(time) for face in faces if face.span.pad(0.3, 0.3).contains(time)]
    biggest = max(here, key=_area, default=None)
    even = 0.25 if int(time / EVEN_SPLIT_SECONDS) % 2 == 0 else 0.75
    return {
        "middle": 0.5,
        "biggest": 0.5 if biggest is None else float(biggest[0] + biggest[2]) / 2,
        "even": even,
    }


def _area(box: NDArray[np.floating[Any]]) -> float:
    return float((box[2] - box[0]) * (box[3] - box[1]))


def _on_a_wall(box: Box, faces: Sequence[FaceTrack], time: float) -> bool:
    """Whether a face is in the picture and none of it in the frame."""
    here = [face.box_at(time) for face in faces if face.span.contains(time)]
    boxes: list[Box] = [(float(b[0]), float(b[1]), float(b[2]), float(b[3])) for b in here]
    return bool(boxes) and not any(centre_inside(face, box) for face in boxes)


def _inside(point: tuple[float, float], region: Box) -> bool:
    return region[0] <= point[0] <= region[2] and region[1] <= point[1] <= region[3]


def _middle(box: Box) -> float:
    return (box[0] + box[2]) / 2


def _ends(text: str) -> bool:
    return text.rstrip("\"')]”’").endswith((".", "?", "!", "…"))


if __name__ == "__main__":
    main()
