"""Voice, tones over what is masked in it, and music, added up block by block."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from talkreel.core.arrays import FloatArray
from talkreel.core.edits import AudioChain
from talkreel.core.spans import Span, TimeMap
from talkreel.rendering.envelope import at_samples, closed, on_clip
from talkreel.rendering.music import Music
from talkreel.rendering.sound import RATE

_BLOCK = 10 * RATE
_TONE_BELOW_SPEECH_DB = 4.0
_LEVEL_SECONDS = 0.05
# What is softer than the loudest moment by more than this is no speech.
_QUIETER_THAN_SPEECH_DB = 20.0


class Mix:
    """What is heard of an edit before it is mastered.

    Args:
        chain: masks and music.
        time_map: to the clip clock.
        voice: raw file of the voice.
        total: samples of the clip.
        music: opened, or None.
    """

    def __init__(
        self, chain: AudioChain, time_map: TimeMap, voice: Path, total: int, music: Music | None
    ) -> None:
        self._voice = np.memmap(voice, dtype=np.float32, mode="r").reshape(-1, 2)
        self._total, self._music = total, music
        seconds = total / RATE
        masked: dict[float | None, list[Span]] = defaultdict(list)
        for number, span in on_clip((mute.span for mute in chain.mutes), time_map):
            masked[chain.mutes[number].tone_hz].append(span)
        everywhere = [span for spans in masked.values() for span in spans]
        self._open = closed(everywhere, seconds) if everywhere else None
        self._tones = {
            pitch: 1 - closed(spans, seconds)
            for pitch, spans in masked.items()
            if pitch is not None
        }
        self._loud = speech_amplitude(self._voice) if self._tones else 0.0
        self._bed = music.curve(time_map, seconds) if music else None

    def write(self, target: Path) -> None:
        """Write all of it as raw samples."""
        with open(target, "wb") as file:
            for first in range(0, self._total, _BLOCK):
                file.write(self._block(first, min(first + _BLOCK, self._total)).tobytes())

    def _block(self, first: int, last: int) -> NDArray[np.float32]:
        block = np.zeros((last - first, 2), dtype=np.float32)
        there = self._voice[first:last]
        block[: len(there)] = there
        if self._open is not None:
            block *= at_samples(self._open, first, last, RATE)
        for pitch, curve in self._tones.items():
            block += self._loud * at_samples(curve, first, last, RATE) * _sine(pitch, first, last)
        if self._music is not None and self._bed is not None:
            block += self._music.samples(first, last) * at_samples(self._bed, first, last, RATE)
        return block


def speech_amplitude(voice: NDArray[np.float32]) -> float:
    """Amplitude of a tone that sounds a little softer than the speech in [N, 2] samples."""
    size = round(_LEVEL_SECONDS * RATE)
    whole = len(voice) // size * size
    if not whole:
        return 0.0
    power: FloatArray = np.array(
        [np.mean(voice[at : at + size].astype(np.float64) ** 2) for at in range(0, whole, size)]
    )
    speech = power[power >= power.max() * 10 ** (-_QUIETER_THAN_SPEECH_DB / 10)]
    return float(np.sqrt(2 * speech.mean()) * 10 ** (-_TONE_BELOW_SPEECH_DB / 20))


def _sine(pitch: float, first: int, last: int) -> NDArray[np.float32]:
    """[last - first, 1] of a sine that goes on across blocks."""
    wave = np.sin(2 * np.pi * pitch / RATE * np.arange(first, last))
    return np.asarray(wave[:, None], dtype=np.float32)
