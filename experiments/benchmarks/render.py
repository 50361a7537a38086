"""What rendering costs against a bare ffmpeg run with the same spans and settings.

Usage: python -m experiments.benchmarks.render [--media DIR] [--work DIR] [--seconds 45]
       [--repeats 3] [--only NAME ...]

Both sides seek, trim, crop, scale and encode the same frames with the same x264 and AAC
settings. Rendering adds captions, the layout, two-pass loudness, the true-peak limiter and the
verification of the delivered file. Runs alternate, and the least time of each side counts, so
that other work on the machine weighs on both alike. Bar: 1.25.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from talkreel.core.edits import (
    Box,
    Canvas,
    CaptionCue,
    Captions,
    CaptionStyle,
    CaptionWord,
    CropKey,
    CropPath,
    Edit,
    Layout,
    LayoutKind,
    Motion,
)
from talkreel.core.media import Media
from talkreel.core.spans import Span
from talkreel.media.ffmpeg import input_options, run_ffmpeg
from talkreel.media.probe import probe
from talkreel.rendering.encoders import X264_THREADS
from talkreel.rendering.render import render

ROOT = Path(__file__).resolve().parents[2]
BAR = 1.25
RATE = Fraction(30)
CANVAS = Canvas(1080, 1920, RATE)
START = 20.0
TIMEOUT = 1800.0
WIDTH = 9 / 16 * 9 / 16  # share of a 16:9 picture that fills a 9:16 canvas
STYLE = CaptionStyle("bench", "Roboto Black", "Roboto-Black.ttf", 0.036, shadow=0.0012)


@dataclass(frozen=True)
class Case:
    """One comparison: an edit, and the picture filters of its bare counterpart."""

    name: str
    edit: Edit
    bare: str


@dataclass(frozen=True)
class Cost:
    """Wall and processor seconds of one run."""

    wall: float
    cpu: float


def main() -> None:
    """Run the cases and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = os.environ.get("TALKREEL_MEDIA", str(ROOT.parent / "shared" / "media"))
    parser.add_argument("--media", type=Path, default=Path(default))
    parser.add_argument("--work", type=Path, default=ROOT / "out" / "bench")
    parser.add_argument("--seconds", type=float, default=45.0)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=[])
    options = parser.parse_args()
    media = probe(make_source(options.media, options.work))
    print("| case | bare wall s | render wall s | wall ratio | cpu ratio | bar 1.25 |")
    print("|---|---|---|---|---|---|")
    for case in _cases(media, options.seconds):
        if options.only and case.name not in options.only:
            continue
        bare, ours = compare(case, media, options.work, options.repeats)
        wall, cpu = ours.wall / bare.wall, ours.cpu / bare.cpu
        met = "met" if wall <= BAR else "missed"
        print(
            f"| {case.name} | {bare.wall:.1f} | {ours.wall:.1f} | {wall:.2f} | {cpu:.2f} | {met} |"
        )


def make_source(media: Path, work: Path) -> Path:
    """A 1080p30 talk of two minutes, made when absent."""
    target = work / "render-source.mp4"
    if not target.exists():
        work.mkdir(parents=True, exist_ok=True)
        part = work / "render-source.part.mp4"
        talk = probe(media / "talk_podium.mp4")
        run_ffmpeg(
            [
                *("-stream_loop", "1", *input_options(talk), "-vf", "scale=1920:1080,fps=30"),
                *("-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-c:a", "aac", str(part)),
            ],
            timeout_seconds=TIMEOUT,
        )
        part.replace(target)
    return target


