"""Who a voice sounds like: a local speaker segmentation and a 256-d speaker embedding.

Both networks travel inside moonshine-voice's own library (its port of pyannote's
speaker-diarization-community-1: a powerset segmentation and WeSpeaker's ResNet34, both
CC BY 4.0, here in their quantised form). They are read through the library's exported symbols,
so nothing is downloaded; a build without those symbols counts as not having them.
"""

from __future__ import annotations

import ctypes
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talkreel.core.arrays import FloatArray

SAMPLE_RATE_HZ = 16_000
CHUNK_SECONDS = 10.0
# Speakers that one chunk of the segmentation can tell apart.
LOCAL_SPEAKERS = 3

_PREFIX = "_ZN9cppannote19embedded_community1"
_FRAME, _HOP, _FFT, _MELS = 400, 160, 512, 80


class Voiceprint:
    """The networks inside moonshine-voice.

    Raises:
        LookupError: this build of the library does not carry them.
    """

    name = "wespeaker-resnet34"

    def __init__(self) -> None:
        library = _open_library()
        self._segmentation = _session(_exported(library, "segmentation_ort_data"))
        self._embedding = _session(_exported(library, "embedding_ort_data"))

    def segment(self, samples: NDArray[np.float32]) -> FloatArray:
        """[589, 3] activity (0 or 1) of local speakers in one chunk of 160 000 samples."""
        wave = np.zeros((1, 1, round(CHUNK_SECONDS * SAMPLE_RATE_HZ)), np.float32)
        wave[0, 0, : len(samples)] = samples[: wave.shape[2]]
        return np.asarray(self._segmentation.run(None, {"waveforms": wave})[0][0])

    def embed(self, samples: NDArray[np.float32]) -> FloatArray:
        """[256] unit vector of a voice; ``samples`` hold at least .4 s of it alone."""
        bank = filter_bank(samples)[None]
        weights = np.ones(bank.shape[:2], np.float32)
        vector = self._embedding.run(None, {"fbank": bank, "weights": weights})[0][0]
        return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9))


def filter_bank(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """[frames, 80] Kaldi log mel filter bank at 100 Hz, mean over time removed.

    25 ms Hamming windows without padding at the ends, pre-emphasis .97, 20 Hz to 8 kHz, 16-bit
    scale, no dither: what the embedding was trained on.

    Raises:
        ValueError: fewer samples than one window.
    """
    if len(samples) < _FRAME:
        raise ValueError(f"a filter bank needs {_FRAME} samples or more, got {len(samples)}")
    scaled = np.asarray(samples, np.float32) * 32768.0
    frames = np.lib.stride_tricks.sliding_window_view(scaled, _FRAME)[::_HOP]
    frames = frames - frames.mean(axis=1, keepdims=True)
    before = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    power = np.abs(np.fft.rfft((frames - 0.97 * before) * np.hamming(_FRAME), _FFT)) ** 2
    bank = np.log(np.maximum(power @ _mel_weights(), np.finfo(np.float32).eps))
    return np.asarray(bank - bank.mean(axis=0), dtype=np.float32)


@lru_cache(maxsize=1)
def _mel_weights() -> FloatArray:
    """[257, 80] triangles evenly spaced on Kaldi's mel scale, 1127 ln(1 + f/700)."""
    low, high = (1127.0 * np.log1p(f / 700.0) for f in (20.0, 8000.0))
    edges = np.linspace(low, high, _MELS + 2)
    bins = np.arange(_FFT // 2 + 1) * SAMPLE_RATE_HZ / _FFT
    mels = 1127.0 * np.log1p(bins / 700.0)[:, None]
    rise = (mels - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - mels) / (edges[2:] - edges[1:-1])
    return np.asarray(np.maximum(0.0, np.minimum(rise, fall)))


def _open_library() -> ctypes.CDLL:
    try:
        import moonshine_voice
    except ImportError as error:
        raise LookupError("moonshine-voice is not installed") from error
    folder = Path(moonshine_voice.__file__).parent
    for suffix in (".so", ".dylib"):
        if (path := folder / f"libmoonshine{suffix}").is_file():
            return ctypes.CDLL(str(path))
    raise LookupError(f"no libmoonshine in {folder}")


def _exported(library: ctypes.CDLL, name: str) -> bytes:
    try:
        size = ctypes.c_size_t.in_dll(library, f"{_PREFIX}{len(name) + 5}{name}_sizeE").value
        data = (ctypes.c_char * size).in_dll(library, f"{_PREFIX}{len(name)}{name}E")
    except ValueError as error:
        raise LookupError(f"this moonshine-voice carries no {name}") from error
    return bytes(data)


def _session(model: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def load_voiceprint() -> Voiceprint | None:
    """The networks, or None where the installed moonshine-voice does not carry them."""
    try:
        return Voiceprint()
    except LookupError:
        return None
