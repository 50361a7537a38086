"""What tightening takes out, what it harms, and whether its joins can be heard.

Usage: python -m experiments.benchmarks.craft.tighten [--media DIR] [--work DIR]

Read speech with exact word times is spread out: long pauses, fillers ("um", "you know"), words
said twice, and traps (a filler run into its neighbour, a repetition that is meant) are laid
between its words over room noise; so it is known to the sample what should go. A flash of one
frame and a 12 kHz ping of 3 ms mark the same instants. The word times given to the editor are
the true ones, moved by a random 30 ms as a recogniser's are. Measured on the delivered file.

The baseline takes the same holes out by the word times alone, without a look at the sound and
without a crossfade.
"""

from __future__ import annotations

import argparse
import json
import os
import wave
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from talkreel.core.analysis import Analysis
from talkreel.core.candidates import Candidate
from talkreel.core.edits import AudioChain, Edit, Encoding
from talkreel.core.media import Media
from talkreel.core.spans import Span
from talkreel.core.transcript import Transcript, Word
from talkreel.edit.build import build_edit
from talkreel.edit.holes import LONG_PAUSE_SECONDS
from talkreel.edit.options import EditOptions
from talkreel.media.audio import Audio, extract_audio
from talkreel.media.ffmpeg import run_ffmpeg
from talkreel.media.frames import FrameReader
from talkreel.media.probe import probe
from talkreel.perceive.level import fine_level
from talkreel.perceive.vad import voice_activity
from talkreel.rendering.render import render

ROOT = Path(__file__).resolve().parents[3]
RATE, FPS = 48_000, 30
WIDTH, HEIGHT = 320, 180
NATURAL = 0.3  # what is left of every hole
JITTER = 0.03
PING_HZ, PING_SECONDS = 12_000, 0.003
HARMED = 0.01  # share of a word's energy
Sound = NDArray[np.float64]


