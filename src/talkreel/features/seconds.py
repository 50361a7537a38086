"""Sentence by sentence to second by second."""

from __future__ import annotations

import numpy as np

from talkreel.core.arrays import FloatArray
from talkreel.core.transcript import Transcript

STEP_SECONDS = 1.0


def by_second(transcript: Transcript, rows: FloatArray) -> FloatArray:
    """[T, C] of [S, C]: each second has the row of the sentence spoken most of it.

    Seconds without speech are NaN.

    Raises:
        ValueError: another number of rows than sentences.
    """
    sentences = transcript.sentences
    if len(rows) != len(sentences):
        raise ValueError(f"{len(rows)} rows for {len(sentences)} sentences")
    seconds = int(np.ceil(max((s.span.end for s in sentences), default=0.0) / STEP_SECONDS))
    out = np.full((seconds, rows.shape[1]), np.nan, dtype=np.float32)
    spoken = np.zeros(seconds)
    for sentence, row in zip(sentences, rows, strict=True):
        first = int(sentence.span.start / STEP_SECONDS)
        last = max(first + 1, int(np.ceil(sentence.span.end / STEP_SECONDS)))
        for second in range(first, min(last, seconds)):
            begin, end = second * STEP_SECONDS, (second + 1) * STEP_SECONDS
            here = min(end, sentence.span.end) - max(begin, sentence.span.start)
            if here > spoken[second]:
                spoken[second], out[second] = here, row
    return out
