"""The voice chain on noisy speech, hum, music beds and delivered clips, each against its bar.

    python -m experiments.benchmarks.craft.sound [--media DIR] [--only PART ...] [--utterances 24]

Parts: ``noise`` (SNR gain and word errors of noisy talks made from clean utterances), ``hum``,
``speakers``, ``music`` (ducking, seam and tail), ``deliver`` (loudness and true peak of clips
read back from the delivered AAC).
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.io import wavfile
from scipy.signal import resample_poly

from talkreel.core.edits import AudioChain, Canvas, Edit, Encoding, Layout, LayoutKind
from talkreel.core.media import Media
from talkreel.core.sound import VoiceChain
from talkreel.core.spans import Span
from talkreel.core.transcript import Word
from talkreel.edit.music import lay_music
from talkreel.edit.sound import Treatment, treat_voice
from talkreel.media.audio import Audio, extract_audio
from talkreel.media.ffmpeg import run_ffmpeg
from talkreel.media.probe import probe
from talkreel.perceive.noise import voice_facts
from talkreel.perceive.transcribe import LocalTranscriber, transcribe
from talkreel.perceive.vad import voice_activity, voiced_spans
from talkreel.perceive.word_errors import edit_distance, spoken
from talkreel.pipeline.music import read_library
from talkreel.pipeline.presets import PRESETS
from talkreel.rendering.envelope import music_curve
from talkreel.rendering.render import render
from talkreel.rendering.schedule import make_schedule
from talkreel.rendering.sound import RATE, cut_sound
from talkreel.rendering.voice import treat_sound
from talkreel.store.cache import StageCache

ROOT = Path(__file__).resolve().parents[3]
Sound = NDArray[np.float64]

PER_TALK = 8
PAUSE_SECONDS = 0.8
SNRS_DB = (0, 5, 10)
NOISES = ("white", "pink", "babble", "hum")
# Latency of afftdn at 48 kHz, measured by correlation; the comparison is made in step.
AFFTDN_LATENCY = 1200


def main() -> None:
    """Print the tables that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = os.environ.get("TALKREEL_MEDIA", str(ROOT.parent / "shared" / "media"))
    parser.add_argument("--media", type=Path, default=Path(default))
    parser.add_argument("--only", nargs="*", default=list(PARTS))
    parser.add_argument("--utterances", type=int, default=24)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        for part in options.only:
            PARTS[part](options.media, Path(scratch), options.utterances)


# --- speech, noise and their mixture


