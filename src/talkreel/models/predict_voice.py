"""The emotion of voices over a recording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from talkreel.core.arrays import FloatArray
from talkreel.core.emotions import EMOTIONS
from talkreel.core.signals import Signal
from talkreel.core.spans import Span
from talkreel.core.stage import Progress, silent
from talkreel.core.transcript import Word
from talkreel.features.voice import FEATURES, VoiceReference, fitted, voice_features
from talkreel.media.audio import Audio
from talkreel.models.bundle import Bundle, require
from talkreel.models.emotion import to_emotions
from talkreel.models.emotion_voice import EmotionVoiceNet

NAME = "emotion_voice"
WINDOW_SECONDS = 2.0  # the length of the clips that it learned from
STEP_SECONDS = 1.0
_FRAMES = 200
# With fewer windows a speaker's usual voice is not known; that of the training voices stands in.
_KNOWN_WINDOWS = 30
_LEAST_SPOKEN = 0.5  # of the window
_BATCH = 64


@dataclass(frozen=True, slots=True, eq=False)
class _Windows:
    """Windows of one speaker: places in the signal, and features."""

    places: list[int]
    mel: FloatArray
    statistics: FloatArray


class VoiceEmotionPredictor:
    """Says once a second what the voice sounds like, relative to how that speaker usually sounds.

    Args:
        bundle: of the role ``emotion-voice``.

    Raises:
        SchemaError: a bundle of another network, or one fed with other features.
    """

    name = NAME
    version = 1

    def __init__(self, bundle: Bundle) -> None:
        require(bundle, EmotionVoiceNet.architecture, FEATURES)
        assert isinstance(bundle.net, EmotionVoiceNet)
        self._net, self._labels = bundle.net, bundle.spec.labels

    def __call__(
        self, audio: Audio, words: Sequence[Word], *, progress: Progress = silent
    ) -> Signal:
        """[T, 7] probabilities by the second, in the order of ``EMOTIONS``.

        Args:
            audio: of the recording.
            words: with their speakers, in order of time.
            progress: told the share of the windows done.

        Returns:
            NaN where too little is said in the two seconds around.
        """
        count = int(np.ceil(audio.duration / STEP_SECONDS))
        values = np.full((count, len(EMOTIONS)), np.nan, dtype=np.float32)
        places = _spoken(words, count)
        done = 0
        for speaker in sorted({name for name, _ in places}):
            own = [place for name, place in places if name == speaker]
            windows = _cut(audio, own)
            if windows.places:
                values[windows.places] = self._predict(windows)
            done += len(own)
            progress(done / len(places))
        return Signal(NAME, values, "probability", 0.0, STEP_SECONDS, EMOTIONS)

    def _predict(self, windows: _Windows) -> FloatArray:
        known = len(windows.places) >= _KNOWN_WINDOWS
        usual = VoiceReference.of(windows.mel, windows.statistics) if known else self._net.reference
        mel, statistics = usual.apply(windows.mel, windows.statistics)
        parts = []
        with torch.inference_mode():
            for first in range(0, len(mel), _BATCH):
                rows = slice(first, first + _BATCH)
                sound, values = torch.from_numpy(mel[rows]), torch.from_numpy(statistics[rows])
                parts.append(self._net.probabilities(sound, values).numpy())
        return to_emotions(np.concatenate(parts), self._labels)


def _window(place: int) -> Span:
    middle = (place + 0.5) * STEP_SECONDS
    return Span(middle - WINDOW_SECONDS / 2, middle + WINDOW_SECONDS / 2)


def _spoken(words: Sequence[Word], count: int) -> list[tuple[str, int]]:
    """Speaker and place of each window that one person speaks for at least half."""
    spoken: list[dict[str, float]] = [{} for _ in range(count)]
    for word in words:
        first = max(0, int((word.span.start - WINDOW_SECONDS / 2) / STEP_SECONDS))
        last = int((word.span.end + WINDOW_SECONDS / 2) / STEP_SECONDS) + 1
        for place in range(first, min(last, count)):
            share = _window(place).overlap(word.span)
            name = word.speaker or ""
            spoken[place][name] = spoken[place].get(name, 0.0) + share
    found = []
    for place, shares in enumerate(spoken):
        name = max(shares, key=lambda name: shares[name], default="")
        if shares.get(name, 0.0) >= _LEAST_SPOKEN * WINDOW_SECONDS:
            found.append((name, place))
    return found


def _cut(audio: Audio, places: Sequence[int]) -> _Windows:
    kept, mel, statistics = [], [], []
    for place in places:
        try:
            features = voice_features(audio.samples(_window(place)))
        except ValueError:  # words over digital silence: subtitles of a muted stretch
            continue
        kept.append(place)
        mel.append(fitted(features.mel, _FRAMES))
        statistics.append(features.statistics)
    if not kept:
        return _Windows([], np.zeros((0, 0, 0)), np.zeros((0, 0)))
    return _Windows(kept, np.stack(mel), np.stack(statistics))