def _cases(media: Media, seconds: float) -> list[Case]:
    whole = (Span(START, START + seconds),)
    step, kept = seconds / 12, 0.8
    tight = tuple(
        Span(START + i * step, START + i * step + round(step * kept * 30) / 30) for i in range(12)
    )
    jumps = [CropKey(START + i * 6.0, _box(0.4 + 0.2 * (i % 2))) for i in range(8)]
    glide = []
    for i in range(5):
        glide.append(CropKey(START + i * 9.0, _box(0.42 + 0.16 * (i % 2))))
        glide.append(CropKey(START + i * 9.0 + 7.5, _box(0.42 + 0.16 * (i % 2))))
    crop = f"crop=608:1080:656:0,scale={CANVAS.width}:{CANVAS.height}"
    fit = "scale=1080:608,pad=1080:1920:0:656"
    full = CropPath((CropKey(START, (0.0, 0.0, 1.0, 1.0)),))
    return [
        Case("crop", _edit(media, whole, LayoutKind.CROP, CropPath(tuple(jumps))), crop),
        Case("crop tightened", _edit(media, tight, LayoutKind.CROP, CropPath(tuple(jumps))), crop),
        Case(
            "crop following",
            _edit(media, whole, LayoutKind.CROP, CropPath(tuple(glide), Motion.LINEAR)),
            crop,
        ),
        Case("fit", _edit(media, whole, LayoutKind.FIT, full), fit),
    ]


def _box(middle: float) -> Box:
    return (middle - WIDTH / 2, 0.0, middle + WIDTH / 2, 1.0)


def _edit(media: Media, kept: Sequence[Span], kind: LayoutKind, path: CropPath) -> Edit:
    hull = Span(kept[0].start, kept[-1].end)
    return Edit(
        id="bench",
        title="Benchmark",
        media_uri=media.uri,
        media_digest=media.digest,
        kept=tuple(kept),
        canvas=CANVAS,
        layouts=(Layout(hull, kind, (path,)),),
        captions=_captions(hull),
    )


def _captions(span: Span) -> Captions:
    """Two lines of three words, three words a second."""
    cues = []
    at = span.start
    while at + 2.0 <= span.end:
        words = [CaptionWord(f"word{i}", Span(at + i / 3, at + (i + 0.9) / 3)) for i in range(6)]
        cues.append(CaptionCue(Span(at, at + 2.0), (tuple(words[:3]), tuple(words[3:])), 0.66))
        at += 2.0
    return Captions(STYLE, tuple(cues))


def compare(case: Case, media: Media, work: Path, repeats: int) -> tuple[Cost, Cost]:
    """Least cost of the bare run and of ours, taken in turns."""
    bare, ours = [], []
    for _ in range(repeats):
        bare.append(_timed(lambda: _bare(case, media, work / "bare.mp4")))
        ours.append(_timed(lambda: render(case.edit, media, work / "render.mp4")))
    return _least(bare), _least(ours)


def _least(costs: Sequence[Cost]) -> Cost:
    return Cost(min(cost.wall for cost in costs), min(cost.cpu for cost in costs))


def _timed(run: Callable[[], object]) -> Cost:
    began, used = time.perf_counter(), _cpu()
    run()
    return Cost(time.perf_counter() - began, _cpu() - used)


def _cpu() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _bare(case: Case, media: Media, target: Path) -> None:
    """Seek, keep the spans, crop, scale, encode: nothing else."""
    assert media.video is not None
    assert media.audio is not None
    first, last = case.edit.kept[0].start, case.edit.kept[-1].end
    video, audio = case.bare, "anull"
    if len(case.edit.kept) > 1:
        wanted = "+".join(
            f"gte(t,{s.start - first:.6f})*lt(t,{s.end - first:.6f})" for s in case.edit.kept
        )
        video = f"select='{wanted}',setpts=N/{RATE}/TB,{video}"
        audio = f"aselect='{wanted}',asetpts=N/SR/TB"
    encoding = case.edit.encoding
    run_ffmpeg(
        [
            *("-t", f"{last - first:.6f}", *input_options(media, seek_seconds=first)),
            *("-map", f"0:{media.video.index}", "-map", f"0:{media.audio.index}"),
            *("-vf", video, "-af", audio, "-c:v", "libx264", "-preset", encoding.x264_preset),
            *("-crf", str(encoding.crf), "-threads:v", str(X264_THREADS), "-g", "60"),
            *("-c:a", "aac", "-b:a", f"{encoding.audio_bitrate_kbps}k", "-ar", "48000"),
            *("-movflags", "+faststart", str(target)),
        ],
        timeout_seconds=TIMEOUT,
    )


if __name__ == "__main__":
    main()
