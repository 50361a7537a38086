"""Where somebody speaks: Silero voice activity, run over whole blocks of frames at once."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talkreel.core.errors import ModelMissing
from talkreel.core.signals import Signal
from talkreel.core.spans import Span
from talkreel.core.stage import Progress, silent
from talkreel.media.audio import Audio

# The network's own geometry at 16 kHz: frames of 512 samples, each seen with the 64 before it.
SAMPLE_RATE = 16_000
FRAME_SAMPLES = 512
CONTEXT_SAMPLES = 64
STEP_SECONDS = FRAME_SAMPLES / SAMPLE_RATE
# About half a minute a block: 850 times real time on one core, and memory stays flat.
_BLOCK_FRAMES = 1024
_STATE_SHAPE = (1, 1, 128)

# Hysteresis recommended with the model: speech begins at .5 and ends below .35.
BEGIN_PROBABILITY = 0.5
END_PROBABILITY = 0.35
# A click or breath is shorter than this.
MIN_SPEECH_SECONDS = 0.1
# Two frames: stop consonants make shorter dips inside a word.
MIN_PAUSE_SECONDS = 2 * STEP_SECONDS
# Speech without any pause (fast talkers, music below) is cut at its deepest dip after this.
LONGEST_SECONDS = 12.0


def voice_activity(audio: Audio, *, progress: Progress = silent) -> Signal:
    """Probability of speech every 32 ms over the whole file.

    Returns:
        ``voice``: [N] probabilities 0..1, step 0.032 s, from second 0.

    Raises:
        ModelMissing: the silero-vad package is not installed.
    """
    network = _network()
    count = -(-round(audio.duration * SAMPLE_RATE) // FRAME_SAMPLES)
    values = np.zeros(count, dtype=np.float32)
    hidden = cell = np.zeros(_STATE_SHAPE, dtype=np.float32)
    for first in range(0, count, _BLOCK_FRAMES):
        last = min(first + _BLOCK_FRAMES, count)
        frames = _frames(audio, first, last)
        feed = {"input": frames, "h": hidden, "c": cell}
        values[first:last], hidden, cell = network.run(None, feed)
        progress(last / count)
    if not count:
        progress(1.0)
    return Signal("voice", values, "probability", 0.0, STEP_SECONDS)


def voiced_spans(
    voice: Signal,
    *,
    min_speech_seconds: float = MIN_SPEECH_SECONDS,
    min_pause_seconds: float = MIN_PAUSE_SECONDS,
    longest_seconds: float = LONGEST_SECONDS,
) -> tuple[Span, ...]:
    """Stretches of speech in order, the pauses between them left out.

    A stretch longer than ``longest_seconds`` is cut where the probability dips most, so two
    spans may touch. Each span depends only on what lies before and shortly after it.

    Raises:
        ValueError: a duration is negative, or ``longest_seconds`` is below one second.
    """
    if min(min_speech_seconds, min_pause_seconds) < 0 or longest_seconds < 1:
        raise ValueError("durations are >= 0 and longest_seconds >= 1")
    joined: list[tuple[int, int]] = []
    for first, last in _runs(voice.values.tolist()):
        if joined and (first - joined[-1][1]) * voice.step < min_pause_seconds:
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    spans: list[Span] = []
    for first, last in joined:
        if (last - first) * voice.step >= min_speech_seconds:
            cuts = _cut_long(voice.values, first, last, round(longest_seconds / voice.step))
            spans.extend(
                Span(voice.start + a * voice.step, voice.start + b * voice.step)
                for a, b in pairwise(cuts)
            )
    return tuple(spans)


def _runs(values: Sequence[float]) -> list[tuple[int, int]]:
    """Half-open frame ranges of speech, by hysteresis."""
    runs: list[tuple[int, int]] = []
    begun: int | None = None
    for i, value in enumerate(values):
        if begun is None and value >= BEGIN_PROBABILITY:
            begun = i
        elif begun is not None and value < END_PROBABILITY:
            runs.append((begun, i))
            begun = None
    if begun is not None:
        runs.append((begun, len(values)))
    return runs


def _cut_long(values: NDArray[Any], first: int, last: int, longest: int) -> list[int]:
    cuts = [first]
    while last - cuts[-1] > longest:
        low = cuts[-1] + longest // 2
        window = values[low - 1 : cuts[-1] + longest + 1]
        smooth = np.convolve(window, np.ones(3) / 3, "valid")
        cuts.append(low + int(np.argmin(smooth)))
    return [*cuts, last]


def _frames(audio: Audio, first: int, last: int) -> NDArray[np.float32]:
    """[last - first, 576] frames with their context, zero beyond the ends."""
    start = first * FRAME_SAMPLES - CONTEXT_SAMPLES
    samples = audio.samples(Span(start / SAMPLE_RATE, last * FRAME_SAMPLES / SAMPLE_RATE))
    size = FRAME_SAMPLES + CONTEXT_SAMPLES
    windows = np.lib.stride_tricks.sliding_window_view(samples, size)[::FRAME_SAMPLES]
    return np.ascontiguousarray(windows[: last - first], dtype=np.float32)


@lru_cache(maxsize=1)
def _network() -> Any:
    spec = importlib.util.find_spec("silero_vad")  # found without importing it (torch)
    if spec is None or spec.origin is None:
        raise ModelMissing("silero-vad is not installed; install talkreel with its dependencies")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # the export carries unused initializers, which warn
    weights = Path(spec.origin).parent / "data" / "silero_vad_16k_sequence.onnx"
    return onnxruntime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])
