"""The sound of the sample: speech laid on a clock, applause and a quiet room."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from talk import LINES, Line
from voice import Espeak, SpokenWord

LEAD_IN = 0.6  # seconds before the first word
CUT_LEAD = 0.2  # seconds by which a new shot comes before its first word
_ROOM_LEVEL = 0.0009  # about -61 dBFS: a real room is never digitally silent
_SPEECH_PEAK = 0.5


@dataclass(frozen=True)
class Utterance:
    """A line with its place on the clock; word times in seconds of the talk."""

    line: Line
    start: float
    end: float
    words: tuple[SpokenWord, ...]


@dataclass(frozen=True)
class Track:
    """The whole sound.

    Attributes:
        samples: [N] mono, -1..1.
        sample_rate: Hz.
        utterances: in order.
        applause: (start, end) seconds.
    """

    samples: NDArray[np.float32]
    sample_rate: int
    utterances: tuple[Utterance, ...]
    applause: tuple[tuple[float, float], ...]

    @property
    def duration(self) -> float:
        """Seconds."""
        return len(self.samples) / self.sample_rate


def make_track() -> Track:
    """Speak every line and mix it with applause and room noise; the same every time."""
    espeak = Espeak()
    rate = espeak.sample_rate
    rng = np.random.default_rng(1863)
    pieces = [np.zeros(round(LEAD_IN * rate), dtype=np.float32)]
    utterances: list[Utterance] = []
    claps: list[tuple[float, float]] = []
    at = len(pieces[0])
    for line in LINES:
        spoken = espeak.say(line.ssml, line.voice)
        start = at / rate
        end = start + spoken.words[-1].end
        words = tuple(
            SpokenWord(w.text, round(start + w.start, 3), round(start + w.end, 3), w.exact)
            for w in spoken.words
        )
        utterances.append(Utterance(line, words[0].start, words[-1].end, words))
        pause = np.zeros(round(line.pause * rate), dtype=np.float32)
        if line.applause:
            begin = at + len(spoken.samples)
            clapping = _applause(line.applause, rate, rng)
            pause[: len(clapping)] = clapping[: len(pause)]
            claps.append((round(end, 3), round(begin / rate + line.applause, 3)))
        pieces += [_level(spoken.samples), pause]
        at += len(spoken.samples) + len(pause)
    samples = np.concatenate(pieces)
    samples += _room(len(samples), rng)
    return Track(samples.clip(-1, 1), rate, tuple(utterances), tuple(claps))


def _level(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    return samples * np.float32(_SPEECH_PEAK / np.abs(samples).max())


def _room(count: int, rng: np.random.Generator) -> NDArray[np.float32]:
    white = rng.standard_normal(count + 8)
    smooth = np.convolve(white, np.ones(8) / np.sqrt(8), mode="valid")[:count]
    return np.asarray(smooth * _ROOM_LEVEL, dtype=np.float32)


def _applause(seconds: float, rate: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Many short decaying noise bursts: about 40 people clapping four times a second."""
    count = round(seconds * rate)
    sound = np.zeros(count + rate // 10, dtype=np.float32)
    for _person in range(40):
        period, loudness = rng.uniform(0.2, 0.3), rng.uniform(0.3, 1.0)
        for clap in np.arange(rng.uniform(0, 0.4), seconds - 0.05, period):
            first = round((clap + rng.normal(0, 0.012)) * rate)
            burst = round(rng.uniform(0.008, 0.02) * rate)
            shape = np.exp(-np.arange(4 * burst) / burst) * rng.standard_normal(4 * burst)
            place = sound[max(first, 0) : max(first, 0) + 4 * burst]
            place += loudness * shape[: len(place)].astype(np.float32)
    sound = sound[:count]
    swell = np.minimum(np.arange(count) / (0.25 * rate), (count - np.arange(count)) / (0.6 * rate))
    shaped = sound * np.clip(swell, 0, 1)
    return np.asarray(0.35 * shaped / np.abs(shaped).max(), dtype=np.float32)
