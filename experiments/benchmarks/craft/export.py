"""Delivery files and timelines, read back: ``python -m experiments.benchmarks.craft.export``.

Every figure is measured on the files that were written: by PyAV for streams, by ebur128 for
sound, by numpy for colours. The rows of the tone map carry their floor: the same picture without
any tone map. melt (Debian's package) renders the MLT timelines.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import tempfile
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from talkreel.core.edits import (
    Canvas,
    CaptionCue,
    Captions,
    CaptionWord,
    CropKey,
    CropPath,
    Edit,
    Layout,
    LayoutKind,
)
from talkreel.core.exports import SCHEMA, ExportReport
from talkreel.core.jsonio import load_json, read_document
from talkreel.core.media import Colour, Media
from talkreel.core.spans import Span
from talkreel.edit.delivery import delivery_presets
from talkreel.edit.styles import find_style
from talkreel.media.ffmpeg import run_ffmpeg
from talkreel.media.frames import FrameReader
from talkreel.media.hdr import read_light_levels
from talkreel.media.probe import probe
from talkreel.pipeline.export import export_clip
from talkreel.pipeline.handoff import conformed
from talkreel.rendering.delta_e import ciede2000, to_lab
from talkreel.rendering.render import render
from talkreel.rendering.timeline.build import build_timeline, why_conform
from talkreel.rendering.timeline.mlt import to_mlt
from talkreel.rendering.tonemap import hlg_to_nits, pq_to_nits, to_sdr
from talkreel.store.cache import StageCache

BITS, WIDTH, HEIGHT = 10, 320, 180
LARGE = ("4k", "8k", "4k-hdr", "8k-hdr")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--media", type=Path, required=True, help="folder with edge/hdr10_pq.mp4")
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--large", action="store_true", help="also 4K and 8K, with their memory")
    parser.add_argument("--long-side", type=int, default=1920)
    arguments = parser.parse_args()
    edge = arguments.media / "edge"
    sources = [arguments.media / "talk_podium.mp4", edge / "hdr10_pq.mp4", edge / "hlg_10bit.mp4"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        presets(sources, arguments.seconds, arguments.long_side, folder)
        frames(folder)
        if arguments.large:
            large(sources[1], folder)
    tone_maps()


def presets(sources: list[Path], seconds: float, long_side: int, folder: Path) -> None:
    print("source | preset | codec | pixels | colour | size | fps | kbit/s | LUFS | dBTP | light")
    print("--|--|--|--|--|--|--|--|--|--|--", "| caption cd/m2 | ΔE00 mean / p95 | s | conforms")
    names = [name for name in delivery_presets() if name not in LARGE]
    for source in sources:
        media = probe(source)
        edit = talking(media, seconds, long_side)
        for name in names:
            began = time.monotonic()
            cache = StageCache(folder / "cache")
            made = export_clip(cache, edit, media, [name], folder / source.stem)
            took = time.monotonic() - began
            report = read_document(ExportReport, load_json(made.files[-1]), SCHEMA)
            if not report.files:
                print(f"{source.stem} | {name} | {made.notes[0].text}")
                continue
            row(source.stem, name, report, folder, took)
            made.files[0].unlink()
            shutil.rmtree(folder / "cache")


def row(source: str, name: str, report: ExportReport, folder: Path, took: float) -> None:
    file = report.files[0]
    path = folder / file.file
    light = read_light_levels(probe(path)) if file.width else None
    told = f"{light.max_cll}/{light.max_fall}" if light else "-"
    error = file.colour_error
    delta = f"{error.mean:.2f} / {error.p95:.2f}" if error else "-"
    nits = f"{caption_nits(path, file.colour):.0f}" if file.colour in ("hdr10", "hlg") else "-"
    sound = [
        f"{v:.1f}" if v is not None else "-" for v in (file.integrated_lufs, file.true_peak_dbtp)
    ]
    fps = float(Fraction(file.frame_rate)) if file.frames else 0.0
    cells = [source, name, file.codec, file.pixel_format, file.colour]
    cells += [f"{file.width}x{file.height}", f"{fps:.3f}", f"{file.kbps:.0f}", *sound, told]
    cells += [nits, delta, f"{took:.1f}", "; ".join(file.problems) or "yes"]
    print(" | ".join(cells), flush=True)


def talking(media: Media, seconds: float, long_side: int) -> Edit:
    """A portrait crop with two white caption words over a dark plate."""
    assert media.video is not None
    video = media.video
    rate = video.frame_rate.limit_denominator(1001)
    span = Span(0.0, int(seconds * rate) / float(rate))
    across = video.height * 9 / 16 / video.width
    crop = CropPath((CropKey(0.0, (0.5 - across / 2, 0.0, 0.5 + across / 2, 1.0)),))
    words = (CaptionWord("lit", Span(0.0, 0.01)), CaptionWord("MMMM", span))
    style = replace(find_style("bold"), active_colour="#FFFFFF", plate_colour="#000000")
    return Edit(
        id="bench",
        title="bench",
        media_uri=media.uri,
        media_digest=media.digest,
        kept=(span,),
        canvas=Canvas(2 * round(long_side * 9 / 32), long_side, rate),
        layouts=(Layout(span, LayoutKind.CROP, (crop,)),),
        captions=Captions(style, (CaptionCue(span, (words,), 0.6),)),
    )


def caption_nits(path: Path, colour: str) -> float:
    """Brightness of the captions' white, over its plate."""
    media = probe(path)
    assert media.video is not None
    width, height = media.video.width, media.video.height
    raw = path.with_suffix(".raw")
    look = "select=eq(n\\,5),scale=in_color_matrix=bt2020nc:flags=accurate_rnd,format=gbrp16le"
    arguments = ["-i", str(path), "-vf", look, "-frames:v", "1", "-f", "rawvideo", str(raw)]
    run_ffmpeg(arguments, timeout_seconds=120)
    code = np.fromfile(raw, dtype="<u2").reshape(3, height, width)[[2, 0, 1]] / 65535
    raw.unlink()
    code = code.transpose(1, 2, 0)[round(0.605 * height) : round(0.64 * height)]
    code = code[:, round(0.3 * width) : round(0.7 * width)]
    nits = pq_to_nits(code) if colour == "hdr10" else hlg_to_nits(code)
    whites = nits.min(axis=-1)
    return float(np.median(whites[whites > 0.95 * np.percentile(whites, 99)]))


