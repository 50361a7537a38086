"""What mending the picture gains against the clean original, feature by feature.

Usage: python -m experiments.benchmarks.craft.picture [--media DIR] [--work DIR] [--seconds 3]

Clean clips are damaged (noise, softness, a shot of other exposure and colour, shake), measured
and decided on as the command does, and rendered. PSNR and VMAF of the delivered files are
against the clean clip rendered by the same edit. Whole-clip rows: the damage must be found and
mended with a gain; clean rows: nothing may be found.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np

from talkreel.core.edits import Canvas, CropKey, CropPath, Edit, Encoding, Layout, LayoutKind
from talkreel.core.media import Media
from talkreel.core.picture import PictureChain
from talkreel.core.spans import Span
from talkreel.edit.picture import LEAST_SHAKE, denoising, match_shots, sharpening
from talkreel.media.ffmpeg import run_ffmpeg
from talkreel.media.frames import FrameReader
from talkreel.media.probe import probe
from talkreel.perceive.picture import picture_facts, shot_looks
from talkreel.rendering.render import render

ROOT = Path(__file__).resolve().parents[3]
RATE = Fraction(25)
WIDTH, HEIGHT = 640, 360
FINE = Encoding("veryfast", 12, 96)
DAMAGE = {
    "clean": "null",
    "noise 4": "noise=alls=6:allf=t:all_seed=7",
    "noise 8": "noise=alls=12:allf=t:all_seed=7",
    "noise 16": "noise=alls=24:allf=t:all_seed=7",
    "soft 1.0": "gblur=sigma=1.0",
    "soft 1.5": "gblur=sigma=1.5",
    "shake": None,
}
CLIPS = (("sample", 2.0), ("talk_podium.mp4", 5.0), ("visualvoice_interview.mp4", 3.0))
GAINS = "colorchannelmixer=rr=1.14:gg=0.98:bb=0.84"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = os.environ.get("TALKREEL_MEDIA", str(ROOT.parent / "shared" / "media"))
    parser.add_argument("--media", type=Path, default=Path(default))
    parser.add_argument("--work", type=Path, default=ROOT / "out" / "bench" / "picture")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--only", nargs="*", default=[])
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    print(
        "| clip | damage | noise | softness | shake % | chain | PSNR dB damaged | mended "
        "| VMAF damaged | mended |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name, start in CLIPS:
        path = ROOT / "sample" / "talk.mp4" if name == "sample" else options.media / name
        for damage in DAMAGE:
            if not options.only or damage in options.only:
                one_shot(name, path, start, damage, options.seconds, options.work)
        if not options.only or "enlarged" in options.only:
            enlarged(name, path, start, options.work)
    if not options.only or "exposure" in options.only:
        for name, start in CLIPS:
            path = ROOT / "sample" / "talk.mp4" if name == "sample" else options.media / name
            three_shots(name, path, start, options.seconds, options.work)


def one_shot(name: str, path: Path, start: float, damage: str, seconds: float, work: Path) -> None:
    stem = f"{Path(name).stem}-{damage.replace(' ', '')}"
    small = f"scale={WIDTH}:{HEIGHT}:flags=area,fps={RATE}"
    if damage == "shake":
        # A camera that trembles: a window that wanders by some pixels in a larger picture.
        wide = f"scale={WIDTH + 32}:{HEIGHT + 18}:flags=area,fps={RATE}"
        small = f"{wide},crop={WIDTH}:{HEIGHT}:16:9"
        way = "16+6*sin(n*2.1)+4*sin(n*0.9)"
        harm = f"{wide},crop={WIDTH}:{HEIGHT}:'{way}':'9+4*sin(n*1.7)+3*sin(n*2.9)'"
    else:
        harm = f"{small},{DAMAGE[damage]}"
    clean = make(path, start, seconds, small, work / f"{stem}-clean.mp4")
    damaged = make(path, start, seconds, harm, work / f"{stem}.mp4")
    facts = picture_facts(damaged, damaged.span)
    chain = PictureChain(
        denoise=denoising(facts.noise),
        sharpen=sharpening(facts.blur, facts.noise),
        steady=facts.shake >= LEAST_SHAKE,
    )
    told = f"{facts.noise:.1f} | {facts.blur:.2f} | {100 * facts.shake:.2f}"
    if damage == "shake":
        steadied(name, clean, damaged, chain, work)
    else:
        report(name, damage, told, clean, damaged, chain, work)


def steadied(name: str, clean: Media, damaged: Media, chain: PictureChain, work: Path) -> None:
    """Shake has no original to compare with pixel by pixel: how alike neighbours are, and jitter.

    The PSNR of neighbouring frames is the interframe transformation fidelity of the field.
    """
    told = []
    for media, mended in ((clean, PictureChain()), (damaged, PictureChain()), (damaged, chain)):
        made = probe(rendered(media, mended, work / "steady.mp4"))
        with FrameReader(made, width=WIDTH, gray=True) as reader:
            frames = [frame.image.astype(float) for frame in reader.every(made.span)]
        errors = [float(np.square(b - a).mean()) for a, b in pairwise(frames)]
        alike = float(np.mean([10 * np.log10(255**2 / max(error, 0.1)) for error in errors]))
        told.append(f"{alike:.1f} dB, {100 * picture_facts(made, made.span).shake:.2f} %")
    print(
        f"| {Path(name).stem} | shake | neighbours alike, jitter of the width: clean {told[0]}; "
        f"damaged {told[1]}; {'steadied' if chain.steady else 'left'} {told[2]} |",
        flush=True,
    )


def enlarged(name: str, path: Path, start: float, work: Path) -> None:
    """A clip shown at twice its size, against the same clip that had that size."""
    small = f"scale={WIDTH // 2}:{HEIGHT // 2}:flags=area,fps={RATE}"
    half = make(path, start, 1.0, small, work / "half.mp4")
    whole = make(path, start, 1.0, f"scale={WIDTH}:{HEIGHT}:flags=area,fps={RATE}", work / "w.mp4")
    report(name, "half size", "- | - | -", whole, half, PictureChain(lanczos=True), work)


def three_shots(name: str, path: Path, start: float, seconds: float, work: Path) -> None:
    """A shot, another place, the first place again in other light."""
    stem = Path(name).stem
    small = f"scale={WIDTH}:{HEIGHT}:flags=area,fps={RATE}"
    other = path.parent / "asd_dev_easy.mp4"
    if name == "sample":
        other, elsewhere = path, 37.0
    else:
        elsewhere = 4.0
    parts = [
        make(path, start, seconds, small, work / f"{stem}-1.mp4"),
        make(other, elsewhere, 1.0, small, work / f"{stem}-2.mp4"),
    ]
    again = start + seconds
    light = make(path, again, 2.0, small, work / f"{stem}-3.mp4")
    dim = make(path, again, 2.0, f"{small},{GAINS}", work / f"{stem}-4.mp4")
    clean = chained([*parts, light], work / f"{stem}-shots-clean.mp4")
    damaged = chained([*parts, dim], work / f"{stem}-shots.mp4")
    cuts = [0.0, seconds, seconds + 1.0, seconds + 3.0]
    for kind, media in (("no exposure shift", clean), ("exposure", damaged)):
        shots = [Span(a, b) for a, b in pairwise(cuts)]
        grades = match_shots(shots, shot_looks(media, shots))
        report(name, kind, "- | - | -", clean, media, PictureChain(grades=grades), work)


def report(
    name: str, damage: str, told: str, clean: Media, damaged: Media, chain: PictureChain, work: Path
) -> None:
    truth = rendered(clean, PictureChain(), work / "truth.mp4")
    before = compare(rendered(damaged, PictureChain(), work / "before.mp4"), truth)
    nothing = chain == PictureChain()
    after = before if nothing else compare(rendered(damaged, chain, work / "after.mp4"), truth)
    parts = [f"denoise {chain.denoise}"] * bool(chain.denoise)
    parts += [f"sharpen {chain.sharpen}"] * bool(chain.sharpen)
    parts += [f"gains {'/'.join(map(str, grade.gains))}" for grade in chain.grades]
    parts += ["steady"] * chain.steady + ["lanczos"] * chain.lanczos
    print(
        f"| {Path(name).stem} | {damage} | {told} | {', '.join(parts) or 'left'} | "
        f"{before[0]:.2f} | {after[0]:.2f} | {before[1]:.1f} | {after[1]:.1f} |",
        flush=True,
    )


def make(path: Path, start: float, seconds: float, filters: str, target: Path) -> Media:
    run_ffmpeg(
        [
            *("-ss", str(start), "-t", str(seconds), "-i", str(path), "-vf", filters, "-an"),
            *("-c:v", "libx264", "-preset", "veryfast", "-crf", "8", "-pix_fmt", "yuv420p"),
            *("-colorspace", "bt709", str(target)),
        ],
        timeout_seconds=300,
    )
    return probe(target)


def chained(parts: Sequence[Media], target: Path) -> Media:
    inputs = [argument for part in parts for argument in ("-i", part.uri)]
    labels = "".join(f"[{i}:v]" for i in range(len(parts)))
    run_ffmpeg(
        [
            *inputs,
            "-filter_complex",
            f"{labels}concat=n={len(parts)}:v=1[v]",
            "-map",
            "[v]",
            *("-c:v", "libx264", "-preset", "veryfast", "-crf", "8", str(target)),
        ],
        timeout_seconds=300,
    )
    return probe(target)


def rendered(media: Media, chain: PictureChain, out: Path) -> Path:
    path = CropPath((CropKey(0.0, (0.0, 0.0, 1.0, 1.0)),))
    frames = int(media.duration * RATE + 1e-6)
    span = Span(0.0, frames / float(RATE))
    edit = Edit(
        id="bench",
        title="Benchmark",
        media_uri=media.uri,
        media_digest=media.digest,
        kept=(span,),
        canvas=Canvas(WIDTH, HEIGHT, RATE),
        layouts=(Layout(span, LayoutKind.CROP, (path,)),),
        encoding=FINE,
    )
    render(replace(edit, picture=chain), media, out)
    return out


def compare(path: Path, truth: Path) -> tuple[float, float]:
    """PSNR (dB, all planes) and VMAF of ``path`` against ``truth``."""
    log = run_ffmpeg(
        [
            *("-i", str(path), "-i", str(truth), "-filter_complex"),
            "[0:v]split[a][b];[1:v]split[c][d];[a][c]psnr[x];[b][d]libvmaf=n_threads=2[y]",
            *("-map", "[x]", "-map", "[y]", "-f", "null", "-"),
        ],
        timeout_seconds=600,
    ).stderr
    psnr = re.search(r"PSNR .*average:([\d.]+|inf)", log)
    vmaf = re.search(r"VMAF score: ([\d.]+)", log)
    assert psnr
    assert vmaf
    return min(99.0, float(psnr[1])), float(vmaf[1])


if __name__ == "__main__":
    main()
