"""Make films with known cuts, dissolves, fades, flashes and pans.

    python -m experiments.benchmarks.synthetic_shots --work bench-out [--media FOLDER]

Every film comes with a JSON file of its truth. Pictures are drawn from seeded noise; with
``--media`` a second family is cut from pieces of the real videos there that hold no cut.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from talkreel.core.spans import Span
from talkreel.media.ffmpeg import ffmpeg_path

Picture = NDArray[np.uint8]
WIDTH, HEIGHT = 480, 270

CODECS: dict[str, list[str]] = {
    "x264": ["-c:v", "libx264", "-preset", "veryfast"],
    "x264-long": ["-c:v", "libx264", "-preset", "veryfast", "-g", "250", "-sc_threshold", "0"],
    "x264-2s": ["-c:v", "libx264", "-preset", "veryfast", "-g", "50", "-sc_threshold", "0"],
    "x264-low": ["-c:v", "libx264", "-preset", "veryfast", "-b:v", "250k", "-maxrate", "300k",
                 "-bufsize", "600k"],
    "x265": ["-c:v", "libx265", "-preset", "superfast", "-x265-params", "log-level=error"],
    "vp9": ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "800k"],
    "av1": ["-c:v", "libsvtav1", "-preset", "12", "-crf", "40"],
    "mjpeg": ["-c:v", "mjpeg", "-q:v", "5"],
    "prores": ["-c:v", "prores_ks", "-profile:v", "0"],
}  # fmt: skip


@dataclass(frozen=True)
class Mark:
    """A change of shot: ``first`` is the first frame that shows the new one, ``last`` the first
    that shows nothing else (the same for a cut)."""

    kind: str
    first: int
    last: int


@dataclass(frozen=True)
class Film:
    """A film to be made: ``shots`` gives pictures, ``joins`` says how they follow each other."""

    name: str
    codec: str
    rate: int = 25
    seed: int = 0
    seconds: float = 50.0
    joins: tuple[str, ...] = ("cut",)
    motions: tuple[str, ...] = ("still", "drift", "pan", "zoom")
    flashes: bool = False
    real: bool = False


def films(real: bool) -> list[Film]:
    """Everything that is made."""
    mixed = ("cut", "cut", "dissolve", "fade")
    out = [
        Film("cuts-x264", "x264", seed=1),
        Film("cuts-x264-long", "x264-long", seed=2),
        Film("cuts-x264-2s", "x264-2s", seed=3),
        Film("cuts-x264-low", "x264-low", seed=4),
        Film("cuts-5fps", "x264", rate=5, seed=5),
        Film("cuts-120fps", "x264", rate=120, seed=6, seconds=20),
        Film("slides", "x264", seed=7, motions=("slide",)),
        Film("fast-pans", "x264", seed=8, motions=("whip", "sway")),
        Film("flashes", "x264", seed=9, flashes=True),
        Film("dark", "x264", seed=10, joins=mixed, motions=("dark", "dark-pan")),
        Film("there-and-back", "x264-long", seed=11, joins=("cut", "back")),
    ]
    for number, codec in enumerate(CODECS):
        out.append(Film(f"mixed-{codec}", codec, seed=20 + number, joins=mixed, flashes=True))
    if real:
        for number, codec in enumerate(("x264", "x264-long", "x264-low", "av1")):
            seed = 40 + number
            out.append(Film(f"real-{codec}", codec, seed=seed, joins=mixed, real=True))
        out.append(Film("real-flashes", "x264", seed=50, flashes=True, real=True))
        out.append(Film("real-cuts", "x264", seed=51, real=True))
    return out


# Pictures -----------------------------------------------------------------------------------


def _smooth(rng: np.random.Generator, shape: tuple[int, int], cell: int) -> NDArray[np.float32]:
    import cv2

    coarse = rng.random((shape[0] // cell + 2, shape[1] // cell + 2), dtype=np.float32)
    return np.asarray(cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC))


def scene(rng: np.random.Generator, dark: bool = False, slide: bool = False) -> Picture:
    """A picture three times as wide as the film: clouds of colour, shapes and fine grain."""
    import cv2

    size = (HEIGHT + 120, WIDTH * 3)
    if slide:
        picture = np.full((*size, 3), rng.integers(215, 256, 3), dtype=np.float32)
        for line in range(int(rng.integers(4, 12))):
            cv2.putText(
                picture, f"{rng.integers(1 << 60):x}"[: int(rng.integers(6, 15))],
                (30 + int(rng.integers(150)), 40 + 28 * line),
                cv2.FONT_HERSHEY_SIMPLEX, 1.0, (30, 30, 60), 2,
            )  # fmt: skip
        corner = rng.integers(0, 300, 2)
        colour = tuple(int(c) for c in rng.integers(40, 220, 3))
        cv2.rectangle(picture, (int(corner[0]), 120), (int(corner[0]) + 170, 250), colour, -1)
        return np.clip(picture, 0, 255).astype(np.uint8)
    base, spread = rng.uniform(40, 200, 3), rng.uniform(30, 110)
    layers = [_smooth(rng, size, cell) - 0.5 for cell in (160, 60, 12)]
    tint = rng.uniform(-1, 1, (3, 3))
    picture = np.stack(
        [
            base[c] + spread * sum(w * layer for w, layer in zip(1 + tint[c], layers, strict=True))
            for c in range(3)
        ],
        axis=-1,
    ).astype(np.float32)
    for _ in range(int(rng.integers(6, 30))):
        centre = (int(rng.integers(size[1])), int(rng.integers(size[0])))
        colour = tuple(float(c) for c in rng.uniform(0, 255, 3))
        cv2.circle(picture, centre, int(rng.integers(8, 110)), colour, -1)
    picture += rng.normal(0, 4, picture.shape).astype(np.float32)
    if dark:
        picture *= 0.16
    return np.clip(picture, 0, 255).astype(np.uint8)


def moving(rng: np.random.Generator, motion: str, frames: int, rate: int) -> Iterator[Picture]:
    """``frames`` pictures of one scene under a camera movement."""
    import cv2

    big = scene(rng, dark=motion.startswith("dark"), slide=motion == "slide")
    phase, grain = rng.uniform(0, 6.28), 0.0 if motion == "slide" else 1.5
    grains = [rng.normal(0, grain, (HEIGHT, WIDTH, 3)).round().astype(np.int8) for _ in range(5)]
    for i in range(frames):
        t = i / rate
        x, y, zoom = 400.0, 40.0, 1.0
        if motion == "drift":
            x += 6 * np.sin(2 * t + phase)
        elif motion in ("pan", "dark-pan"):
            x = 80 + 45 * t
        elif motion == "zoom":
            zoom = 1 + 0.04 * t
        elif motion == "whip":  # stands, then swings across most of the picture within 0.4 s
            x = 80 + 800 * np.clip((t - 1.5) / 0.4, 0, 1) ** 2
        elif motion == "sway":
            x = 450 + 350 * np.sin(2.2 * t + phase)
        elif motion == "slide":
            x, y = 0.0, 0.0
        wide, high = WIDTH / zoom, HEIGHT / zoom
        move = np.array([[wide / WIDTH, 0, x], [0, high / HEIGHT, y]], dtype=np.float32)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        picture = cv2.warpAffine(big, move, (WIDTH, HEIGHT), flags=flags, borderMode=2)
        if motion == "drift":  # somebody gesticulates in front
            centre = (240 + int(50 * np.sin(3 * t + phase)), 225 + int(15 * np.cos(5 * t)))
            cv2.ellipse(picture, centre, (55, 85), 0, 0, 360, (150, 110, 90), -1)
        yield np.asarray(cv2.add(picture, grains[i % 5], dtype=cv2.CV_8U), dtype=np.uint8)


REAL = {
    "talk_podium.mp4": (2.0, 58.0),
    "avobjects_trump_biden_debate.mp4": (1.0, 29.0),
    "visualvoice_interview.mp4": (1.0, 16.0),
    "csci576_interview.mp4": (0.1, 4.0),
    "csci576_sports.mp4": (0.1, 6.6),
    "csci576_movie.mp4": (5.6, 8.2),
    "psd_issue-134-rotate.mp4": (4.0, 8.6),
    "asd_dev_easy.mp4": (0.5, 7.5),
}


def filmed(
    rng: np.random.Generator, media: Path, frames: int, rate: int, order: Iterator[int]
) -> Iterator[Picture]:
    """``frames`` pictures from a piece of real video without a cut; shorter pieces swing."""
    import cv2

    from talkreel.media.frames import FrameReader
    from talkreel.media.probe import probe

    name = sorted(REAL)[next(order) % len(REAL)]
    first, last = REAL[name]
    start = float(rng.uniform(first, max(first, last - frames / rate)))
    with FrameReader(probe(media / name), width=WIDTH) as reader:
        piece = [f.image for f in reader.every(Span(start, min(last, start + frames / rate)))]
    there_and_back = [*piece, *piece[-2:0:-1]]
    for i in range(frames):
        picture = there_and_back[i % len(there_and_back)]
        yield np.asarray(cv2.resize(picture, (WIDTH, HEIGHT)), dtype=np.uint8)


# Films --------------------------------------------------------------------------------------


def _shots(film: Film, media: Path | None) -> Iterator[tuple[str, list[Picture]]]:
    rng = np.random.default_rng(film.seed)
    order = count(film.seed)
    made, earlier = 0, None
    while made < film.seconds * film.rate:
        join = film.joins[int(rng.integers(len(film.joins)))]
        seconds = rng.uniform(0.5, 1.5) if join == "back" else rng.uniform(2.0, 9.0)
        frames = max(round(seconds * film.rate), 3 * film.rate if join in _SOFT else 3)
        if film.real and media is not None:
            shot = list(filmed(rng, media, frames, film.rate, order))
        else:
            motion = film.motions[int(rng.integers(len(film.motions)))]
            shot = list(moving(rng, motion, frames, film.rate))
        made += frames
        yield ("cut" if join == "back" else join), shot
        if join == "back" and earlier is not None:
            made += len(earlier)
            yield "cut", earlier
        earlier = shot


_SOFT = ("dissolve", "fade")


def assemble(film: Film, media: Path | None) -> tuple[list[Picture], list[Mark], list[int]]:
    """Pictures, changes of shot, and the first frames of flashes."""
    rng = np.random.default_rng(film.seed + 1000)
    out: list[Picture] = []
    marks: list[Mark] = []
    flashes: list[int] = []
    for join, shot in _shots(film, media):
        begin = len(out)
        if not out or join == "cut":
            if out:
                marks.append(Mark("cut", begin, begin))
            out.extend(shot)
        elif join == "dissolve":
            marks.append(_dissolve(out, shot, round(rng.uniform(0.4, 1.2) * film.rate)))
        else:
            marks.append(_fade(out, shot, round(rng.uniform(0.3, 0.7) * film.rate), film.rate))
        if film.flashes and len(shot) > 3 * film.rate:
            at = len(out) - len(shot) // 2 + int(rng.integers(5))
            flashes.append(at)
            for k in range(int(rng.integers(1, 4))):
                out[at + k] = np.clip(out[at + k].astype(np.float32) * 0.5 + 150, 0, 255).astype(
                    np.uint8
                )
    return out, marks, flashes


def _dissolve(out: list[Picture], shot: list[Picture], frames: int) -> Mark:
    first = len(out) - frames
    for k in range(frames):
        share = (k + 1) / (frames + 1)
        mix = out[first + k].astype(np.float32) * (1 - share) + shot[k] * share
        out[first + k] = mix.round().astype(np.uint8)
    out.extend(shot[frames:])
    return Mark("dissolve", first, first + frames)


def _fade(out: list[Picture], shot: list[Picture], frames: int, rate: int) -> Mark:
    first = len(out) - frames
    for k in range(frames):
        out[first + k] = (out[first + k] * (1 - (k + 1) / frames)).astype(np.uint8)
    out.extend([np.zeros_like(shot[0])] * max(1, round(0.2 * rate)))
    out.extend((shot[k] * ((k + 1) / frames)).astype(np.uint8) for k in range(frames))
    last = len(out)
    out.extend(shot[frames:])
    return Mark("fade", first, last)


def encode(pictures: Iterable[Picture], film: Film, path: Path) -> None:
    """Write the film; raises ``CalledProcessError`` when ffmpeg fails."""
    command = [
        ffmpeg_path(), "-hide_banner", "-loglevel", "error", "-nostdin", "-y",
        "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{WIDTH}x{HEIGHT}", "-r", str(film.rate),
        "-i", "pipe:0", *CODECS[film.codec], "-pix_fmt",
        "yuv422p10le" if film.codec == "prores" else
        "yuvj420p" if film.codec == "mjpeg" else "yuv420p", str(path),
    ]  # fmt: skip
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        for picture in pictures:
            process.stdin.write(picture.tobytes())
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)


def make(folder: Path, media: Path | None, seed: int = 0) -> list[Path]:
    """Every film that is not there yet; the paths of all. Another ``seed`` gives other films."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for film in films(real=media is not None):
        film = replace(film, seed=film.seed + 100 * seed)
        path = folder / f"{film.name}.{'mov' if film.codec in ('mjpeg', 'prores') else 'mp4'}"
        paths.append(path)
        truth = path.with_suffix(".json")
        if truth.exists():
            continue
        pictures, marks, flashes = assemble(film, media)
        encode(pictures, film, path)
        truth.write_text(
            json.dumps(
                {
                    "rate": film.rate,
                    "marks": [asdict(mark) for mark in marks],
                    "flashes": flashes,
                },
                indent=1,
            )
        )
    return paths


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("bench-out"))
    parser.add_argument("--media", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    folder = options.work / (f"shots-{options.seed}" if options.seed else "shots")
    for path in make(folder, options.media, options.seed):
        print(path)


if __name__ == "__main__":
    main()