def frames(folder: Path) -> None:
    """Frame numbers that melt shows of our timeline against those that we render."""
    print("\nrate | source | frames | same frame | same cut points")
    print("--|--|--|--|--")
    for rate, holes in (("24000/1001", ""), ("30000/1001", ""), ("60000/1001", ""), ("30", "yes")):
        media = numbered(folder, rate, uneven=bool(holes))
        step = float(1 / Fraction(rate))
        spans = (Span(1.03, 2.21), Span(3.5, 4.017), Span(5.2, 6.0))
        whole = int(sum(span.duration for span in spans) / step) * step
        over = sum(span.duration for span in spans) - whole
        kept = (*spans[:-1], Span(spans[-1].start, spans[-1].end - over))
        hull = Span(kept[0].start, kept[-1].end)
        full = CropPath((CropKey(0.0, (0.0, 0.0, 1.0, 1.0)),))
        edit = Edit(
            id="n",
            title="n",
            media_uri=media.uri,
            media_digest=media.digest,
            kept=kept,
            canvas=Canvas(WIDTH, HEIGHT, Fraction(rate)),
            layouts=(Layout(hull, LayoutKind.CROP, (full,)),),
        )
        ours, link = folder / "ours.mp4", None
        render(edit, media, ours)
        reason = why_conform(edit, media)
        if reason:
            copy = folder / "copy.mov"
            render(conformed(edit, media), media, copy)
            link = probe(copy)
        line = build_timeline(edit, media, link)
        (folder / "clip.mlt").write_text(to_mlt(line), encoding="utf-8")
        melted = folder / "melt.mkv"
        consumer = [f"avformat:{melted}", "vcodec=ffv1", "acodec=pcm_s16le", "real_time=-1"]
        subprocess.run(
            ["melt", str(folder / "clip.mlt"), "-consumer", *consumer],
            check=True,
            capture_output=True,
        )
        first, second = numbers(ours), numbers(melted)
        same = int((first == second).sum()) if len(first) == len(second) else -1
        jumps = [np.flatnonzero(np.diff(found) > 5).tolist() for found in (first, second)]
        kind = f"copy, because {reason}" if reason else "linked"
        cuts = "yes" if jumps[0] == jumps[1] else "no"
        print(f"{rate} | {kind} | {len(first)} | {same} | {cuts}", flush=True)


