"""LR-ASD: does the sound belong to this mouth, frame by frame.

The network of "LR-ASD: Lightweight and Robust Network for Active Speaker Detection" (IJCV 2025;
weights MIT) takes lower-face crops at 25 Hz and MFCC at 100 Hz.
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talkreel.core.arrays import FloatArray
from talkreel.store.weights import find_weights

FACE_RATE_HZ = 25.0
CROP_PX = 112
SAMPLE_RATE_HZ = 16_000
# The network sees a few seconds at a time. Its authors average six lengths; one costs a sixth and
# what is lost is regained by smoothing over the turn. Memory grows with the longest window.
_WINDOW_SECONDS = 3.0
_MIN_FRAMES = 5
_COEFFICIENTS, _FILTERS, _FFT, _FRAME, _HOP, _LIFTER = 13, 26, 512, 400, 160, 22


class LrAsd:
    """The two ONNX halves of the network.

    Args:
        frontend: encoders of sound and face.
        backend: scorer of the two encodings.
    """

    name = "lr-asd"

    def __init__(self, frontend: Path, backend: Path) -> None:
        self._frontend, self._backend = _session(frontend), _session(backend)

    def __call__(self, crops: NDArray[np.uint8], samples: NDArray[np.float32]) -> FloatArray:
        """[T] log odds that the face speaks.

        Args:
            crops: [T, 112, 112] gray lower-face crops at 25 Hz, see ``crop_region``.
            samples: -1..1 at 16 kHz from the time of the first crop on; padded with silence.

        Raises:
            ValueError: crops of another shape.
        """
        if crops.ndim != 3 or crops.shape[1:] != (CROP_PX, CROP_PX):
            raise ValueError(f"crops need shape [T, {CROP_PX}, {CROP_PX}], got {crops.shape}")
        count = len(crops)
        if count < _MIN_FRAMES:
            return np.zeros(count)
        wanted = round(count / FACE_RATE_HZ * SAMPLE_RATE_HZ) + _FRAME
        padded = np.pad(samples[:wanted], (0, max(0, wanted - len(samples))))
        sound = mfcc(padded)[: 4 * count]
        windows = math.ceil(count / FACE_RATE_HZ / _WINDOW_SECONDS)
        bounds = np.linspace(0, count, windows + 1).round().astype(int)
        parts = []
        for first, last in pairwise(bounds.tolist()):
            audio = sound[None, 4 * first : 4 * last]
            faces = crops[None, first:last].astype(np.float32)
            embeds = self._frontend.run(["embedA", "embedV"], {"audio": audio, "video": faces})
            feed = {"embedA": embeds[0], "embedV": embeds[1]}
            parts.append(self._backend.run(["scoresAV"], feed)[0].reshape(-1))
        return np.concatenate(parts)


def load_lr_asd(models_dir: Path | None = None) -> LrAsd | None:
    """The network when both halves are on this machine."""
    halves = [find_weights(f"lr-asd-{half}", models_dir) for half in ("frontend", "backend")]
    return None if halves[0] is None or halves[1] is None else LrAsd(halves[0], halves[1])


def crop_region(box: FloatArray) -> FloatArray:
    """[4] the square (same unit as ``box``, pixels) that the network wants of a face box.

    Its training crops reach .4 of a box beyond the face, shifted down, and the middle quarter
    of that is used: .7 half sides to the left and right, .3 up and 1.1 down of the centre.
    """
    centre = (box[:2] + box[2:]) / 2
    half = float((box[2:] - box[:2]).max()) / 2
    return np.concatenate(
        [centre - half * np.array([0.7, 0.3]), centre + half * np.array([0.7, 1.1])]
    )


def mfcc(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """[N, 13] cepstra at 100 Hz as in the network's training.

    16-bit scale, pre-emphasis .97, 25 ms rectangular windows, 26 mel filters, orthonormal DCT,
    sinusoidal lifter 22, first coefficient replaced by the log energy.
    """
    scaled = samples.astype(np.float64) * 32768.0
    emphasised = np.append(scaled[:1], scaled[1:] - 0.97 * scaled[:-1])
    count = 1 + max(0, int(np.ceil((len(scaled) - _FRAME) / _HOP)))
    padded = np.pad(emphasised, (0, max(0, (count - 1) * _HOP + _FRAME - len(emphasised))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FRAME)[::_HOP]
    power = np.abs(np.fft.rfft(frames, _FFT)) ** 2 / _FFT
    tiny = np.finfo(float).eps
    bank = np.log(np.maximum(power @ _mel_filters().T, tiny))
    cepstra = bank @ _cosines().T
    cepstra *= 1 + (_LIFTER / 2) * np.sin(np.pi * np.arange(_COEFFICIENTS) / _LIFTER)
    cepstra[:, 0] = np.log(np.maximum(power.sum(axis=1), tiny))
    return cepstra.astype(np.float32)


@lru_cache(maxsize=1)
def _mel_filters() -> FloatArray:
    """[26, 257] triangles between whole FFT bins, 2595 log10(1 + f/700)."""
    top = 2595 * np.log10(1 + SAMPLE_RATE_HZ / 2 / 700)
    hertz = 700 * (10 ** (np.linspace(0, top, _FILTERS + 2) / 2595) - 1)
    edges = np.floor((_FFT + 1) * hertz / SAMPLE_RATE_HZ)
    bins = np.arange(_FFT // 2 + 1)[None]
    low, mid, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rise = np.where((bins >= low) & (bins < mid), (bins - low) / np.maximum(mid - low, 1), 0.0)
    fall = np.where((bins >= mid) & (bins < high), (high - bins) / np.maximum(high - mid, 1), 0.0)
    return np.asarray(rise + fall)


@lru_cache(maxsize=1)
def _cosines() -> FloatArray:
    """[13, 26] orthonormal DCT-II."""
    rows, columns = np.arange(_COEFFICIENTS)[:, None], np.arange(_FILTERS)[None]
    cosines = np.cos(np.pi * rows * (2 * columns + 1) / (2 * _FILTERS)) * np.sqrt(2 / _FILTERS)
    cosines[0] /= np.sqrt(2)
    return np.asarray(cosines)


def _session(model: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.enable_cpu_mem_arena = False
    # A pattern is kept for every length of window.
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