@dataclass
class Talk:
    """A sound as it grows, with the truth about it."""

    parts: list[Sound] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)
    idle: list[int] = field(default_factory=list)  # indices of words that should go
    traps: list[int] = field(default_factory=list)  # look like it and must stay
    at: float = 0.0

    def say(self, text: str, sound: Sound) -> int:
        self.words.append(Word(text, Span(self.at, self.at + len(sound) / RATE)))
        self._add(sound)
        return len(self.words) - 1

    def rest(self, seconds: float) -> None:
        self._add(np.zeros(round(seconds * RATE)))

    def _add(self, sound: Sound) -> None:
        self.parts.append(sound)
        self.at += len(sound) / RATE

    @property
    def holes(self) -> float:
        """Seconds that should go: all but a breath of long pauses and of what holds idle words."""
        total, idle, before = 0.0, set(self.idle), 0
        for i in range(1, len(self.words)):
            if i in idle:
                continue
            gap = self.words[i].span.start - self.words[before].span.end
            total += gap - NATURAL if gap > LONG_PAUSE_SECONDS or i - before > 1 else 0.0
            before = i
        return total

    @property
    def speech(self) -> Sound:
        return np.concatenate(self.parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = os.environ.get("TALKREEL_MEDIA", str(ROOT.parent / "shared" / "media"))
    parser.add_argument("--media", type=Path, default=Path(default))
    parser.add_argument("--work", type=Path, default=ROOT / "out" / "bench" / "tighten")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    talk = make_talk(options.media / "audio" / "word_times")
    print(
        f"{talk.at:.0f} s, {len(talk.words)} words: {len(talk.idle)} should go with "
        f"{talk.holes:.1f} s in all, {len(talk.traps)} look like it and must stay\n"
    )
    print(
        "| noise dBFS | cut by | s removed of truth | idle words gone | traps gone | words harmed "
        "| joins | max step at a join / p99.9 elsewhere | drift ms |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for noise in (-70.0, -50.0):
        source, pings = make_source(talk, noise, options.work / f"talk{noise:.0f}.mkv")
        for name in ("talkreel", "word times"):
            edit = make_edit(talk, source, options.work, naive=name == "word times")
            out = options.work / f"{name.split()[0]}{noise:.0f}.mp4"
            render(edit, source, out)
            row = measure(talk, edit, out, pings)
            print(f"| {noise:.0f} | {name} | {row} |", flush=True)
    print("\nBar: 0 words harmed, 0 traps, ratio at a join at most 1, drift at most 1 ms.")


def make_talk(folder: Path) -> Talk:
    """Three rounds of the three readings, with something between the words every two seconds."""
    talk = Talk()
    rng = np.random.default_rng(5)
    readings = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    sounds = [read_wav(path) for path in sorted(folder.glob("*.wav"))]
    talk.rest(0.4)
    count = 0
    for turn in range(3):
        for truth, sound in zip(readings, sounds, strict=True):
            since = 0.0
            for entry in truth["w"]:
                piece = faded(
                    sound[round(entry["b"] * RATE) : round((entry["b"] + entry["d"]) * RATE)]
                )
                text = entry["t"].split("(")[0]
                if text.startswith("<"):
                    talk.rest(min(entry["d"], 0.15))
                    continue
                if since > 1.9:
                    disturb(talk, count, text, piece, rng)
                    count, since = count + 1, 0.0
                talk.say(text, piece)
                since += entry["d"]
            talk.words[-1] = replace(talk.words[-1], text=talk.words[-1].text + ".")
            talk.rest(0.45 + 0.1 * turn)
    return talk


def disturb(talk: Talk, count: int, text: str, piece: Sound, rng: np.random.Generator) -> None:
    """Lay the next disturbance before a word."""
    rests = rng.uniform(0.15, 0.4, 2)
    match count % 6:
        case 0:
            talk.rest(rng.uniform(0.9, 2.0))
        case 1 | 4:
            talk.rest(rests[0])
            talk.idle.append(talk.say("um", hum(rng.uniform(0.25, 0.5))))
            talk.rest(rests[1])
        case 2:
            talk.words[-1] = replace(talk.words[-1], text=talk.words[-1].text + ",")
            talk.rest(rests[0])
            talk.idle += [talk.say("you", hum(0.12)), talk.say("know,", hum(0.2))]
            talk.rest(rests[1])
        case 3:
            talk.rest(rests[0])
            again = talk.say(text + "-", piece)
            talk.idle.append(again)
            talk.rest(rests[1])
        case _:  # a filler run into the word before it; then a repetition that is meant
            talk.traps.append(talk.say("uh", hum(0.3)))
            talk.rest(rests[0])
            talk.traps.append(talk.say("very", hum(0.25)))
            talk.rest(rests[1])
            talk.say("very", hum(0.25))
            talk.rest(0.2)
            return


def hum(seconds: float) -> Sound:
    """A vowel of thinking: the pulses of a voice through three resonances of a neutral mouth."""
    time = np.arange(round(seconds * RATE)) / RATE
    sound = np.zeros(len(time))
    for harmonic in range(1, 30):
        hz = 118 * harmonic
        gain = sum(1 / (1 + ((hz - f) / b) ** 2) for f, b in ((500, 80), (1500, 120), (2500, 160)))
        sound += gain / harmonic**0.5 * np.sin(2 * np.pi * hz * time + harmonic**2)
    return faded(0.2 * sound / np.abs(sound).max(), 0.03)


def faded(sound: Sound, seconds: float = 0.004) -> Sound:
    ramp = np.minimum(1.0, np.arange(len(sound)) / (seconds * RATE))
    return sound * ramp * ramp[::-1]


def read_wav(path: Path) -> Sound:
    """At 48 kHz; 16 kHz speech thrice as dense, by the spectrum."""
    with wave.open(str(path)) as file:
        data = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768
        spectrum = np.fft.rfft(data)
        count = len(data) * RATE // file.getframerate()
    return 0.5 * np.fft.irfft(spectrum, count) * count / len(data) / max(1e-9, np.abs(data).max())


def make_source(talk: Talk, noise: float, target: Path) -> tuple[Media, list[float]]:
    """The talk with its noise, and flashes and pings in the middles of words, as a file."""
    speech = talk.speech
    frames = int(len(speech) / RATE * FPS)
    marks = sorted({int(word.span.middle * FPS) for word in talk.words[::3]})
    rng = np.random.default_rng(1)
    sound = speech + 10 ** (noise / 20) * rng.standard_normal(len(speech))
    ping = 0.3 * np.sin(2 * np.pi * PING_HZ * np.arange(round(PING_SECONDS * RATE)) / RATE)
    picture = np.full((frames, HEIGHT, WIDTH), 60, np.uint8)
    picture[:, 60:120, 100:220] = (100 + np.arange(frames) % 50)[:, None, None]
    for mark in marks:
        first = round(mark / FPS * RATE)
        sound[first : first + len(ping)] += ping
        picture[mark] = 235
    sound = np.clip(sound, -1, 1)
    raw, video = target.with_suffix(".f32"), target.with_suffix(".gray")
    sound.astype("<f4").tofile(raw)
    picture.tofile(video)
    run_ffmpeg(
        [
            *("-f", "rawvideo", "-pixel_format", "gray", "-video_size", f"{WIDTH}x{HEIGHT}"),
            *("-framerate", str(FPS), "-i", str(video)),
            *("-f", "f32le", "-ar", str(RATE), "-ch_layout", "mono", "-i", str(raw)),
            *("-c:v", "libx264", "-preset", "ultrafast", "-crf", "12", "-pix_fmt", "yuv420p"),
            *("-c:a", "pcm_s16le", str(target)),
        ],
        timeout_seconds=600,
    )
    return probe(target), [mark / FPS for mark in marks]


def make_edit(talk: Talk, media: Media, work: Path, *, naive: bool) -> Edit:
    """The edit, or the same holes cut by the times of the words alone."""
    rng = np.random.default_rng(9)
    moved = []
    for word in talk.words:
        start = max(0.0, word.span.start + rng.normal(0, JITTER))
        moved.append(
            replace(
                word, span=Span(start, max(start + 0.05, word.span.end + rng.normal(0, JITTER)))
            )
        )
    moved.sort(key=lambda word: word.span.start)
    wav = work / "sound.wav"
    extract_audio(media, wav)
    audio = Audio(wav)
    signals = {"voice": voice_activity(audio)}
    analysis = Analysis(media=media, transcript=Transcript("en", tuple(moved)), signals=signals)
    whole = Span(talk.words[0].span.start, talk.words[-1].span.end)
    options = EditOptions(
        aspect="source",
        captions=None,
        tighten=True,
        fillers=True,
        height=320,
        encoding=Encoding("ultrafast", 23, 192),
    )
    candidate = Candidate("bench", whole, 50, (), "Benchmark")
    edit = build_edit(candidate, analysis, options, level=fine_level(audio, media.span))
    if not naive:
        print(f"{edit.notes[0].text}\n" if edit.notes else "", end="")
        return edit
    idle = {id(talk.words[i]) for i in talk.idle}
    edges = [edit.kept[0].start]
    stay = [m for m, w in zip(moved, talk.words, strict=True) if id(w) not in idle]
    for before, after in pairwise(stay):
        if after.span.start - before.span.end > NATURAL + 0.1:
            edges += [before.span.end, after.span.start]
    edges.append(edit.kept[-1].end)
    kept = []
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        count = max(1, int((end - start) * FPS))
        kept.append(Span(start, start + count / FPS))
    chain = AudioChain(join_fade=0.0)
    return replace(edit, kept=tuple(apart(kept)), audio=chain)


def apart(kept: Sequence[Span]) -> list[Span]:
    """``kept`` without overlaps that rounding made."""
    result = [kept[0]]
    for span in kept[1:]:
        late = max(0.0, result[-1].end - span.start)
        result.append(Span(span.start + late, span.end + late) if late else span)
    return result


def measure(talk: Talk, edit: Edit, out: Path, marks: Sequence[float]) -> str:
    """One row of the table."""
    times, speech = edit.time_map, talk.speech
    played = np.zeros(len(speech), bool)
    for span in edit.kept:
        played[round(span.start * RATE) : round(span.end * RATE)] = True
    lost = []
    for word in talk.words:
        here = slice(round(word.span.start * RATE), round(word.span.end * RATE))
        energy = speech[here] ** 2
        lost.append(float(energy[~played[here]].sum() / energy.sum()))
    gone = {i for i, share in enumerate(lost) if share > 0.99}
    idle, traps = set(talk.idle), set(talk.traps)
    harmed = [i for i, share in enumerate(lost) if share > HARMED and i not in gone & idle]
    hull = Span(edit.kept[0].start, edit.kept[-1].end)
    sound = decode(out)
    joins = [times.to_clip(span.start) for span in edit.kept[1:]]
    steps = np.abs(np.diff(sound))
    at_joins = np.zeros(len(steps), bool)
    for join in joins:
        at_joins[round((join - 0.005) * RATE) : round((join + 0.005) * RATE)] = True
    ratio = steps[at_joins].max() / np.percentile(steps[~at_joins], 99.9)
    removed = hull.duration - times.duration
    return (
        f"{removed:.1f} of {talk.holes:.1f} | {len(gone & idle)} of {len(idle)} | "
        f"{len(traps & gone)} of {len(traps)} | {len(harmed)} | {len(joins)} | {ratio:.2f} | "
        f"{1000 * drift(edit, out, sound, marks):.2f}"
    )


def drift(edit: Edit, out: Path, sound: Sound, marks: Sequence[float]) -> float:
    """Largest shift of the pings against the flashes, from the first pair on, in seconds."""
    media = probe(out)
    with FrameReader(media, width=64, gray=True) as reader:
        lights = [(f.time, float(f.image.mean())) for f in reader.every(media.span)]
    flashes = [time for time, light in lights if light > 150]
    tone = np.exp(-2j * np.pi * PING_HZ * np.arange(round(PING_SECONDS * RATE)) / RATE)
    offsets = []
    for flash in flashes:
        first = max(0, round((flash - 0.06) * RATE))
        near = sound[first : round((flash + 0.06) * RATE)]
        strength = np.abs(np.convolve(near, tone, "valid"))
        offsets.append((first + int(np.argmax(strength))) / RATE - flash)
    if len(flashes) < len(marks) / 2:
        raise SystemExit(f"only {len(flashes)} of {len(marks)} flashes came through")
    return float(np.abs(np.array(offsets) - offsets[0]).max())


def decode(path: Path) -> Sound:
    raw = path.with_suffix(".pcm")
    run_ffmpeg(
        ["-i", str(path), "-ac", "1", "-ar", str(RATE), "-f", "f32le", str(raw)],
        timeout_seconds=120,
    )
    return np.fromfile(raw, "<f4").astype(np.float64)


if __name__ == "__main__":
    main()
