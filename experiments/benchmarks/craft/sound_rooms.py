"""Talks in rooms: what weighted prediction error (nara_wpe) takes of the reverberation.

Nothing here is part of the chain; both libraries are installed for the measurement alone.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from scipy.signal import fftconvolve, resample_poly

from experiments.benchmarks.craft.sound_kit import (
    REPORTED,
    Sound,
    errors,
    si_sdr,
    talks,
    utterances,
)
from talkreel.perceive.transcribe import LocalTranscriber
from talkreel.perceive.word_errors import spoken

RATE = 16_000
DECAYS = (0.0, 0.4, 0.8, 1.2)
EARLY_SECONDS = 0.05


def rooms_part(media: Path, folder: Path, count: int) -> None:
    """SI-SDR against what arrives within 50 ms, and words wrong, in rooms of several decays."""
    try:
        import nara_wpe  # noqa: F401
        import pyroomacoustics  # noqa: F401
    except ImportError as missing:
        print(f"\nrooms: not measured, {missing.name} is not installed")
        return
    transcriber = LocalTranscriber(workers=0)
    made = talks(utterances(media, count, REPORTED))
    words = sum(len(spoken(text)) for _, text in made)
    print(
        f"\n{words} words\n\n| decay s | SI-SDR dB as is | WPE | words wrong as is | WPE | took |"
    )
    print("|---|---|---|---|---|---|")
    for decay in DECAYS:
        figures, took, length = np.zeros(4), 0.0, 0.0
        for seed, (speech, text) in enumerate(made):
            wet, early = in_room(np.asarray(resample_poly(speech, 1, 3)), decay, seed)
            began = time.process_time()
            dry = predicted(wet)
            took += time.process_time() - began
            length += len(wet) / RATE
            for i, sound in enumerate((wet, dry)):
                figures[i] += si_sdr(early + 1e-9, sound) / len(made)
                full = np.asarray(resample_poly(sound, 3, 1))
                figures[2 + i] += errors(full, text, folder, transcriber)
        scores = f"{figures[0]:.1f} | {figures[1]:.1f} | {figures[2]:.0f} | {figures[3]:.0f}"
        print(f"| {decay:g} | {scores} | {took / length:.2f} s a second |", flush=True)


def in_room(sound: Sound, decay: float, seed: int) -> tuple[Sound, Sound]:
    """(what a microphone hears, the early part of it) in a room of 6 by 5 by 3 m."""
    if not decay:
        return sound, sound
    import pyroomacoustics as rooms

    absorption, order = rooms.inverse_sabine(decay, [6.0, 5.0, 3.0])
    rng = np.random.default_rng(seed)
    walls = rooms.Material(absorption)
    room = rooms.ShoeBox([6, 5, 3], fs=RATE, materials=walls, max_order=min(order, 40))
    room.add_source([2 + rng.random(), 3.4, 1.6])
    room.add_microphone([3.4 + rng.random(), 1.3 + rng.random(), 1.2])
    room.compute_rir()
    answer = np.asarray(room.rir[0][0])
    answer = answer[max(0, int(np.argmax(np.abs(answer))) - 16) :]
    early = np.where(np.arange(len(answer)) < EARLY_SECONDS * RATE, answer, 0)
    return fftconvolve(sound, answer)[: len(sound)], fftconvolve(sound, early)[: len(sound)]


def predicted(sound: Sound) -> Sound:
    """``sound`` without what can be predicted from what was heard 32 ms before and earlier."""
    from nara_wpe.utils import istft, stft
    from nara_wpe.wpe import wpe_v8

    spectra = stft(sound[None], size=512, shift=128).transpose(2, 0, 1)
    dry = wpe_v8(spectra, taps=10, delay=3, iterations=3).transpose(1, 2, 0)
    out = istft(dry, size=512, shift=128)[0][: len(sound)]
    return np.pad(out, (0, len(sound) - len(out)))
