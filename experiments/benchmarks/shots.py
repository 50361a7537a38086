"""Shot detection against PySceneDetect's AdaptiveDetector: F1 at one frame, speed, frames read.

    python -m experiments.benchmarks.shots --media ../shared/media [--work bench-out] [--skip-talk]

One run prints everything: first the real files with known cuts, then the synthetic films (made
when absent), then wall and CPU time on 10-minute 1080p talks (made when absent). A cut counts as
found within one frame; a dissolve or fade when one change lies inside it. ``cuts`` judges cuts
alone (what lies inside a dissolve or fade counts neither way), ``all`` judges everything.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from experiments.benchmarks.synthetic_shots import make
from talkreel.core.media import Media
from talkreel.media.ffmpeg import ffmpeg_path
from talkreel.media.frames import packet_index
from talkreel.media.probe import probe
from talkreel.perceive.shots import ShotDetector

# Pieces of the real media without a cut inside: file, from second, for frames at 25 a second.
TALK = (
    ("talk_podium.mp4", 2.0, 400),
    ("avobjects_trump_biden_debate.mp4", 1.0, 340),
    ("talk_podium.mp4", 18.0, 460),
    ("csci576_interview.mp4", 0.1, 95),
    ("csci576_interview.mp4", 6.9, 110),
    ("csci576_interview.mp4", 11.7, 175),
    ("avobjects_trump_biden_debate.mp4", 15.0, 340),
    ("talk_podium.mp4", 36.0, 550),
    ("visualvoice_interview.mp4", 1.0, 310),
    ("asd_dev_easy.mp4", 0.5, 180),
    ("talk_podium.mp4", 6.0, 480),
    ("avobjects_trump_biden_debate.mp4", 8.0, 310),
)
TALK_CODECS = {
    "scenecut": ["-preset", "veryfast"],
    "2s-gop": ["-preset", "veryfast", "-g", "50", "-sc_threshold", "0"],
    "10s-gop": ["-preset", "veryfast", "-g", "250", "-sc_threshold", "0"],
}
TALK_SECONDS = 600


@dataclass(frozen=True)
class Truth:
    """Seconds of cuts, begin and end of gradual changes, and spans that count neither way."""

    cuts: tuple[float, ...]
    gradual: tuple[tuple[float, float], ...] = ()
    ignore: tuple[tuple[float, float], ...] = ()


@dataclass
class Score:
    """Counts that add up."""

    hits: int = 0
    found: int = 0
    true: int = 0

    def add(self, other: Score) -> None:
        """Count ``other`` too."""
        self.hits += other.hits
        self.found += other.found
        self.true += other.true

    def __str__(self) -> str:
        precision = self.hits / self.found if self.found else 1.0
        recall = self.hits / self.true if self.true else 1.0
        f1 = 2 * self.hits / (self.found + self.true) if self.found + self.true else 1.0
        return f"{f1:5.3f} ({precision:4.2f} {recall:4.2f})"


@dataclass
class Result:
    """What one detector found and what that cost."""

    times: list[float]
    wall: float
    cpu: float
    share: float = 1.0


@dataclass
class Table:
    """Sums over files, per detector."""

    cuts: dict[str, Score] = field(default_factory=dict)
    every: dict[str, Score] = field(default_factory=dict)


def judge(times: Sequence[float], truth: Truth, frame: float, cuts_only: bool) -> Score:
    """Match changes to the truth one to one, nearest first."""
    slack = 1.02 * frame + 1e-3
    spans = [(a, b) for a, b in truth.ignore]
    targets = [(t - slack, t + slack) for t in truth.cuts]
    gradual = [(a - slack, b + slack) for a, b in truth.gradual]
    if cuts_only:
        spans += gradual
    else:
        targets += gradual
    near_cut = [t for t in times if any(a <= t <= b for a, b in targets)]
    left = [t for t in times if t in near_cut or not any(a <= t <= b for a, b in spans)]
    hits, found = 0, len(left)
    for low, high in sorted(targets):
        match = next((t for t in left if low <= t <= high), None)
        if match is not None:
            left.remove(match)
            hits += 1
    return Score(hits, found, len(targets))


def timed(work: Callable[[], tuple[list[float], float]]) -> Result:
    """Run once; CPU time of all threads."""
    wall, cpu = time.perf_counter(), time.process_time()
    times, share = work()
    return Result(times, time.perf_counter() - wall, time.process_time() - cpu, share)


def ours(path: Path) -> Callable[[], tuple[list[float], float]]:
    """Probing included."""

    def run() -> tuple[list[float], float]:
        report = ShotDetector().report(probe(path))
        return [shot.span.start for shot in report.shots[1:]], report.decoded / report.frames

    return run


def adaptive(path: Path, tuned: bool) -> Callable[[], tuple[list[float], float]]:
    """PySceneDetect with its defaults, or with threshold 3.5, window 3, shortest scene 0.6 s."""

    def run() -> tuple[list[float], float]:
        from scenedetect import AdaptiveDetector, detect, open_video

        options: dict[str, float] = {}
        if tuned:
            frames = round(0.6 * open_video(str(path)).frame_rate)
            options = {"adaptive_threshold": 3.5, "window_width": 3, "min_scene_len": frames}
        scenes = detect(str(path), AdaptiveDetector(**options))
        return [start.get_seconds() for start, _ in scenes[1:]], 1.0

    return run


def compare(path: Path, truth: Truth, table: Table) -> None:
    """Print one row and add it to the sums."""
    media = probe(path)
    assert media.video is not None
    frame = 1 / float(media.video.frame_rate)
    detectors = {
        "ours": ours(path),
        "adaptive": adaptive(path, tuned=False),
        "tuned": adaptive(path, tuned=True),
    }
    cells, share = [], 0.0
    for name, work in detectors.items():
        result = timed(work)
        share = result.share if name == "ours" else share
        cuts = judge(result.times, truth, frame, cuts_only=True)
        every = judge(result.times, truth, frame, cuts_only=False)
        table.cuts.setdefault(name, Score()).add(cuts)
        table.every.setdefault(name, Score()).add(every)
        cells.append(str(every))
    count = len(truth.cuts) + len(truth.gradual)
    print(f"{path.name:38s} {count:4d}  " + "  ".join(cells) + f"  {share:6.2f}", flush=True)


def print_sums(table: Table, title: str) -> None:
    """The last rows of a table."""
    for label, scores in (("cuts", table.cuts), ("all", table.every)):
        cells = "  ".join(str(scores[name]) for name in ("ours", "adaptive", "tuned"))
        print(f"{title + ', ' + label:38s} {scores['ours'].true:4d}  {cells}")


def head(title: str) -> None:
    """The first rows of a table."""
    print(f"\n{title}: F1 (precision recall)")
    names = "  ".join(f"{name:17s}" for name in ("ours", "adaptive", "tuned 3.5/3/.6"))
    print(f"{'file':38s} {'n':>4s}  {names}  decoded")


# Truth --------------------------------------------------------------------------------------


def real_truth(media: Path) -> dict[str, Truth]:
    """What is known of the real files."""
    known = json.loads((media / "truth" / "cuts.json").read_text())
    out: dict[str, Truth] = {}
    for name, entry in known.items():
        if not name.startswith("_") and "seconds" in entry:
            spans = tuple((a, b) for a, b in entry.get("ignore", ()))
            out[name] = Truth(tuple(entry["seconds"]), ignore=spans)
    out["talk_podium.mp4"] = Truth(())
    for name in ("medley_dev", "asd_dev_easy", "asd_dev_hard"):
        entry = json.loads((media / "truth" / f"{name}.json").read_text())
        out[f"{name}.mp4"] = Truth(tuple(float(t) for t in entry["cuts_seconds"]))
    # Seen by eye: hard cuts to and from black, then fades and a dissolve in these spans.
    rate = 30000 / 1001
    hard = tuple(f / rate for f in known["psd_testvideo.mp4"]["frames_hard"])
    soft = tuple((a / rate, b / rate) for a, b in ((198, 241), (333, 424), (528, 558)))
    out["psd_testvideo.mp4"] = Truth(hard, soft, ((660 / rate, 25.0),))
    floors = known["psd_fades.mp4"]["frames_threshold_floor"][1:3]
    dips = tuple(((f - 20) / 25, (f + 20) / 25) for f in floors)
    out["psd_fades.mp4"] = Truth((), dips)
    return out


def synthetic_truth(path: Path) -> Truth:
    """From the file beside the film."""
    known = json.loads(path.with_suffix(".json").read_text())
    rate = known["rate"]
    spans = [(m["kind"], m["first"] / rate, m["last"] / rate) for m in known["marks"]]
    return Truth(
        tuple(first for kind, first, _ in spans if kind == "cut"),
        tuple((first, last) for kind, first, last in spans if kind != "cut"),
    )


# The talk -----------------------------------------------------------------------------------


def talk(work: Path, media: Path, name: str) -> tuple[Path, Truth]:
    """A 10-minute 1080p talk made of real pieces; where they join is known to the frame."""
    path = work / f"talk-{name}.mp4"
    block = sum(frames for _, _, frames in TALK)
    joins, at = [], 0
    while at < TALK_SECONDS * 25:
        joins.append(at)
        at += TALK[(len(joins) - 1) % len(TALK)][2]
    if not path.exists():
        one = work / f"talk-{name}-block.mp4"
        _encode_block(one, media, TALK_CODECS[name])
        loops = str(TALK_SECONDS * 25 // block)
        _ffmpeg("-stream_loop", loops, "-i", str(one), "-c", "copy", "-t", str(TALK_SECONDS), path)
        one.unlink()
    # By number, not by time: repeating the block shifts its time stamps a little.
    times = packet_index(probe(path)).times
    return path, Truth(tuple(float(times[join]) for join in joins[1:]))


def _encode_block(path: Path, media: Path, codec: Sequence[str]) -> None:
    inputs: list[str | Path] = []
    chains = []
    for i, (name, start, frames) in enumerate(TALK):
        inputs += ["-ss", str(start), "-i", media / name]
        chains.append(
            f"[{i}:v:0]fps=25,trim=end_frame={frames},settb=1/25,setpts=N,"
            "scale=1920:1080:force_original_aspect_ratio=decrease,"
            f"pad=1920:1080:-1:-1,setsar=1,format=yuv420p[v{i}]"
        )
    joined = "".join(f"[v{i}]" for i in range(len(TALK)))
    graph = ";".join([*chains, f"{joined}concat=n={len(TALK)},settb=1/25,setpts=N[v]"])
    out = ["-map", "[v]", "-fps_mode", "passthrough", "-c:v", "libx264", *codec]
    _ffmpeg(*inputs, "-filter_complex", graph, *out, path)


def _ffmpeg(*arguments: str | Path) -> None:
    command = [ffmpeg_path(), "-hide_banner", "-loglevel", "error", "-nostdin", "-y"]
    subprocess.run([*command, *(str(argument) for argument in arguments)], check=True)


def full_decode(media: Media) -> Callable[[], tuple[list[float], float]]:
    """Every frame decoded, nothing else done: the yardstick of issue and design."""

    def run() -> tuple[list[float], float]:
        import av

        with av.open(media.uri) as opened:
            stream = opened.streams.video[0]
            stream.thread_type = "AUTO"
            for _ in opened.decode(stream):
                pass
        return [], 1.0

    return run


def race(path: Path, truth: Truth) -> None:
    """Wall and CPU time of everything on one file."""
    media = probe(path)
    frames = len(packet_index(media))
    runs = {
        "ours": timed(ours(path)),
        "full decode": timed(full_decode(media)),
        "adaptive": timed(adaptive(path, tuned=False)),
        "tuned": timed(adaptive(path, tuned=True)),
    }
    print(f"\n{path.name}: {frames} frames, {len(truth.cuts)} cuts")
    print(f"{'':12s} {'wall s':>8s} {'cpu s':>8s} {'x ours':>7s} {'x cpu':>6s}  F1 (P R)")
    for name, run in runs.items():
        score = "" if name == "full decode" else str(judge(run.times, truth, 0.04, cuts_only=True))
        ratio, cpu = run.wall / runs["ours"].wall, run.cpu / runs["ours"].cpu
        print(f"{name:12s} {run.wall:8.2f} {run.cpu:8.2f} {ratio:7.1f} {cpu:6.1f}  {score}")
    print(f"frames decoded: {runs['ours'].share:.3f} of the file", flush=True)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--media", type=Path, default=Path("../shared/media"))
    parser.add_argument("--work", type=Path, default=Path("bench-out"))
    parser.add_argument("--seed", type=int, default=0, help="of the synthetic films")
    parser.add_argument("--skip-talk", action="store_true", help="leave out the 10-minute talks")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    head("real media")
    table = Table()
    for name, truth in sorted(real_truth(options.media).items()):
        compare(options.media / name, truth, table)
    print_sums(table, "real")
    head("synthetic")
    table = Table()
    folder = options.work / (f"shots-{options.seed}" if options.seed else "shots")
    for path in make(folder, options.media, options.seed):
        compare(path, synthetic_truth(path), table)
    print_sums(table, "synthetic")
    if not options.skip_talk:
        for name in TALK_CODECS:
            race(*talk(options.work, options.media, name))


if __name__ == "__main__":
    main()
