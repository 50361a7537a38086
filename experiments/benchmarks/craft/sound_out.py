"""Music under speech, and loudness and true peak as they are delivered."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from experiments.benchmarks.craft.sound_kit import Sound, decoded, write
from talkreel.core.edits import AudioChain, Canvas, Edit, Encoding, Layout, LayoutKind
from talkreel.core.media import Media
from talkreel.core.spans import Span
from talkreel.edit.delivery import Unfit, delivery_presets, fit_delivery
from talkreel.edit.music import lay_music
from talkreel.edit.sound import treat_voice
from talkreel.media.audio import Audio, extract_audio
from talkreel.media.probe import probe
from talkreel.perceive.noise import voice_facts
from talkreel.perceive.vad import voice_activity, voiced_spans
from talkreel.pipeline.music import read_library
from talkreel.pipeline.presets import PRESETS
from talkreel.rendering.envelope import music_curve
from talkreel.rendering.render import render
from talkreel.rendering.sound import RATE
from talkreel.store.cache import StageCache


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


PRESET_CLIPS = (*CLIPS[:3], ("edge/hdr10_pq.mp4", 0.0, 20.0))


def presets_part(media: Path, folder: Path, count: int) -> None:
    """Loudness and true peak of what every delivery preset makes, against its own target.

    The picture is small, for the sound does not depend on it.
    """
    sources = [(name, probe(media / name), first, more) for name, first, more in PRESET_CLIPS]
    sounding = [x for x in delivery_presets().values() if not x.overlay]
    print(f"\n| preset | sound | target | {' | '.join(name for name, *_ in sources)} |")
    print("|---|---|---|" + "---|" * len(sources))
    edits = [(voiced(source, first, more, folder), source) for _, source, first, more in sources]
    off, over = [], []
    for preset in sounding:
        cells = []
        for edit, source in edits:
            try:
                fitted = fit_delivery(edit, source, preset).edit
            except Unfit as reason:
                cells.append(f"left out: {reason}")
                continue
            delivery = replace(fitted.encoding.delivery, hardware=False)
            encoding = replace(fitted.encoding, delivery=delivery, x264_preset="ultrafast")
            small = replace(fitted, canvas=edit.canvas, encoding=encoding)
            done = render(small, source, folder / f"p.{preset.container}")
            lufs, peak = done.measured.integrated_lufs, done.measured.true_peak_dbtp
            assert lufs is not None
            assert peak is not None
            off.append(abs(lufs - preset.lufs))
            over.append(peak - preset.true_peak)
            cells.append(f"{lufs:.1f}, {peak:.1f}")
        sound = f"{preset.audio} {preset.audio_kbps}" if preset.audio != "pcm" else "pcm"
        shown = " | ".join(cells)
        print(f"| {preset.name} | {sound} | {preset.lufs:g} | {shown} |", flush=True)
    print(
        f"\n{len(off)} files: mean error {np.mean(off):.2f} LU (bar 0.3), most {max(off):.2f}; "
        f"highest true peak {max(over):+.1f} dB against the target (bar 0)"
    )


def voiced(source: Media, first: float, seconds: float, folder: Path) -> Edit:
    """A clip with the voice chain, as delivery presets take it."""
    wav = folder / "clip.wav"
    extract_audio(source, wav)
    audio = Audio(wav)
    span = Span(first, min(first + seconds, source.duration - 0.2))
    facts = voice_facts(audio, voice_activity(audio), (), span)
    edit = clip(source, span, AudioChain(voice=treat_voice(facts, (), (span,)).chain))
    kept = Span(span.start, span.start + int(span.duration * 5) / 5)
    return replace(edit, kept=(kept,), canvas=Canvas(272, 480, Fraction(25)))
