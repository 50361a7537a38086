"""Who speaks: faces, voices and mouths on real clips, with and without third-party weights.

Run: python experiments/benchmarks/speakers.py [MEDIA_FOLDER] [MODELS_FOLDER]
(defaults: $TALKREEL_MEDIA and $TALKREEL_MODELS, else ../shared/media and ../shared/models).
Each row runs in a process of its own, so that peak memory is its own. CPU seconds are per second of
video and hold the decoding; other load on the machine changes them little, unlike wall time.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import numpy as np

from talkreel.core.signals import Signal
from talkreel.core.spans import Span
from talkreel.core.tracks import FaceTrack, Shot
from talkreel.core.transcript import Word
from talkreel.media.audio import Audio, extract_audio
from talkreel.media.probe import probe
from talkreel.perceive.active import ActiveSpeaker
from talkreel.perceive.faces import FaceFinder
from talkreel.perceive.speakers import diarize
from talkreel.perceive.vad import voice_activity

ROOT = Path(__file__).resolve().parents[2]
PICTURES = (
    "asd_dev_easy.mp4",
    "asd_dev_hard.mp4",
    "visualvoice_interview.mp4",
    "csci576_interview.mp4",
    "avobjects_trump_biden_debate.mp4",
    "talk_podium.mp4",
)
SOUNDS = {"audio/sample.wav": 2, "talk_podium.mp4": 1, "audio/copperfield_ch1_06.mp3": 1}
COLLAR_SECONDS = 0.25


def main() -> None:
    """Print both tables, or one row when called by itself."""
    if sys.argv[1:2] == ["--row"]:
        row(Path(sys.argv[2]), sys.argv[3], sys.argv[4] or None)
        return
    media = _folder(1, "TALKREEL_MEDIA", "media")
    models = _folder(2, "TALKREEL_MODELS", "models")
    print("| clip | weights | faces CPU/s | active CPU/s | peak MB | right side | with turns |")
    print("|---|---|---|---|---|---|---|")
    for name in PICTURES:
        for weights in ("", str(models)):
            command = [sys.executable, __file__, "--row", str(media), name, weights]
            print(
                subprocess.run(command, check=True, capture_output=True, text=True).stdout, end=""
            )
    print("\n| sound | speakers found | speakers | DER % (collar .25 s) | CPU s per hour |")
    print("|---|---|---|---|---|")
    for name, count in SOUNDS.items():
        print(voices(media, name, count))


def row(media_dir: Path, name: str, models: str | None) -> None:
    """One clip with one set of weights."""
    os.environ["TALKREEL_MODELS"] = ""
    weights = Path(models) if models else None
    media = probe(media_dir / name)
    span = Span(0.0, min(media.duration, 60.0))
    shots = _shots(media_dir, name, media.duration)
    with tempfile.TemporaryDirectory() as scratch:
        audio, voice, words = _listen(media_dir / name, Path(scratch))
        finder, judge = FaceFinder(weights), ActiveSpeaker(weights)
        before = time.process_time()
        tracks = finder(media, [span], shots)
        found = time.process_time()
        plain = judge(media, tracks, audio, voice, shots)
        judged = time.process_time()
        turns = judge(media, tracks, audio, voice, shots, words=words)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    rights = [_accuracy(media_dir, name, result, voice) for result in (plain, turns)]
    faces, active = (found - before) / span.duration, (judged - found) / span.duration
    cells = [f"{right:.3f}" if right is not None else "-" for right in rights]
    kind = f"{finder.name.removeprefix('faces-')}, {judge.name.removeprefix('active-')}"
    print(f"| {name} | {kind} | {faces:.3f} | {active:.3f} | {peak} | {cells[0]} | {cells[1]} |")


def voices(media_dir: Path, name: str, count: int) -> str:
    """One recording."""
    with tempfile.TemporaryDirectory() as scratch:
        wav = media_dir / name
        if wav.suffix != ".wav":
            wav = Path(scratch) / "sound.wav"
            extract_audio(probe(media_dir / name), wav)
        audio = Audio(wav)
        voice = voice_activity(audio)
        before = time.process_time()
        words = diarize(audio, voice, _slots(audio, voice))
        cost = (time.process_time() - before) / audio.duration * 3600
    found = len({word.speaker for word in words})
    reference = (media_dir / name).with_suffix(".rttm")
    error = f"{100 * _der(words, reference, audio.duration):.1f}" if reference.is_file() else "-"
    return f"| {name} | {found} | {count} | {error} | {cost:.0f} |"


def _folder(position: int, variable: str, default: str) -> Path:
    given = sys.argv[position] if len(sys.argv) > position else os.environ.get(variable)
    return Path(given or ROOT.parent / "shared" / default).resolve()


def _listen(path: Path, scratch: Path) -> tuple[Audio, Signal, tuple[Word, ...]]:
    extract_audio(probe(path), scratch / "sound.wav")
    audio = Audio(scratch / "sound.wav")
    voice = voice_activity(audio)
    return audio, voice, diarize(audio, voice, _slots(audio, voice))


def _slots(audio: Audio, voice: Signal) -> list[Word]:
    """Stand-ins for words: every .2 s with a voice."""
    spans = (Span(t, t + 0.2) for t in np.arange(0.0, audio.duration - 0.2, 0.2).tolist())
    return [Word("word", span) for span in spans if voice.mean_over(span) >= 0.5]


def _shots(media_dir: Path, name: str, duration: float) -> list[Shot]:
    own = media_dir / "truth" / Path(name).with_suffix(".json").name
    if own.is_file():
        cuts = json.loads(own.read_text())["cuts_seconds"]
    else:
        cuts = json.loads((media_dir / "truth" / "cuts.json").read_text())
        cuts = cuts.get(name, {}).get("seconds", [])
    edges = [0.0, *(cut for cut in cuts if cut < duration), duration]
    return [Shot(Span(a, b)) for a, b in pairwise(edges)]


def _accuracy(
    media_dir: Path, name: str, tracks: tuple[FaceTrack, ...], voice: Signal
) -> float | None:
    """Share of voiced frames at 25 Hz in which the speaking side has the higher probability."""
    path = media_dir / "truth" / Path(name).with_suffix(".json").name
    segments = json.loads(path.read_text())["segments"] if path.is_file() else []
    right = []
    for segment in segments:
        for time_ in np.arange(segment["start"] + 0.02, segment["end"], 0.04).tolist():
            here = [t for t in tracks if t.span.start - 0.05 <= time_ <= t.span.end + 0.25]
            sides = {
                "L" if t.boxes[0, 0] < 0.5 else "R": np.interp(time_, t.times, t.speaking)
                for t in here
            }
            if len(sides) == 2 and float(voice.at(time_)) >= 0.5:
                right.append((sides["L"] > sides["R"]) == (segment["speaker_side"] == "L"))
    return float(np.mean(right)) if right else None


def _der(words: tuple[Word, ...], reference: Path, duration: float) -> float:
    """Missed, false and confused speaker time over speaker time, 10 ms steps."""
    from scipy.optimize import linear_sum_assignment

    times = np.arange(0.0, duration, 0.01)
    rows = [line.split() for line in reference.read_text().splitlines()]
    said = [(float(r[3]), float(r[3]) + float(r[4]), r[7]) for r in rows]
    heard = [(w.span.start, w.span.end, w.speaker or "") for w in words]
    scored = np.ones(len(times), bool)
    for start, end, _ in said:
        for edge in (start, end):
            scored &= np.abs(times - edge) >= COLLAR_SECONDS
    truth, guess = (_active(spans, times)[:, scored] for spans in (said, heard))
    shared = truth.astype(int) @ guess.T.astype(int)
    rows_, columns = linear_sum_assignment(-shared)
    most = np.maximum(truth.sum(axis=0), guess.sum(axis=0)).sum()
    return float((most - shared[rows_, columns].sum()) / truth.sum())


def _active(spans: list[tuple[float, float, str]], times: np.ndarray) -> np.ndarray:
    names = sorted({name for _, _, name in spans})
    active = np.zeros((len(names), len(times)), bool)
    for start, end, name in spans:
        active[names.index(name)] |= (times >= start) & (times < end)
    return active


if __name__ == "__main__":
    main()
