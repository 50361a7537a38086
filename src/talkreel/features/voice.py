"""What the emotion network hears of a voice: a log-mel picture and statistics of its delivery.

Both are free of the recording's level: a voice is scaled to the same loudness first, since a
microphone's gain says nothing of what is felt.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from talkreel.core.arrays import FloatArray, frozen
from talkreel.features.delivery import delivery_statistics

if TYPE_CHECKING:
    from torch import Tensor

FEATURES = "voice-64-mel/1"
SAMPLE_RATE = 16_000
MELS = 64
HOP = 160
_WINDOW, _FFT = 400, 512
_LOWEST_HZ, _HIGHEST_HZ = 50.0, 7600.0
_LEAST_SECONDS = 0.4
_FLOOR = 1e-5  # of the loudest usual frame; Opus leaves nothing of worth below
# Speech ends where the level stays so far below its peak; RAVDESS clips start and end silent.
_SILENCE_DB = 40.0
_MARGIN_FRAMES = 5
_CUT = 4.0  # deviations


@dataclass(frozen=True, slots=True, eq=False)
class VoiceFeatures:
    """One stretch of a voice.

    Attributes:
        mel: [64, F] log-mel energies at 100 Hz, about 0 with deviation 1.
        statistics: [S] of pitch, energy, timbre and tempo.
    """

    mel: FloatArray
    statistics: FloatArray

    def __post_init__(self) -> None:
        object.__setattr__(self, "mel", frozen(self.mel))
        object.__setattr__(self, "statistics", frozen(self.statistics))


def voice_features(samples: NDArray[np.float32]) -> VoiceFeatures:
    """Features of one stretch of speech by one speaker.

    Args:
        samples: [T] 16 kHz mono, -1..1; silence around the speech is left out.

    Raises:
        ValueError: not one channel, shorter than 0.4 s, or silent.
    """
    speech, power, logs = _heard(samples)
    return VoiceFeatures(
        mel=_levelled(logs),
        statistics=delivery_statistics(speech, power, logs, SAMPLE_RATE, HOP),
    )


def voice_mel(samples: NDArray[np.float32]) -> FloatArray:
    """[64, F] ``mel`` of ``voice_features`` without the statistics, which take most of the time.

    Raises:
        ValueError: as ``voice_features``.
    """
    return _levelled(_heard(samples)[2])


def _heard(samples: NDArray[np.float32]) -> tuple[NDArray[np.float32], FloatArray, FloatArray]:
    """[T] speech, [257, F] its power spectrum and [64, F] its log-mel energies."""
    if samples.ndim != 1 or len(samples) < _LEAST_SECONDS * SAMPLE_RATE:
        raise ValueError(
            f"a voice must be [T] samples at {SAMPLE_RATE} Hz of at least {_LEAST_SECONDS} s, "
            f"got {samples.shape}"
        )
    if not np.isfinite(samples).all() or float(np.abs(samples).max()) < 1e-4:
        raise ValueError("a voice must be finite and not silent")
    speech = _speech(samples)
    power = _power(speech)
    mel = np.asarray(_filters() @ power, dtype=np.float32)
    return speech, power, np.log(mel + _FLOOR * float(np.quantile(mel.max(axis=0), 0.95)))


def _levelled(logs: FloatArray) -> FloatArray:
    return np.asarray((logs - logs.mean()) / max(float(logs.std()), 1e-3))


def _speech(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """From the first to the last loud frame, scaled to a root mean square of 0.1."""
    frames = samples[: len(samples) // HOP * HOP].reshape(-1, HOP)
    level = 10 * np.log10(np.mean(np.square(frames), axis=1) + 1e-10)
    loud = np.flatnonzero(level > level.max() - _SILENCE_DB)
    least = int(_LEAST_SECONDS * SAMPLE_RATE / HOP) // 2
    middle = (loud[0] + loud[-1]) // 2
    first = max(0, min(loud[0] - _MARGIN_FRAMES, middle - least))
    last = max(loud[-1] + 1 + _MARGIN_FRAMES, first + 2 * least)
    speech = samples[first * HOP : last * HOP].astype(np.float32)
    return np.asarray(speech * (0.1 / np.sqrt(np.mean(np.square(speech)) + 1e-12)))


def _power(samples: NDArray[np.float32]) -> FloatArray:
    """[257, F] power spectrum at 100 Hz, F = samples / 160 rounded down."""
    import torch

    found = torch.stft(
        torch.from_numpy(samples),
        n_fft=_FFT,
        hop_length=HOP,
        win_length=_WINDOW,
        window=torch.hann_window(_WINDOW),
        center=True,
        return_complex=True,
    )
    return np.asarray(found.abs().square().numpy()[:, : len(samples) // HOP])


@lru_cache(maxsize=1)
def _filters() -> FloatArray:
    """[64, 257] triangular filters on the mel scale."""
    from torchaudio.functional import melscale_fbanks

    filters: Tensor = melscale_fbanks(
        n_freqs=_FFT // 2 + 1,
        f_min=_LOWEST_HZ,
        f_max=_HIGHEST_HZ,
        n_mels=MELS,
        sample_rate=SAMPLE_RATE,
        mel_scale="slaney",
        norm="slaney",
    )
    return np.ascontiguousarray(filters.numpy().T)


@dataclass(frozen=True, slots=True, eq=False)
class VoiceReference:
    """How a speaker usually sounds; features are taken relative to it.

    Attributes:
        mel_mean: [64] of the log-mel energies.
        mel_scale: [64] their deviation.
        mean: [S] of the statistics.
        scale: [S] their deviation.
    """

    mel_mean: FloatArray
    mel_scale: FloatArray
    mean: FloatArray
    scale: FloatArray

    def __post_init__(self) -> None:
        for name in self.__slots__:
            object.__setattr__(self, name, frozen(getattr(self, name)))

    @classmethod
    def of(cls, mel: FloatArray, statistics: FloatArray) -> VoiceReference:
        """From [N, 64, F] and [N, S] of one speaker or of many.

        Raises:
            ValueError: fewer than two stretches, which have no deviation.
        """
        if len(mel) < 2 or len(mel) != len(statistics):
            raise ValueError(
                f"a reference needs two or more stretches, got {len(mel)} and {len(statistics)}"
            )
        frames = np.asarray(mel, dtype=np.float32)
        return cls(
            frames.mean(axis=(0, 2)),
            np.maximum(frames.std(axis=(0, 2)), 1e-2),
            statistics.mean(axis=0),
            np.maximum(statistics.std(axis=0), 1e-3),
        )

    def apply(self, mel: FloatArray, statistics: FloatArray) -> tuple[FloatArray, FloatArray]:
        """[N, 64, F] and [N, S] relative to this; outliers are cut at 4 deviations."""
        relative = (mel - self.mel_mean[:, None]) / self.mel_scale[:, None]
        values = np.clip((statistics - self.mean) / self.scale, -_CUT, _CUT)
        return relative.astype(np.float32), values.astype(np.float32)


def fitted(mel: FloatArray, frames: int) -> FloatArray:
    """[64, frames]: the middle of a long stretch; a short one said again and again.

    Raises:
        ValueError: no frames are asked for.
    """
    if frames < 1:
        raise ValueError(f"at least one frame is needed, got {frames}")
    count = mel.shape[1]
    first = max(0, (count - frames) // 2)
    return np.asarray(mel[:, first + np.arange(frames) % min(count, frames)])
