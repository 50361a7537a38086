from __future__ import annotations

import wave
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from talkreel.core.signals import Signal
from talkreel.core.spans import Span
from talkreel.media.audio import Audio
from talkreel.perceive.vad import STEP_SECONDS, voice_activity, voiced_spans


def _signal(*runs: tuple[float, int]) -> Signal:
    values = np.concatenate([np.full(count, value) for value, count in runs])
    return Signal("voice", values, "probability", 0.0, STEP_SECONDS)


def _wav(path: Path, samples: NDArray[np.float32]) -> Audio:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return Audio(path)


def test_speech_begins_above_one_threshold_and_ends_below_another() -> None:
    spans = voiced_spans(_signal((0.1, 10), (0.9, 10), (0.4, 10), (0.1, 10)))
    assert spans == (Span(10 * STEP_SECONDS, 30 * STEP_SECONDS),)


def test_short_dips_are_bridged_and_clicks_left_out() -> None:
    voice = _signal((0.9, 20), (0.1, 1), (0.9, 20), (0.1, 20), (0.9, 2), (0.1, 20))
    assert voiced_spans(voice) == (Span(0.0, 41 * STEP_SECONDS),)


def test_a_pause_separates() -> None:
    assert len(voiced_spans(_signal((0.9, 20), (0.1, 4), (0.9, 20)))) == 2


def test_speech_without_pause_is_cut_at_its_deepest_dip() -> None:
    voice = _signal((0.9, 300), (0.6, 3), (0.9, 200))
    first, second = voiced_spans(voice)
    assert first.end == second.start == pytest.approx(301 * STEP_SECONDS)


def test_speech_up_to_the_end_is_kept() -> None:
    assert voiced_spans(_signal((0.0, 5), (0.9, 10)))[-1].end == pytest.approx(15 * STEP_SECONDS)


def test_no_samples_hold_no_speech() -> None:
    assert voiced_spans(Signal("voice", np.zeros(0), "probability", 0.0, STEP_SECONDS)) == ()


@pytest.mark.parametrize(
    "options", [{"min_pause_seconds": -1}, {"min_speech_seconds": -1}, {"longest_seconds": 0.5}]
)
def test_impossible_durations_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="seconds"):
        voiced_spans(_signal((0.9, 9)), **options)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1, width=32), min_size=0, max_size=900))
def test_spans_are_in_order_inside_and_not_too_long(values: list[float]) -> None:
    voice = Signal("voice", np.array(values), "probability", 0.0, STEP_SECONDS)
    spans = voiced_spans(voice, longest_seconds=2.0)
    assert all(a.end <= b.start for a, b in pairwise(spans))
    assert all(span.duration <= 2.0 + STEP_SECONDS for span in spans)
    assert not spans or (spans[0].start >= 0 and spans[-1].end <= voice.span.end + 1e-6)


def test_silence_and_a_tone_hold_no_speech(tmp_path: Path) -> None:
    times = np.arange(16_000 * 4) / 16_000
    tone = _wav(tmp_path / "tone.wav", (0.3 * np.sin(2 * np.pi * 440 * times)).astype(np.float32))
    silence = _wav(tmp_path / "silence.wav", np.zeros(16_000 * 3, dtype=np.float32))
    assert voiced_spans(voice_activity(tone)) == ()
    assert voiced_spans(voice_activity(silence)) == ()


def test_the_signal_covers_the_file_and_progress_ends_at_one(tmp_path: Path) -> None:
    audio = _wav(tmp_path / "a.wav", np.zeros(16_000 * 70 + 7, dtype=np.float32))
    shares: list[float] = []
    voice = voice_activity(audio, progress=shares.append)
    assert voice.name == "voice"
    assert audio.duration <= voice.span.end < audio.duration + STEP_SECONDS
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_an_empty_file_has_an_empty_signal(tmp_path: Path) -> None:
    voice = voice_activity(_wav(tmp_path / "empty.wav", np.zeros(0, dtype=np.float32)))
    assert len(voice.values) == 0
