"""Make the sample talk: ``talk.mp4`` and its ground truth ``talk.truth.json``.

Run ``python sample/make_sample.py [--out DIR] [--truth-only]``. Needs espeak-ng (a system
package) and scikit-image (for the portrait) besides the project's own dependencies. The truth
is the same on every run with the same espeak-ng; the video differs at most by what another
ffmpeg or OpenCV build rounds.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import subprocess
import tempfile
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from imageio_ffmpeg import get_ffmpeg_exe
from numpy.typing import NDArray
from portrait import Portrait, Pose, face_box
from scenery import (
    HEIGHT,
    INSET,
    WIDTH,
    ChartSlide,
    GapSlide,
    Picture,
    QuestionSlide,
    Slide,
    framed,
    inset,
    stage,
)
from sound import CUT_LEAD, Track, make_track
from talk import PRESENTER, ROOM

FRAME_RATE = 25
FACE_STEP = 5  # frames between two face boxes of the truth


@dataclass(frozen=True)
class StageShot:
    """A framing of the stage: where the presenter stands and what is behind.

    Attributes:
        background: left, top and width of the part of the stage that is seen.
        scale: canvas pixels per portrait pixel.
        centre: mean pixel column of the face.
        top: pixel row of the crown of the head.
        walk: pixels walked to either side.
    """

    background: tuple[int, int, int]
    scale: float
    centre: float
    top: float
    walk: float


STAGE_SHOTS = {
    "stage_medium": StageShot((240, 60, 1500), 2.0, 560, 70, 150),
    "stage_close": StageShot((420, 120, 1060), 2.6, 600, 20, 40),
    "stage_wide": StageShot((0, 0, 1920), 1.9, 430, 92, 110),
    "stage_close_end": StageShot((700, 140, 1000), 2.7, 690, 16, 36),
}
SLIDE_NAMES = ("slide_gap", "slide_chart", "slide_question")


@dataclass(frozen=True)
class Shot:
    """A shot of the sample, in frames; ``last`` is not in it."""

    name: str
    first: int
    last: int


def plan_shots(track: Track) -> list[Shot]:
    """A shot begins just before the line that names it."""
    named = [u for u in track.utterances if u.line.shot]
    starts = [0, *(round((u.start - CUT_LEAD) * FRAME_RATE) for u in named[1:])]
    ends = [*starts[1:], math.ceil(track.duration * FRAME_RATE)]
    names = [u.line.shot or "" for u in named]
    return [Shot(*parts) for parts in zip(names, starts, ends, strict=True)]


class Player:
    """Draws any frame of the talk."""

    def __init__(self, track: Track, shots: list[Shot]) -> None:
        self._shots = shots
        self._portrait = Portrait()
        scene = stage()
        self._backgrounds = {
            name: framed(scene, *shot.background) for name, shot in STAGE_SHOTS.items()
        }
        self._inset = inset(scene)
        gap = next(shot for shot in shots if shot.name == "slide_gap")
        said = {u.words[1].text: u.start - gap.first / FRAME_RATE for u in track.utterances}
        self._slides: dict[str, Slide] = {
            "slide_gap": GapSlide(
                [
                    (said["felt"], "A silence feels long after one second"),
                    (said["in"], "In conversation the gap is one fifth of a second"),
                    (said["measured"], "Measured in ten languages"),
                ]
            ),
            "slide_chart": ChartSlide(),
            "slide_question": QuestionSlide(),
        }
        self._mouth = _mouth(track, shots[-1].last)

    def frame(self, index: int) -> Picture:
        """[720, 1280, 3] RGB."""
        shot, pose = self._shot(index), self._pose(index)
        if shot.name in STAGE_SHOTS:
            canvas = self._backgrounds[shot.name].copy()
            assert pose is not None
            self._portrait.draw(canvas, pose)
            return canvas
        canvas = self._slides[shot.name].at((index - shot.first) / FRAME_RATE).copy()
        if pose is not None:
            left, top, right, bottom = INSET
            small = self._inset.copy()
            self._portrait.draw(small, pose)
            canvas[top:bottom, left:right] = small
        return canvas

    def face(self, index: int) -> tuple[float, float, float, float] | None:
        """The face box as shares of the picture, or None where no face is shown."""
        pose = self._pose(index)
        if pose is None:
            return None
        left, top, right, bottom = face_box(pose)
        x, y = (0, 0) if self._shot(index).name in STAGE_SHOTS else INSET[:2]
        return (
            (left + x) / WIDTH,
            (top + y) / HEIGHT,
            (right + x) / WIDTH,
            (bottom + y) / HEIGHT,
        )

    def _shot(self, index: int) -> Shot:
        return next(shot for shot in self._shots if shot.first <= index < shot.last)

    def _pose(self, index: int) -> Pose | None:
        name = self._shot(index).name
        if name in STAGE_SHOTS:
            plan = STAGE_SHOTS[name]
            return self._posed(index, plan.centre, plan.top, plan.scale, plan.walk)
        if name == "slide_chart":
            return self._posed(index, (INSET[2] - INSET[0]) * 0.47, 14, 0.92, 14)
        return None

    def _posed(self, index: int, centre: float, top: float, scale: float, walk: float) -> Pose:
        time = index / FRAME_RATE
        mouth = float(self._mouth[index])
        drift = 0.7 * math.sin(2 * math.pi * time / 11.0) + 0.3 * math.sin(2 * math.pi * time / 4.7)
        blink = max(0.0, 1 - abs(time % 3.7 - 1.9) / 0.09)
        return Pose(
            centre=centre + walk * drift,
            top=top + 0.012 * walk * math.sin(2 * math.pi * time / 0.95),
            scale=scale,
            lean=1.3 * math.sin(2 * math.pi * time / 5.3),
            nod=2.2 * math.sin(2 * math.pi * time / 1.7) * (0.4 + mouth),
            turn=1.6 * math.sin(2 * math.pi * time / 2.9),
            mouth=mouth,
            blink=min(1.0, 1.4 * blink),
        )


def _mouth(track: Track, frames: int) -> NDArray[np.float64]:
    """[frames] how far the presenter's mouth is open: loudness while the presenter speaks."""
    speaking = np.zeros(len(track.samples), dtype=np.float32)
    for utterance in track.utterances:
        if utterance.line.speaker == PRESENTER:
            first, last = (round(t * track.sample_rate) for t in (utterance.start, utterance.end))
            speaking[first:last] = 1
    voice = np.abs(track.samples) * speaking
    edges = (np.arange(frames + 1) / FRAME_RATE * track.sample_rate).astype(int)
    loud = [voice[a:b].mean() if b > a else 0.0 for a, b in itertools.pairwise(edges)]
    level = np.convolve(np.array(loud, dtype=np.float64), [0.2, 0.6, 0.2], mode="same")
    level /= np.quantile(level, 0.95)
    return np.clip(level, 0, 1) ** 0.8


