"""How each sentence of a talk sounds: its log-mel picture, as the emotion of a voice sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from talkreel.core.arrays import FloatArray, check_shape
from talkreel.core.spans import Span
from talkreel.features.voice import MELS, voice_mel

if TYPE_CHECKING:
    from talkreel.media.audio import Audio

FRAMES = 64  # of a sentence, whatever its length: the timing says how long it took
MEL_SIZE = MELS * FRAMES


def sentence_mel(audio: Audio, times: FloatArray) -> NDArray[np.float16]:
    """[N, 64 * 64] log-mel energies of each sentence, bands first, about 0 with deviation 1.

    Args:
        audio: of the recording.
        times: [N, 2] seconds of start and end.

    Returns:
        NaN where a sentence is silent or shorter than 0.4 s.
    """
    import torch

    check_shape("times", times, (len(times), 2))
    rows = np.full((len(times), MEL_SIZE), np.nan, dtype=np.float16)
    for row, (start, end) in zip(rows, times, strict=True):
        try:
            mel = voice_mel(audio.samples(Span(float(start), float(end))))
        except ValueError:  # a word alone, or words over digital silence
            continue
        # Means over a longer sentence; a shorter one is stretched.
        fitted = torch.nn.functional.adaptive_avg_pool1d(torch.from_numpy(mel), FRAMES)
        row[:] = fitted.numpy().ravel()
    return rows
