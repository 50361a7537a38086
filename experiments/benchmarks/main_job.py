"""The main job on 10 and 60 minutes of 1080p30: wall, CPU and memory per stage, and the ratios.

    python -m experiments.benchmarks.main_job --work bench-out [--minutes 10 60]

Every ratio is against a baseline measured in the same run, because machines are noisy:

- realtime: length of the talk over wall time of the whole job;
- first clip: wall time until the first finished clip over that of the whole job;
- render: rendering clips over a bare ffmpeg trim, crop, scale and encode of the same spans with
  the same settings and crops, one after the other for each clip;
- restyle: a second run with another caption style over that same bare encode;
- pixels: CPU of everything that looks at pixels before rendering over CPU of one full decode;
- shots: PySceneDetect's AdaptiveDetector over the shot detector (shortest talk only).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import psutil

from experiments.benchmarks.long_talk import make_talk
from talkreel.core.edits import SCHEMA, Edit, LayoutKind
from talkreel.core.jsonio import load_json, read_document
from talkreel.core.media import VideoStream
from talkreel.core.spans import Span
from talkreel.media.ffmpeg import ffmpeg_path
from talkreel.media.probe import probe
from talkreel.pipeline.clip import make_clips
from talkreel.pipeline.options import ClipOptions
from talkreel.pipeline.progress import Event
from talkreel.store.cache import StageCache

ROOT = Path(__file__).resolve().parents[2]
CLIPS = {10: 8, 60: 10}
# Clips that are rendered once more beside the bare encode.
COMPARED_CLIPS = 4


@dataclass
class Usage:
    """What one command cost, by stage: wall and CPU seconds, peak memory in bytes."""

    wall: dict[str, float] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)
    peak: dict[str, float] = field(default_factory=dict)
    first_clip: float | None = None

    @property
    def total(self) -> float:
        return sum(self.wall.values())


class Sampler(threading.Thread):
    """Watches a process tree: memory as PSS (shared pages counted once), CPU with dead children."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.process = psutil.Process(pid)
        self.rows: list[tuple[float, float, float]] = []

    def run(self) -> None:
        while True:
            try:
                tree = [self.process, *self.process.children(recursive=True)]
                cpu = memory = 0.0
                for one in tree:
                    with one.oneshot():
                        times = one.cpu_times()
                        cpu += sum(times[:4])
                        memory += one.memory_full_info().pss
            except psutil.NoSuchProcess:
                if not self.process.is_running():
                    return
                continue
            self.rows.append((time.time(), cpu, memory))
            time.sleep(0.25)


def run_job(talk: Path, out: Path, cache: Path, clips: int, style: str) -> Usage:
    """One whole job in a process of its own."""
    events = out.with_suffix(".events.jsonl")
    events.unlink(missing_ok=True)
    module = "experiments.benchmarks.main_job"
    command = [sys.executable, "-m", module, "--job", talk, out, cache, clips, style, events]
    began = time.time()
    process = subprocess.Popen([str(part) for part in command], cwd=ROOT)
    sampler = Sampler(process.pid)
    sampler.start()
    if process.wait() != 0:
        raise SystemExit("the job failed")
    ended = time.time()
    rows = [json.loads(line) for line in events.read_text().splitlines()]
    return _by_stage(rows, sampler.rows, began, ended)


def _by_stage(
    events: list[dict], samples: list[tuple[float, float, float]], began: float, ended: float
) -> Usage:
    usage = Usage()
    marks = [(began, "start")]
    for event in events:
        if event["message"].startswith(("first clip", "clip 1:")) and usage.first_clip is None:
            usage.first_clip = event["time"] - began
        if event["stage"] != marks[-1][1]:
            marks.append((event["time"], event["stage"]))
    for (start, stage), (end, _) in zip(marks, [*marks[1:], (ended, "")], strict=True):
        usage.wall[stage] = usage.wall.get(stage, 0.0) + end - start
        inside = [row for row in samples if start <= row[0] < end]
        if inside:
            before = [row for row in samples if row[0] < start]
            spent = inside[-1][1] - (before[-1][1] if before else 0.0)
            usage.cpu[stage] = usage.cpu.get(stage, 0.0) + max(0.0, spent)
            usage.peak[stage] = max(usage.peak.get(stage, 0.0), max(row[2] for row in inside))
    return usage