def truth(track: Track, shots: list[Shot], faces: list[dict[str, Any]]) -> dict[str, Any]:
    """Everything that is known about the video, for tests and measurements."""
    frames = shots[-1].last

    def seconds(frame: int) -> float:
        return frame / FRAME_RATE

    return {
        "video": "talk.mp4",
        "width": WIDTH,
        "height": HEIGHT,
        "frame_rate": f"{FRAME_RATE}/1",
        "frames": frames,
        "duration": seconds(frames),
        "language": "en",
        "speakers": {
            PRESENTER: "the presenter, seen whenever a face is seen",
            ROOM: "a question from the room, never seen",
        },
        "cuts": [{"time": seconds(s.first), "frame": s.first} for s in shots[1:]],
        "shots": [
            {
                "name": s.name,
                "kind": "slides" if s.name in SLIDE_NAMES else "stage",
                "start": seconds(s.first),
                "end": seconds(s.last),
            }
            for s in shots
        ],
        "applause": [{"start": start, "end": end} for start, end in track.applause],
        "sentences": [
            {
                "start": u.start,
                "end": u.end,
                "speaker": u.line.speaker,
                "text": " ".join(w.text for w in u.words),
            }
            for u in track.utterances
        ],
        "words": [
            {
                "text": w.text,
                "start": w.start,
                "end": w.end,
                "speaker": u.line.speaker,
                "exact": w.exact,
            }
            for u in track.utterances
            for w in u.words
        ],
        "faces": faces,
    }


def face_boxes(player: Player, frames: int) -> list[dict[str, Any]]:
    """Face boxes as shares of the picture, several a second; null where there is none."""
    boxes = ((index, player.face(index)) for index in range(0, frames, FACE_STEP))
    return [
        {"time": index / FRAME_RATE, "box": [round(edge, 4) for edge in box] if box else None}
        for index, box in boxes
    ]


def write_truth(path: Path, data: dict[str, Any]) -> None:
    """One entry a line, so that a change can be read in a diff."""
    parts = []
    for key, value in data.items():
        if isinstance(value, list):
            rows = ",\n  ".join(json.dumps(item, ensure_ascii=False) for item in value)
            parts.append(f' "{key}": [\n  {rows}\n ]')
        else:
            parts.append(f' "{key}": {json.dumps(value, ensure_ascii=False)}')
    path.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")


def write_wav(path: Path, track: Track) -> None:
    """16-bit mono."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(track.sample_rate)
        file.writeframes((track.samples * 32767).round().astype("<i2").tobytes())


def write_video(path: Path, player: Player, frames: int, wav: Path) -> None:
    """Encode every frame and the sound."""
    picture = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{WIDTH}x{HEIGHT}"]
    command = [
        *(get_ffmpeg_exe(), "-y", "-hide_banner", "-loglevel", "error"),
        *picture,
        *("-r", str(FRAME_RATE), "-i", "-", "-i", str(wav)),
        *("-vf", "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p"),
        *("-c:v", "libx264", "-preset", "slow", "-crf", "26", "-g", "100"),
        *("-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709"),
        *("-c:a", "aac", "-b:a", "96k", "-ar", "48000", "-af", "apad", "-shortest"),
        *("-t", f"{frames / FRAME_RATE}", "-movflags", "+faststart", str(path)),
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        for index in range(frames):
            process.stdin.write(player.frame(index).tobytes())
        process.stdin.close()
        if process.wait():
            raise SystemExit(f"ffmpeg failed with code {process.returncode}")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    parser.add_argument("--truth-only", action="store_true", help="no video")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    track = make_track()
    shots = plan_shots(track)
    player = Player(track, shots)
    frames = shots[-1].last
    write_truth(options.out / "talk.truth.json", truth(track, shots, face_boxes(player, frames)))
    if not options.truth_only:
        with tempfile.TemporaryDirectory() as folder:
            wav = Path(folder) / "talk.wav"
            write_wav(wav, track)
            write_video(options.out / "talk.mp4", player, frames, wav)


if __name__ == "__main__":
    main()