def utterances(media: Path, count: int) -> list[tuple[Sound, str]]:
    """Clean utterances at 48 kHz with their texts."""
    folder = media / "audio" / "wer"
    entries = [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]
    chosen = entries[:: max(1, len(entries) // count)][:count]
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
    return float(10 * np.log10((target @ target) / np.sum((got - target) ** 2)))


# --- the chain as the renderer runs it


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
    audio = heard(sound, folder)
    whole = Span(0.0, audio.duration)
    return treat_voice(voice_facts(audio, voice_activity(audio), (), whole), (), (whole,))


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


# --- parts


def noise_part(media: Path, folder: Path, count: int) -> None:
    """SNR gain and word errors: as is, afftdn, the chain that is decided."""
    transcriber = LocalTranscriber(workers=0)
    parts = utterances(media, count)
    voices, made = [x for x, _ in parts], talks(parts)
    words = sum(len(spoken(text)) for _, text in made)
    plain = VoiceChain(high_pass_hz=70.0)
    wanted = [treated(sound, folder, plain) for sound, _ in made]
    print(f"\n{len(parts)} utterances, {words} words; SI-SDR dB and WER % at each SNR\n")
    print("| noise | dB | SI-SDR as is | afftdn | ours | WER as is | ours | reduction |")
    print("|---|---|---|---|---|---|---|---|")
    sums = np.zeros(5)
    for kind in NOISES:
        for snr in SNRS_DB:
            figures, depth = np.zeros(5), []
            for seed, ((speech, text), clean) in enumerate(zip(made, wanted, strict=True)):
                noisy = mixed(speech, noise(kind, len(speech), seed, voices), snr)
                chosen = decided(noisy, folder).chain or VoiceChain()
                depth.append(chosen.denoise_db)
                # Tone and levels change speech on purpose: distortion is measured without them.
                linear = replace(chosen, equalizer=(), compression=None, gains=())
                rival = by_filter("highpass=f=70,afftdn=nr=9:tn=1", AFFTDN_LATENCY, noisy, folder)
                figures[:3] += [
                    si_sdr(clean, by_filter("highpass=f=70", 0, noisy, folder)),
                    si_sdr(clean, rival),
                    si_sdr(clean, treated(noisy, folder, linear)),
                ]
                for i, sound in enumerate([noisy, treated(noisy, folder, chosen)]):
                    figures[3 + i] += errors(sound, text, folder, transcriber)
            figures[:3] /= len(made)
            figures[3:] *= 100 / words
            sums += figures
            print(
                f"| {kind} | {snr} | "
                + " | ".join(f"{value:.1f}" for value in figures)
                + f" | {min(depth):.0f} to {max(depth):.0f} dB |",
                flush=True,
            )
    sums /= len(NOISES) * len(SNRS_DB)
    print("| mean | | " + " | ".join(f"{value:.1f}" for value in sums) + " | |")
    clean_errors = [
        sum(errors(sound, text, folder, transcriber) for (sound, text) in made),
        sum(
            errors(
                treated(s, folder, decided(s, folder).chain or VoiceChain()), t, folder, transcriber
            )
            for s, t in made
        ),
    ]
    shown = " → ".join(f"{100 * value / words:.1f}" for value in clean_errors)
    print(f"\nclean speech, WER %: as is → ours {shown}")


def hum_part(media: Path, folder: Path, count: int) -> None:
    """How far the lines of the mains go down in the pauses, and what that does to the voice."""
    (speech, _), *_ = talks(utterances(media, PER_TALK))
    t = np.arange(len(speech)) / RATE
    print("\n| hum | lines | found | taken down by dB | voice SI-SDR dB as is | after |")
    print("|---|---|---|---|---|---|")
    for base in (50, 60):
        lines = sum(np.sin(2 * np.pi * base * n * t + n) / n for n in range(1, 7))
        hiss = 0.003 * np.random.default_rng(1).normal(size=len(speech))
        spoilt = mixed(speech, np.asarray(lines + hiss), 15)
        chain = decided(spoilt, folder).chain or VoiceChain()
        after = treated(spoilt, folder, chain)
        clean = treated(speech, folder, VoiceChain(high_pass_hz=70.0))
        before = treated(spoilt, folder, VoiceChain(high_pass_hz=70.0))
        linear = replace(chain, equalizer=(), compression=None, gains=())
        down = lines_db(spoilt, speech, base) - lines_db(after, speech, base)
        print(
            f"| {base} Hz | 6 | {len(chain.hum_hz)} | {down:.1f} | {si_sdr(clean, before):.1f} "
            f"| {si_sdr(clean, treated(spoilt, folder, linear)):.1f} |",
            flush=True,
        )


def lines_db(sound: Sound, speech: Sound, base: float) -> float:
    """Power of the first six lines where the clean speech is silent."""
    quiet = np.abs(speech) < 1e-6
    edges = np.flatnonzero(np.diff(np.concatenate([[0], quiet.astype(np.int8), [0]])))
    runs = [(a, b) for a, b in edges.reshape(-1, 2) if b - a > RATE // 2]
    power = 0.0
    for first, last in runs:
        part = sound[first + RATE // 20 : last - RATE // 20]
        spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)))) ** 2 / len(part) ** 2
        frequency = np.fft.rfftfreq(len(part), 1 / RATE)
        for n in range(1, 7):
            power += spectrum[np.abs(frequency - n * base) < 6].sum()
    return float(10 * np.log10(power / len(runs)))


