"""Hum, clicks and uneven speakers: what is found, what is left of them, and what it costs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

from experiments.benchmarks.craft.sound_kit import (
    PAUSE_SECONDS,
    PER_TALK,
    Sound,
    decided,
    heard,
    mixed,
    si_sdr,
    talks,
    treated,
    utterances,
)
from talkreel.core.sound import VoiceChain
from talkreel.core.spans import Span
from talkreel.core.transcript import Word
from talkreel.edit.sound import treat_voice
from talkreel.media.audio import Audio, extract_audio
from talkreel.media.probe import probe
from talkreel.perceive.noise import voice_facts
from talkreel.perceive.vad import voice_activity
from talkreel.rendering.sound import RATE


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


HIGH_PASS = VoiceChain(high_pass_hz=70.0)
CLICKS = 40
BREATHS_BELOW_DB = 20.0


def clicks_part(media: Path, folder: Path, count: int) -> None:
    """Clicks and breaths put into clean talks: found, what is left of them, harm without them."""
    print(
        "\n| talk | put in | found | left of them dB | clean: found | declicked anyway SI-SDR dB |"
    )
    print("|---|---|---|---|---|---|")
    made = talks(utterances(media, count))
    for number, (speech, _) in enumerate(made):
        clean = np.asarray(speech * 0.5 / np.abs(speech).max())
        spoilt, at = clicked(clean, number)
        chain = decided(spoilt, folder).chain or VoiceChain()
        mend = replace(HIGH_PASS, declick=chain.declick)
        wanted = treated(clean, folder, HIGH_PASS)
        before = energy_at(treated(spoilt, folder, HIGH_PASS) - wanted, at)
        after = energy_at(treated(spoilt, folder, mend) - wanted, at)
        found, none = (_clicks_found(x, folder) for x in (spoilt, clean))
        anyway = si_sdr(wanted, treated(clean, folder, replace(HIGH_PASS, declick=True)))
        print(
            f"| {number} | {len(at)} | {found} | {after - before:.1f} | {none} | {anyway:.1f} |",
            flush=True,
        )
    _breaths(media, folder, count)


def clicked(sound: Sound, seed: int) -> tuple[Sound, np.ndarray]:
    """``sound`` with clicks of one to four samples, and where they are."""
    rng = np.random.default_rng(seed)
    at = np.sort(rng.choice(len(sound) // 4800 - 2, CLICKS, replace=False) + 1) * 4800
    out = sound.copy()
    for place in at:
        wave = rng.uniform(0.3, 0.9) * (-1.0) ** np.arange(rng.integers(1, 5))
        out[place : place + len(wave)] += wave
    return np.asarray(np.clip(out, -1, 1)), at


def energy_at(error: Sound, at: np.ndarray) -> float:
    """dB of ``error`` within 5 ms of the clicks."""
    parts = [error[place - 240 : place + 240] for place in at]
    return float(10 * np.log10(np.mean(np.square(parts)) + 1e-12))


def _clicks_found(sound: Sound, folder: Path) -> int:
    audio = heard(sound, folder)
    facts = voice_facts(audio, voice_activity(audio), (), Span(0.0, audio.duration))
    return round(facts.clicks_per_minute * max(audio.duration, 30.0) / 60)


def _breaths(media: Path, folder: Path, count: int) -> None:
    """A breath in every pause between two utterances."""
    print("\n| talk | breaths put in | found | taken down by dB | words changed by dB |")
    print("|---|---|---|---|---|")
    parts = utterances(media, count)
    rng = np.random.default_rng(5)
    for first in range(0, len(parts), PER_TALK):
        sound, words, puts = _breathy(parts[first : first + PER_TALK], rng)
        audio = heard(sound, folder)
        whole = Span(0.0, audio.duration)
        facts = voice_facts(audio, voice_activity(audio), words, whole)
        chain = treat_voice(facts, words, (whole,)).chain or VoiceChain()
        soft = treated(sound, folder, VoiceChain(gains=chain.gains))
        sound = treated(sound, folder, VoiceChain())
        found = sum(any(x.overlap(put) > 0 for x in facts.breaths) for put in puts)
        down = [_db_of(sound, put) - _db_of(soft, put) for put in puts]
        said = [abs(_db_of(sound, x.span) - _db_of(soft, x.span)) for x in words]
        print(
            f"| {first // PER_TALK} | {len(puts)} | {found} | {np.mean(down):.1f} "
            f"| {max(said):.2f} at most |",
            flush=True,
        )


def _breathy(
    parts: list[tuple[Sound, str]], rng: np.random.Generator
) -> tuple[Sound, list[Word], list[Span]]:
    sounds, words, puts = [], [], []
    level = np.std(np.concatenate([x for x, _ in parts])) * 10 ** (-BREATHS_BELOW_DB / 20)
    start = 0
    for speech, _ in parts:
        pause = np.zeros(round(PAUSE_SECONDS * RATE))
        middle = round(0.3 * RATE)
        airy = np.diff(rng.normal(size=middle + 1)) * np.hanning(middle)
        pause[round(0.25 * RATE) :][:middle] = level * airy / airy.std()
        words.append(Word("said", Span(start / RATE, (start + len(speech)) / RATE)))
        start += len(speech)
        puts.append(Span(start / RATE + 0.25, start / RATE + 0.55))
        start += len(pause)
        sounds += [speech, pause]
    sound = np.concatenate(sounds)
    return np.asarray(sound + 0.03 * level * rng.normal(size=len(sound))), words, puts


def _db_of(sound: Sound, span: Span) -> float:
    part = sound[round(span.start * RATE) : round(span.end * RATE)]
    return float(10 * np.log10(np.mean(part**2) + 1e-12))
