"""Noisy talks made from clean speech: distortion and word errors as is, by libraries, by ours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from experiments.benchmarks.craft.sound_kit import (
    REPORTED,
    Sound,
    by_filter,
    decided,
    errors,
    mixed,
    noise,
    si_sdr,
    talks,
    treated,
    utterances,
)
from talkreel.core.sound import VoiceChain
from talkreel.perceive.transcribe import LocalTranscriber
from talkreel.perceive.word_errors import spoken
from talkreel.rendering.sound import RATE

SNRS_DB = (0, 5, 10)
NOISES = ("white", "pink", "babble", "hum")
# Latency of afftdn at 48 kHz, measured by correlation; the comparison is made in step.
AFFTDN_LATENCY = 1200
RNNOISE_DB = 40.0
HIGH_PASS = VoiceChain(high_pass_hz=70.0)


def noise_part(media: Path, folder: Path, count: int, kinds: Sequence[str] = NOISES) -> None:
    """A row for every noise and level, and clean speech: SI-SDR and word errors of every way."""
    transcriber = LocalTranscriber(workers=0)
    parts = utterances(media, count, REPORTED)
    voices, made = [x for x, _ in parts], talks(parts)
    words = sum(len(spoken(text)) for _, text in made)
    wanted = [treated(sound, folder, HIGH_PASS) for sound, _ in made]
    names = " | ".join(WAYS)
    print(f"\n{len(parts)} utterances, {words} words; SI-SDR dB, then words wrong\n")
    print(f"| noise | dB | SI-SDR {names} | words wrong {names} | reduction |")
    print("|---|---|" + "---|" * (2 * len(WAYS) + 1))
    for kind in kinds:
        for snr in SNRS_DB:
            figures = np.zeros((2, len(WAYS)))
            depth = []
            for seed, ((speech, text), clean) in enumerate(zip(made, wanted, strict=True)):
                noisy = mixed(speech, noise(kind, len(speech), seed, voices), snr)
                depth.append((decided(noisy, folder).chain or VoiceChain()).denoise_db)
                for i, way in enumerate(WAYS.values()):
                    got = way(noisy, folder)
                    figures[0, i] += np.nan if got is None else si_sdr(clean, got) / len(made)
                    # Words are counted without even the high-pass.
                    read = noisy if way is plain else got
                    wrong = np.nan if read is None else errors(read, text, folder, transcriber)
                    figures[1, i] += wrong
            row = [*(f"{x:.1f}" for x in figures[0]), *(f"{x:.0f}" for x in figures[1])]
            shown = " | ".join(row).replace("nan", "not installed")
            print(
                f"| {kind} | {snr} | {shown} | {min(depth):.0f} to {max(depth):.0f} dB |",
                flush=True,
            )
    texts = [text for _, text in made]
    wrong = [
        sum(errors(got, text, folder, transcriber) for got, text in zip(done, texts, strict=True))
        for done in (
            [sound for sound, _ in made],
            [treated(x, folder, decided(x, folder).chain or VoiceChain()) for x, _ in made],
        )
    ]
    print(f"\nclean speech, words wrong of {words}: as is {wrong[0]}, chain {wrong[1]}")


def plain(sound: Sound, folder: Path) -> Sound:
    """The high-pass alone."""
    return by_filter("highpass=f=70", 0, sound, folder)


def afftdn(sound: Sound, folder: Path) -> Sound:
    """What ffmpeg has that needs no weights."""
    return by_filter("highpass=f=70,afftdn=nr=9:tn=1", AFFTDN_LATENCY, sound, folder)


def gated(sound: Sound, folder: Path) -> Sound | None:
    """Spectral gating, down to what the chain leaves."""
    try:
        from noisereduce import reduce_noise
    except ImportError:
        return None
    high = plain(sound, folder)
    kept = 10 ** (-(decided(sound, folder).chain or VoiceChain()).denoise_db / 20)
    done = reduce_noise(high, RATE, stationary=True, n_fft=2048, prop_decrease=1 - kept)
    return np.asarray(done, dtype=np.float64)


def rnnoise(sound: Sound, folder: Path) -> Sound:
    """RNNoise with nothing of the sound as it was."""
    return treated(sound, folder, replace(HIGH_PASS, denoise_db=RNNOISE_DB))


def chained(sound: Sound, folder: Path) -> Sound:
    """What ``--enhance voice`` does, without what changes speech on purpose: tone and levels."""
    chain = decided(sound, folder).chain or VoiceChain()
    return treated(sound, folder, replace(chain, equalizer=(), compression=None, gains=()))


WAYS: dict[str, Callable[[Sound, Path], Sound | None]] = {
    "as is": plain,
    "afftdn": afftdn,
    "noisereduce": gated,
    "RNNoise alone": rnnoise,
    "chain": chained,
}
