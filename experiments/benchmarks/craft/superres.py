"""What enlarging by a learned network gains over fixed kernels, on clips shown at twice their size.

Usage: python -m experiments.benchmarks.craft.superres [--media DIR] [--work DIR] [--steps 1500]

For each of three clips a compact network is taught from nothing, on frames of the two others at
half and at whole size, and then used as ``--upscale`` uses one: what is measured is the delivered
file. The small clip comes hardly compressed, as in the lessons, and compressed as uploads are.
The weights stay in the work folder, and those found there are not taught again.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from spandrel.architectures.Compact import Compact
from torch import nn

from experiments.benchmarks.craft.picture import CLIPS, HEIGHT, RATE, ROOT, WIDTH, compare, make
from talkreel.core.digests import file_sha256
from talkreel.core.edits import Canvas, CropKey, CropPath, Edit, Encoding, Layout, LayoutKind
from talkreel.core.media import Media
from talkreel.core.picture import PictureChain, Upscale
from talkreel.core.spans import Span
from talkreel.media.ffmpeg import run_ffmpeg
from talkreel.media.frames import FrameReader
from talkreel.media.probe import probe
from talkreel.pipeline.upscale import enlarged_frames
from talkreel.rendering.render import render
from talkreel.store.cache import StageCache

FEATURES, CONVOLUTIONS, BATCH, PATCH = 32, 8, 16, 40
# Lessons lie apart from the second that is measured, though of another clip they are anyway.
LESSON_SECONDS, LESSON_HZ = 12.0, 2.5
MEASURED_SECONDS = 1.0
UPLOAD_CRF = 26
FINE = Encoding("veryfast", 12, 96)
SMALL = f"scale={WIDTH // 2}:{HEIGHT // 2}:flags=area,fps={RATE}"
WHOLE = f"scale={WIDTH}:{HEIGHT}:flags=area,fps={RATE}"
Images = NDArray[np.uint8]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = os.environ.get("TALKREEL_MEDIA", str(ROOT.parent / "shared" / "media"))
    parser.add_argument("--media", type=Path, default=Path(default))
    parser.add_argument("--work", type=Path, default=ROOT / "out" / "bench" / "superres")
    parser.add_argument("--steps", type=int, default=1500)
    options = parser.parse_args()
    work: Path = options.work
    work.mkdir(parents=True, exist_ok=True)
    paths = {
        name: ROOT / "sample" / "talk.mp4" if name == "sample" else options.media / name
        for name, _ in CLIPS
    }
    lessons = {name: lesson(name, paths[name], work) for name in paths}
    print("| clip | source | by | PSNR dB | VMAF | seconds a frame |")
    print("|---|---|---|---|---|---|")
    for name, start in CLIPS:
        others = [lessons[other] for other in paths if other != name]
        path = work / f"{Path(name).stem}.safetensors"
        if not path.exists():
            began = time.perf_counter()
            save_file(taught(others, options.steps).state_dict(), path)
            print(f"{path.name} taught in {time.perf_counter() - began:.0f} s", file=sys.stderr)
        whole = make(paths[name], start, MEASURED_SECONDS, WHOLE, work / "whole.mp4")
        half = make(paths[name], start, MEASURED_SECONDS, SMALL, work / "half.mp4")
        upscale = Upscale(str(path), file_sha256(path), 2)
        measured(f"{Path(name).stem} | clean", whole, half, upscale, work)
        upload = compressed(half, work / "upload.mp4")
        measured(f"{Path(name).stem} | compressed", whole, upload, upscale, work)


def compressed(media: Media, target: Path) -> Media:
    run_ffmpeg(
        ["-i", media.uri, "-c:v", "libx264", "-crf", str(UPLOAD_CRF), str(target)],
        timeout_seconds=60,
    )
    return probe(target)


def lesson(name: str, path: Path, work: Path) -> tuple[Images, Images]:
    """[N, h, w, 3] frames at half size and [N, 2h, 2w, 3] at whole size."""
    start = dict(CLIPS)[name] + 3.0
    stem = Path(name).stem
    frames = []
    for filters, kind in ((SMALL, "half"), (WHOLE, "whole")):
        media = make(path, start, LESSON_SECONDS, filters, work / f"{stem}-{kind}-lesson.mp4")
        assert media.video is not None
        with FrameReader(media, width=media.video.width) as reader:
            found = reader.sample(media.span, LESSON_HZ)
            frames.append(np.stack([frame.image for frame in found]))
    count = min(map(len, frames))
    return frames[0][:count], frames[1][:count]


def taught(lessons: Sequence[tuple[Images, Images]], steps: int) -> nn.Module:
    """A network that learnt from pairs of frames, by mean absolute error."""
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    net = Compact(num_feat=FEATURES, num_conv=CONVOLUTIONS, upscale=2)
    # From the second step on it is better than repeating each pixel.
    nn.init.zeros_(net.body[-1].weight)
    nn.init.zeros_(net.body[-1].bias)
    chosen = torch.optim.Adam(net.parameters(), lr=1e-3)
    plan = torch.optim.lr_scheduler.CosineAnnealingLR(chosen, steps)
    for _ in range(steps):
        small, large = (torch.from_numpy(batch) for batch in patches(lessons, random))
        loss = nn.functional.l1_loss(net(small), large)
        chosen.zero_grad()
        loss.backward()
        chosen.step()
        plan.step()
    return net.eval()


def patches(
    lessons: Sequence[tuple[Images, Images]], random: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """[B, 3, P, P] and [B, 3, 2P, 2P] of 0..1, turned and mirrored at random."""
    pairs = []
    for _ in range(BATCH):
        small, large = lessons[int(random.integers(len(lessons)))]
        n = int(random.integers(len(small)))
        y, x = (int(random.integers(side - PATCH)) for side in small.shape[1:3])
        turns, mirrored = int(random.integers(4)), bool(random.integers(2))
        cut = [
            small[n, y : y + PATCH, x : x + PATCH],
            large[n, 2 * y : 2 * (y + PATCH), 2 * x : 2 * (x + PATCH)],
        ]
        pairs.append([np.rot90(c[:, ::-1] if mirrored else c, turns) for c in cut])
    first, second = (
        np.ascontiguousarray(np.stack(side).transpose(0, 3, 1, 2), dtype=np.float32) / 255
        for side in zip(*pairs, strict=True)
    )
    return first, second


def measured(name: str, whole: Media, half: Media, upscale: Upscale, work: Path) -> None:
    truth = delivered(whole, PictureChain(), work / "truth.mp4", work)
    ways = {
        "bicubic": PictureChain(),
        "Lanczos": PictureChain(lanczos=True),
        "network": PictureChain(upscale=upscale),
    }
    for way, chain in ways.items():
        began = time.perf_counter()
        made = delivered(half, chain, work / f"{way}.mp4", work)
        each = (time.perf_counter() - began) / (MEASURED_SECONDS * float(RATE))
        psnr, vmaf = compare(made, truth)
        print(f"| {name} | {way} | {psnr:.2f} | {vmaf:.1f} | {each:.2f} |", flush=True)


def delivered(media: Media, chain: PictureChain, out: Path, work: Path) -> Path:
    path = CropPath((CropKey(0.0, (0.0, 0.0, 1.0, 1.0)),))
    span = Span(0.0, int(media.duration * RATE + 1e-6) / float(RATE))
    edit = Edit(
        id="bench",
        title="Benchmark",
        media_uri=media.uri,
        media_digest=media.digest,
        kept=(span,),
        canvas=Canvas(WIDTH, HEIGHT, RATE),
        layouts=(Layout(span, LayoutKind.CROP, (path,)),),
        encoding=FINE,
        picture=chain,
    )
    enlarged = enlarged_frames(StageCache(work / "cache"), edit, media)
    render(edit, media, out, enlarged=enlarged)
    return out


if __name__ == "__main__":
    main()