def numbered(folder: Path, rate: str, *, uneven: bool) -> Media:
    """Seven seconds whose pictures carry their numbers as bars."""
    count = round(7 * Fraction(rate))
    bits = np.arange(count)[:, None] >> np.arange(BITS) & 1
    bars = np.repeat(16 + 219 * bits, WIDTH // BITS, axis=1).astype(np.uint8)
    raw, path = folder / "n.yuv", folder / f"n{rate.replace('/', '_')}{uneven}.mp4"
    with raw.open("wb") as file:
        for bar in bars:
            luma = np.full((HEIGHT, WIDTH), 90, dtype=np.uint8)
            luma[: HEIGHT // 2] = bar
            file.write(luma.tobytes() + bytes([128]) * (HEIGHT * WIDTH // 2))
    holes = ["-vf", "select='mod(n,3)*mod(n,7)'", "-fps_mode", "vfr"] if uneven else []
    run_ffmpeg(
        [
            *("-f", "rawvideo", "-pixel_format", "yuv420p", "-framerate", rate),
            *("-video_size", f"{WIDTH}x{HEIGHT}", "-i", str(raw)),
            *("-f", "lavfi", "-i", "sine=997:r=48000:d=7", *holes, "-c:v", "libx264"),
            *("-preset", "ultrafast", "-crf", "16", "-g", "60", "-c:a", "aac", str(path)),
        ],
        timeout_seconds=120,
    )
    return probe(path)


def numbers(path: Path) -> np.ndarray:
    media = probe(path)
    with FrameReader(media, width=WIDTH, gray=True) as reader:
        images = np.stack([frame.image for frame in reader.every(media.span)])
    middles = (np.arange(BITS) * WIDTH // BITS) + WIDTH // (2 * BITS)
    bits = images[:, HEIGHT // 4, :][:, middles] > 125
    return np.asarray((bits * (1 << np.arange(BITS))).sum(axis=1))


def tone_maps() -> None:
    """Our BT.2390 against BT.2446 method A and against no tone map, on patches of all colours."""
    print("\npatches | other | ΔE00 mean | p95")
    print("--|--|--|--")
    grid = np.stack(np.meshgrid(*[np.linspace(0, 1, 17)] * 3, indexing="ij"), -1).reshape(-1, 3)
    for colour, name in ((Colour.HDR10, "PQ to 1000 cd/m2"), (Colour.HLG, "HLG")):
        nits = pq_to_nits(grid) if colour is Colour.HDR10 else hlg_to_nits(grid)
        inside = grid[nits.max(axis=-1) <= 1000]
        ours = to_lab(to_sdr(inside, colour, 1000.0))
        light = pq_to_nits(inside) if colour is Colour.HDR10 else hlg_to_nits(inside)
        for other, shown in (
            ("BT.2446 A", bt2446a(light)),
            ("floor: clipped at 203", clipped(light)),
        ):
            found = ciede2000(ours, to_lab(shown))
            print(f"{name} | {other} | {found.mean():.2f} | {np.percentile(found, 95):.2f}")


_TO_709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]
)


def clipped(nits: np.ndarray) -> np.ndarray:
    linear = np.clip(nits / 203 @ _TO_709.T, 0, 1)
    return np.asarray(linear ** (1 / 2.4))


def bt2446a(nits: np.ndarray) -> np.ndarray:
    """ITU-R BT.2446-1 method A for a peak of 1000 cd/m2 on a display of 100."""
    rgb = np.clip(nits / 1000, 0, 1) ** (1 / 2.4)
    luma = rgb @ np.array([0.2627, 0.6780, 0.0593])
    hdr = 1 + 32 * (1000 / 10_000) ** (1 / 2.4)
    sdr = 1 + 32 * (100 / 10_000) ** (1 / 2.4)
    yp = np.log(1 + (hdr - 1) * luma) / np.log(hdr)
    yc = np.where(
        yp <= 0.7399,
        1.0770 * yp,
        np.where(yp < 0.9909, -1.1510 * yp**2 + 2.7811 * yp - 0.6302, 0.5 * yp + 0.5),
    )
    shown = (sdr**yc - 1) / (sdr - 1)
    scale = shown / (1.1 * np.maximum(luma, 1e-9))
    cb = scale * (rgb[..., 2] - luma) / 1.8814
    cr = scale * (rgb[..., 0] - luma) / 1.4746
    luma2 = shown - np.maximum(0.1 * cr, 0)
    red, blue = luma2 + 1.4746 * cr, luma2 + 1.8814 * cb
    green = (luma2 - 0.2627 * red - 0.0593 * blue) / 0.6780
    linear = np.clip(np.stack([red, green, blue], -1), 0, 1) ** 2.4
    return np.asarray(np.clip(linear @ _TO_709.T, 0, 1) ** (1 / 2.4))


def large(source: Path, folder: Path) -> None:
    """4K and 8K, with the most memory that a process of theirs took."""
    print("\nsource | preset | size | colour | MB of memory | s | conforms")
    print("--|--|--|--|--|--|--")
    media = probe(source)
    for name in ("4k-hdr", "8k-hdr"):
        edit = talking(media, 0.3, 1920)
        began = time.monotonic()
        made = export_clip(StageCache(folder / "cache"), edit, media, [name], folder / "large")
        report = read_document(ExportReport, load_json(made.files[-1]), SCHEMA)
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        took = f"{memory:.0f} | {time.monotonic() - began:.1f}"
        if not report.files:
            print(f"{source.stem} | {name} | {made.notes[0].text} | {took}", flush=True)
            continue
        file = report.files[0]
        size, fits = f"{file.width}x{file.height}", "; ".join(file.problems) or "yes"
        print(f"{source.stem} | {name} | {size} | {file.colour} | {took} | {fits}", flush=True)


if __name__ == "__main__":
    main()