def speakers_part(media: Path, folder: Path, count: int) -> None:
    """Two speakers of one recording set 8 dB apart: how far apart they are afterwards."""
    source = probe(media / "audio" / "sample.wav")
    wav = folder / "speakers.wav"
    extract_audio(source, wav)
    audio = Audio(wav)
    lines = [line.split() for line in (media / "audio" / "sample.rttm").read_text().splitlines()]
    turns = [(line[7], Span(float(line[3]), float(line[3]) + float(line[4]))) for line in lines]
    names = sorted({name for name, _ in turns})
    sound = np.asarray(resample_poly(audio.samples(Span(0, audio.duration)), 3, 1))
    factor = np.ones(len(sound))
    for name, span in turns:
        if name == names[0]:
            factor[round(span.start * RATE) : round(span.end * RATE)] = 10 ** (-8 / 20)
    apart = heard(sound * factor, folder)
    words = [Word("word", span, speaker=name) for name, span in turns]
    whole = Span(0.0, apart.duration)
    facts = voice_facts(apart, voice_activity(apart), words, whole)
    chain = treat_voice(facts, words, (whole,)).chain or VoiceChain()
    levelled = heard(treated(sound * factor, folder, VoiceChain(gains=chain.gains)), folder)
    after = voice_facts(levelled, voice_activity(levelled), words, whole)
    print("\n| speakers | apart before LU | after LU |\n|---|---|---|")
    gaps = [abs(x.speakers[0].lufs - x.speakers[1].lufs) for x in (facts, after)]
    print(f"| {len(facts.speakers)} | {gaps[0]:.1f} | {gaps[1]:.1f} |", flush=True)


def music_part(media: Path, folder: Path, count: int) -> None:
    """A bed with a pilot tone, found again in the delivered AAC: ducking, seam, tail."""
    tracks = folder / "music"
    tracks.mkdir(exist_ok=True)
    t = np.arange(20 * RATE) / RATE
    into = np.mod(t, 60 / 96)
    drums = np.exp(-18 * into) * np.sin(2 * np.pi * 80 * into)
    write(tracks / "bed.wav", 0.3 * drums + 0.2 * np.sin(2 * np.pi * 7000 * t))
    (track,), _ = read_library(tracks, StageCache(folder / "cache"))
    print("\n| clip | ducked by dB | last 0.15 s against usual dB | loop bars | LUFS | dBTP |")
    print("|---|---|---|---|---|---|")
    for name, first, seconds in CLIPS[:3]:
        source = probe(media / name)
        wav = folder / "clip.wav"
        extract_audio(source, wav)
        audio = Audio(wav)
        voice = voice_activity(audio)
        span = Span(first, min(first + seconds, source.duration - 0.2))
        facts = voice_facts(audio, voice, (), span)
        bed = lay_music(track, facts, voiced_spans(voice), (span,))
        done = render(clip(source, span, AudioChain(music=bed)), source, folder / "m.mp4")
        pilot = pilot_db(decoded(done.path))
        curve = music_curve(bed, [x.shift(-span.start) for x in bed.speech], span.duration)
        low, high = 10 ** ((bed.level_db - bed.duck_db) / 20), 10 ** (bed.level_db / 20)
        at = np.minimum((np.arange(len(pilot)) * PILOT_SECONDS * 1000).astype(int), len(curve) - 1)
        down = pilot[curve[at] <= 1.01 * low]
        free = pilot[curve[at] >= 0.99 * high]
        rest = f"{np.median(free) - np.median(down):.1f}" if len(free) else "no rest"
        print(
            f"| {name} | {rest} "
            f"| {pilot[-3:].mean() - np.median(pilot):.1f} | {track.facts.bars} "
            f"| {done.measured.integrated_lufs} | {done.measured.true_peak_dbtp} |",
            flush=True,
        )


