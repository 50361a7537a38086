"""Speech, what spoils it, and the voice chain as the renderer runs it, for the sound benchmark."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.io import wavfile

from talkreel.core.edits import AudioChain, Canvas, Edit, Layout, LayoutKind
from talkreel.core.sound import VoiceChain, VoiceFacts
from talkreel.core.spans import Span
from talkreel.edit.sound import Treatment, treat_voice
from talkreel.media.audio import Audio, extract_audio
from talkreel.media.ffmpeg import run_ffmpeg
from talkreel.media.probe import probe
from talkreel.perceive.noise import voice_facts
from talkreel.perceive.transcribe import LocalTranscriber, transcribe
from talkreel.perceive.vad import voice_activity, voiced_spans
from talkreel.perceive.word_errors import edit_distance, spoken
from talkreel.rendering.schedule import make_schedule
from talkreel.rendering.sound import RATE, cut_sound
from talkreel.rendering.voice import treat_sound

Sound = NDArray[np.float64]

PER_TALK = 8
PAUSE_SECONDS = 0.8
# Utterances by turns: depths and thresholds are chosen on one half, figures are of the other.
CHOOSING, REPORTED = 0, 1


def utterances(media: Path, count: int, first: int = 0) -> list[tuple[Sound, str]]:
    """Clean utterances at 48 kHz with their texts, every other one from ``first`` on."""
    folder = media / "audio" / "wer"
    entries = [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]
    chosen = entries[first::2][:count]
    return [(decoded(folder / entry["file"]), entry["text"]) for entry in chosen]


def decoded(path: Path) -> Sound:
    """[N] mono at 48 kHz."""
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "a.wav"
        run_ffmpeg(
            ["-i", f"file:{path}", "-ac", "1", "-ar", str(RATE), "-c:a", "pcm_f32le", str(wav)],
            timeout_seconds=60,
        )
        return np.asarray(wavfile.read(wav)[1], dtype=np.float64)


def talks(spoken_parts: Sequence[tuple[Sound, str]]) -> list[tuple[Sound, str]]:
    """Utterances one after the other with pauses, as talks have them."""
    rest = np.zeros(round(PAUSE_SECONDS / 2 * RATE))
    made = []
    for first in range(0, len(spoken_parts), PER_TALK):
        part = spoken_parts[first : first + PER_TALK]
        sound = np.concatenate([np.concatenate([rest, x, rest]) for x, _ in part])
        made.append((sound, " ".join(text for _, text in part)))
    return made


def noise(kind: str, length: int, seed: int, voices: Sequence[Sound]) -> Sound:
    """[length] noise of a kind, at any level."""
    rng = np.random.default_rng(seed)
    hiss = rng.normal(size=length)
    if kind == "white":
        return hiss
    if kind == "pink":
        frequency = np.maximum(np.fft.rfftfreq(length, 1 / RATE), 20)
        return np.asarray(np.fft.irfft(np.fft.rfft(hiss) / np.sqrt(frequency), length))
    if kind == "hum":
        t = np.arange(length) / RATE
        lines = [np.sin(2 * np.pi * 50 * n * t + n) / n for n in range(1, 11)]
        return np.asarray(sum(lines) + 0.05 * hiss)
    crowd = np.zeros(length)
    for k in range(6):
        voice = voices[(seed + 3 + 5 * k) % len(voices)]
        crowd += np.roll(np.resize(voice / voice.std(), length), rng.integers(length))
    return crowd


def mixed(speech: Sound, other: Sound, snr_db: float) -> Sound:
    """``other`` under ``speech``, so far below its level while it is active."""
    active = speech[np.abs(speech) > 0.02 * np.abs(speech).max()]
    gain = np.sqrt(np.mean(active**2) / np.mean(other**2) / 10 ** (snr_db / 10))
    both = speech + gain * other
    return np.asarray(both * 0.5 / np.abs(both).max())


def si_sdr(wanted: Sound, got: Sound) -> float:
    """Scale-invariant signal-to-distortion ratio (Le Roux et al. 2019), dB."""
    wanted, got = wanted - wanted.mean(), got - got.mean()
    target = (wanted @ got) / (wanted @ wanted) * wanted
    rest = np.sum((got - target) ** 2) + 1e-12 * (target @ target)
    return float(10 * np.log10((target @ target) / rest))


def treated(sound: Sound, folder: Path, chain: VoiceChain) -> Sound:
    """[N] what the renderer makes of a mono sound before mastering."""
    wav = write(folder / "in.wav", sound)
    media = probe(wav)
    span = Span(0.0, len(sound) / RATE)
    edit = Edit(
        id="bench",
        title="Benchmark",
        media_uri=media.uri,
        media_digest=media.digest,
        kept=(span,),
        canvas=Canvas(270, 480, Fraction(30)),
        layouts=(Layout(span, LayoutKind.WAVEFORM, ()),),
        audio=AudioChain(fade_in=0.0, fade_out=0.0, voice=chain),
    )
    cut = cut_sound(edit, media, make_schedule(edit, media), folder, timeout_seconds=300)
    done = treat_sound(edit, cut, folder, timeout_seconds=300)
    raw = np.fromfile(folder / done.name, dtype=np.float32).reshape(-1, 2)
    out = np.zeros(len(sound))
    out[: min(len(out), len(raw))] = raw[: len(out), 0]
    return out


def decided(sound: Sound, folder: Path) -> Treatment:
    """What ``--enhance voice`` would do."""
    return judged(sound, folder)[1]


def judged(sound: Sound, folder: Path) -> tuple[VoiceFacts, Treatment]:
    """What is measured of a sound, and what ``--enhance voice`` would do."""
    audio = heard(sound, folder)
    whole = Span(0.0, audio.duration)
    facts = voice_facts(audio, voice_activity(audio), (), whole)
    return facts, treat_voice(facts, (), (whole,))


def heard(sound: Sound, folder: Path) -> Audio:
    """The 16 kHz sound that analysis works on."""
    wav = folder / "heard.wav"
    extract_audio(probe(write(folder / "full.wav", sound)), wav)
    return Audio(wav)


def write(path: Path, sound: Sound) -> Path:
    """``sound`` as a 48 kHz float WAV."""
    wavfile.write(path, RATE, np.asarray(sound, dtype=np.float32))
    return path


def by_filter(filters: str, late: int, sound: Sound, folder: Path) -> Sound:
    """``sound`` through ffmpeg, ``late`` samples of latency taken off."""
    write(folder / "f-in.wav", sound)
    run_ffmpeg(
        ["-i", "f-in.wav", "-af", filters, "-c:a", "pcm_f32le", "f-out.wav"],
        timeout_seconds=120,
        cwd=folder,
    )
    got = np.asarray(wavfile.read(folder / "f-out.wav")[1], dtype=np.float64)[late:]
    return np.pad(got, (0, max(0, len(sound) - len(got))))[: len(sound)]


def errors(sound: Sound, text: str, folder: Path, transcriber: LocalTranscriber) -> int:
    """Word errors of the house recogniser."""
    loud = np.asarray(sound * 0.7 / max(1e-9, np.abs(sound).max()))
    audio = heard(loud, folder)
    got = transcribe(transcriber, audio, voiced_spans(voice_activity(audio)))
    return edit_distance(spoken(text), spoken(got.text))