def job_process(talk: str, out: str, cache: str, clips: str, style: str, events: str) -> None:
    """The child: runs the job and writes down when what happened."""
    with open(events, "w") as log:

        def watcher(event: Event) -> None:
            row = {"time": time.time(), "stage": event.stage, "message": event.message}
            log.write(json.dumps(row) + "\n")
            log.flush()

        options = ClipOptions(clips=int(clips), captions=style)
        make_clips(Path(talk), Path(out), options, cache=StageCache(Path(cache)), watcher=watcher)


def timed(command: list[str]) -> tuple[float, float]:
    """Wall and CPU seconds of a command."""
    before, began = os.times(), time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = os.times()
    cpu = after.children_user + after.children_system
    cpu -= before.children_user + before.children_system
    return time.monotonic() - began, cpu


def bare_crop(edit: Edit, video: VideoStream, start: float) -> str:
    """A plain ``crop`` that shows what the edit shows; the middle where it fits whole pictures.

    Another crop would be another cost: an empty wall encodes faster than a speaker.
    """
    canvas = edit.canvas
    aspect = Fraction(canvas.width, canvas.height)
    width = min(video.width, int(video.height * aspect)) // 2 * 2
    height = min(video.height, int(width / aspect)) // 2 * 2
    left = ""
    for layout in edit.layouts:
        x = (video.width - width) / 2
        if layout.kind is LayoutKind.CROP:
            box = layout.paths[0].keys[0].box
            x = min(max(0.0, box[0] * video.width), video.width - width)
        left += f"if(lt(t,{layout.span.end - start:.3f}),{round(x / 2) * 2},"
    left += str((video.width - width) // 4 * 2) + ")" * len(edit.layouts)
    return f"crop={width}:{height}:'{left}':0"


def bare_encode(edit: Edit, talk: Path, target: Path) -> float:
    """Wall seconds of trim, crop, scale and encode of one clip's spans, and nothing else."""
    canvas, media = edit.canvas, probe(talk)
    assert media.video is not None
    total = 0.0
    for span in edit.kept:
        crop = bare_crop(edit, media.video, span.start)
        wall, _ = timed(
            [
                *(ffmpeg_path(), "-nostdin", "-v", "error", "-y"),
                *("-ss", f"{span.start:.6f}", "-t", f"{span.duration:.6f}", "-i", str(talk)),
                *("-vf", f"{crop},scale={canvas.width}:{canvas.height}"),
                *("-c:v", "libx264", "-preset", edit.encoding.x264_preset),
                *("-crf", str(edit.encoding.crf), "-profile:v", "high", "-pix_fmt", "yuv420p"),
                *("-r", str(canvas.frame_rate), "-c:a", "aac", "-ar", "48000"),
                *("-b:a", f"{edit.encoding.audio_bitrate_kbps}k", "-movflags", "+faststart"),
                str(target),
            ]
        )
        total += wall
    return total


def compare_render(out: Path, talk: Path, work: Path) -> tuple[float, float]:
    """(bare seconds of all clips, ours over bare on the first few), clip by clip."""
    from talkreel.rendering.render import render

    media, ours, bare = probe(talk), 0.0, []
    for index, path in enumerate(sorted((out / "edits").glob("*.json"))):
        edit = read_document(Edit, load_json(path), SCHEMA)
        bare.append(bare_encode(edit, talk, work / "bare.mp4"))
        if index < COMPARED_CLIPS:
            began = time.monotonic()
            render(edit, media, work / "ours.mp4")
            ours += time.monotonic() - began
    return sum(bare), ours / sum(bare[:COMPARED_CLIPS])


def full_decode(talk: Path, minutes: int) -> tuple[float, float]:
    """Wall and CPU of decoding every picture; beyond ten minutes, ten minutes scaled up."""
    seconds = min(minutes, 10) * 60
    command = [ffmpeg_path(), "-nostdin", "-v", "error", "-t", str(seconds), "-i", str(talk)]
    wall, cpu = timed([*command, "-an", "-f", "null", "-"])
    return wall * minutes * 60 / seconds, cpu * minutes * 60 / seconds


def pixels(out: Path, talk: Path) -> float:
    """CPU seconds of everything that looked at pixels: shots of all, faces in the clips."""
    from talkreel.perceive.faces import FaceFinder
    from talkreel.perceive.shots import ShotDetector

    media = probe(talk)
    spans = [
        Span(clip["spans"][0]["start"], clip["spans"][-1]["end"])
        for clip in json.loads((out / "clips.json").read_text())["clips"]
    ]
    began = time.process_time()
    shots = ShotDetector()(media)
    FaceFinder()(media, spans, shots)
    return time.process_time() - began


def compare_shots(talk: Path) -> tuple[float, float]:
    """(PySceneDetect AdaptiveDetector, ours) wall seconds."""
    from scenedetect import AdaptiveDetector, detect

    from talkreel.perceive.shots import ShotDetector

    began = time.monotonic()
    detect(str(talk), AdaptiveDetector())
    theirs = time.monotonic() - began
    began = time.monotonic()
    ShotDetector()(probe(talk))
    return theirs, time.monotonic() - began


def bench(
    minutes: int, work: Path, media: Path, data: Path, *, shots: bool, render: bool
) -> dict[str, float]:
    """Measure one length; prints a table and returns the ratios."""
    talk = make_talk(minutes, media, data, work)
    out, cache = work / f"job-{minutes}", work / f"cache-{minutes}"
    for folder in (out, cache):
        shutil.rmtree(folder, ignore_errors=True)
    decode_wall, decode_cpu = full_decode(talk, minutes)
    job = run_job(talk, out, cache, CLIPS.get(minutes, 8), "bold")
    clips = len(json.loads((out / "clips.json").read_text())["clips"])

    print(f"\n## {minutes} minutes, {clips} clips\n")
    print("| stage | wall s | CPU s | peak MB |\n|---|---|---|---|")
    for stage, wall in job.wall.items():
        peak = job.peak.get(stage, 0.0) / 1e6
        print(f"| {stage} | {wall:.1f} | {job.cpu.get(stage, 0.0):.1f} | {peak:.0f} |")
    peak = max(job.peak.values())
    print(f"| whole | {job.total:.1f} | {sum(job.cpu.values()):.1f} | {peak / 1e6:.0f} |")
    print(f"\nfull decode {decode_wall:.1f} s wall, {decode_cpu:.1f} s CPU", flush=True)
    ratios = {
        "times realtime": minutes * 60 / job.total,
        "first clip / whole": (job.first_clip or job.total) / job.total,
        "peak memory GB": peak / 1e9,
        "pixels CPU / full decode CPU": pixels(out, talk) / decode_cpu,
    }
    if render:
        bare, ratios["render / bare encode"] = compare_render(out, talk, work)
        again = run_job(talk, out, cache, CLIPS.get(minutes, 8), "clean")
        ratios["restyle run / bare encode"] = again.total / bare
        print(f"bare encode {bare:.1f} s, restyle run {again.total:.1f} s", flush=True)
    if shots:
        theirs, mine = compare_shots(talk)
        ratios["PySceneDetect / shots"] = theirs / mine
    return ratios


def main() -> None:
    if sys.argv[1:2] == ["--job"]:
        job_process(*sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=ROOT / "bench-out")
    parser.add_argument("--minutes", type=int, nargs="+", default=[10, 60])
    shared = ROOT.parent / "shared"
    parser.add_argument(
        "--media", type=Path, default=Path(os.environ.get("TALKREEL_MEDIA", shared / "media"))
    )
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("TALKREEL_DATA", shared / "data"))
    )
    parser.add_argument(
        "--no-render", action="store_true", help="leave out the comparisons with a bare encode"
    )
    arguments = parser.parse_args()
    results = {
        minutes: bench(
            minutes,
            arguments.work,
            arguments.media,
            arguments.data,
            shots=minutes == min(arguments.minutes) and not arguments.no_render,
            render=not arguments.no_render,
        )
        for minutes in arguments.minutes
    }
    names = list(dict.fromkeys(name for ratios in results.values() for name in ratios))
    print("\n| ratio | " + " | ".join(f"{m} min" for m in results) + " |")
    print("|---" * (len(results) + 1) + "|")
    for name in names:
        cells = (f"{ratios[name]:.2f}" if name in ratios else "" for ratios in results.values())
        print(f"| {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