PILOT_SECONDS = 0.05


def pilot_db(sound: Sound) -> Sound:
    """Level at 7 kHz every 50 ms."""
    size = round(PILOT_SECONDS * RATE)
    frames = sound[: len(sound) // size * size].reshape(-1, size) * np.hanning(size)
    spectrum = np.abs(np.fft.rfft(frames, axis=1))
    middle = round(7000 * PILOT_SECONDS)
    return np.asarray(20 * np.log10(spectrum[:, middle - 1 : middle + 2].max(axis=1) + 1e-9))


CLIPS = (
    ("talk_podium.mp4", 2.0, 20.0),
    ("whisperx_sample01.mp4", 5.0, 20.0),
    ("nasa_13013.mp4", 0.0, 16.0),
    ("avobjects_trump_biden_debate.mp4", 2.0, 20.0),
    ("visualvoice_interview.mp4", 0.0, 17.0),
    ("csci576_interview.mp4", 0.0, 18.0),
    ("asd_dev_easy.mp4", 2.0, 20.0),
    ("supoclip_demo-1.mp4", 0.0, 11.0),
    ("audio/jfk.flac", 0.0, 10.0),
    ("audio/copperfield_ch1_06.mp3", 10.0, 20.0),
)


def deliver_part(media: Path, folder: Path, count: int) -> None:
    """Loudness and true peak of the delivered AAC, with the voice chain, for each sound preset."""
    rates = sorted({preset.encoding.audio_bitrate_kbps for preset in PRESETS.values()})
    print(f"\n| clip | chain | {' | '.join(f'{rate} kbit/s LUFS, dBTP' for rate in rates)} |")
    print("|---|---|" + "---|" * len(rates))
    off, peaks = [], []
    for name, first, seconds in CLIPS:
        source = probe(media / name)
        wav = folder / "clip.wav"
        extract_audio(source, wav)
        audio = Audio(wav)
        span = Span(first, min(first + seconds, source.duration - 0.2))
        facts = voice_facts(audio, voice_activity(audio), (), span)
        chain = treat_voice(facts, (), (span,)).chain
        cells = []
        for rate in rates:
            edit = clip(source, span, AudioChain(voice=chain), rate)
            got = render(edit, source, folder / "d.mp4").measured
            cells.append(f"{got.integrated_lufs}, {got.true_peak_dbtp}")
            if got.integrated_lufs is not None and got.true_peak_dbtp is not None:
                off.append(abs(got.integrated_lufs + 14))
                peaks.append(got.true_peak_dbtp)
        depth = f"-{chain.denoise_db:.0f} dB noise" if chain else "none"
        print(f"| {name} | {depth} | {' | '.join(cells)} |", flush=True)
    print(
        f"\nmean error {np.mean(off):.2f} LU (bar 0.3), most {np.max(off):.2f}; "
        f"highest true peak {max(peaks):.1f} dBTP (bar -1) over {len(off)} files"
    )


def clip(source: Media, span: Span, chain: AudioChain, rate_kbps: int = 160) -> Edit:
    """An edit whose picture costs little: what counts is its sound."""
    return Edit(
        id="bench",
        title="Benchmark",
        media_uri=source.uri,
        media_digest=source.digest,
        kept=(Span(span.start, span.start + int(span.duration * 10) / 10),),
        canvas=Canvas(90, 160, Fraction(10)),
        layouts=(Layout(span.pad(0.0, 1.0), LayoutKind.WAVEFORM, ()),),
        audio=chain,
        encoding=Encoding("ultrafast", 30, rate_kbps),
    )


Part = Callable[[Path, Path, int], None]
PARTS: dict[str, Part] = {
    "noise": noise_part,
    "hum": hum_part,
    "speakers": speakers_part,
    "music": music_part,
    "deliver": deliver_part,
}

if __name__ == "__main__":
    main()
