"""Talks in rooms of several decays: what is heard of the room, and what the chain leaves of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.signal import fftconvolve

from experiments.benchmarks.craft.sound_kit import (
    REPORTED,
    Sound,
    errors,
    judged,
    si_sdr,
    talks,
    treated,
    utterances,
)
from talkreel.core.sound import VoiceChain
from talkreel.perceive.transcribe import LocalTranscriber
from talkreel.perceive.word_errors import spoken
from talkreel.rendering.sound import RATE

DECAYS = (0.0, 0.4, 0.8, 1.2)
EARLY_SECONDS = 0.05


def rooms_part(media: Path, folder: Path, count: int) -> None:
    """SI-SDR against what arrives within 50 ms, and words wrong, in rooms of several decays."""
    try:
        import pyroomacoustics  # noqa: F401
    except ImportError:
        print("\nrooms: not measured, pyroomacoustics is not installed")
        return
    transcriber = LocalTranscriber(workers=0)
    made = talks(utterances(media, count, REPORTED))
    words = sum(len(spoken(text)) for _, text in made)
    print(f"\n{words} words\n")
    print("| decay s | heard s | taken down | SI-SDR dB as is | after | words wrong | after |")
    print("|---|---|---|---|---|---|---|")
    for decay in DECAYS:
        figures, measured, chosen = np.zeros(4), [], 0
        for seed, (speech, text) in enumerate(made):
            wet, early = in_room(speech, decay, seed)
            facts, treatment = judged(wet, folder)
            measured.append(str(facts.decay_seconds))
            chosen += treatment.chain is not None and treatment.chain.dereverb
            # Measured in dry talks too, where it is not chosen: the harm of a wrong choice.
            before, after = (
                treated(wet, folder, VoiceChain(high_pass_hz=70.0, dereverb=on))
                for on in (False, True)
            )
            wanted = treated(early, folder, VoiceChain(high_pass_hz=70.0))
            for i, sound in enumerate((before, after)):
                figures[i] += si_sdr(wanted, sound) / len(made)
                figures[2 + i] += errors(sound, text, folder, transcriber)
        scores = f"{figures[0]:.1f} | {figures[1]:.1f} | {figures[2]:.0f} | {figures[3]:.0f}"
        told = f"{', '.join(measured)} | {chosen} of {len(made)} | {scores}"
        print(f"| {decay:g} | {told} |", flush=True)


def in_room(sound: Sound, decay: float, seed: int) -> tuple[Sound, Sound]:
    """(what a microphone hears, the early part of it) in a room of 6 by 5 by 3 m."""
    if not decay:
        return sound, sound
    import pyroomacoustics as rooms

    absorption, order = rooms.inverse_sabine(decay, [6.0, 5.0, 3.0])
    rng = np.random.default_rng(seed)
    walls = rooms.Material(absorption)
    room = rooms.ShoeBox([6, 5, 3], fs=RATE, materials=walls, max_order=min(order, 30))
    room.add_source([2 + rng.random(), 3.4, 1.6])
    room.add_microphone([3.4 + rng.random(), 1.3 + rng.random(), 1.2])
    room.compute_rir()
    answer = np.asarray(room.rir[0][0])
    answer = answer[max(0, int(np.argmax(np.abs(answer))) - 16) :]
    early = np.where(np.arange(len(answer)) < EARLY_SECONDS * RATE, answer, 0)
    return fftconvolve(sound, answer)[: len(sound)], fftconvolve(sound, early)[: len(sound)]
