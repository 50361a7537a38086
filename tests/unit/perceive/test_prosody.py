from __future__ import annotations

import tracemalloc
import wave
from pathlib import Path

import numpy as np
import pytest

from talkreel.core.signals import Signal
from talkreel.core.spans import Span
from talkreel.core.transcript import Word
from talkreel.media.audio import Audio
from talkreel.perceive import prosody
from talkreel.perceive.prosody import (
    measure_sound,
    pauses,
    speech_rate,
    usual_energy,
    word_delivery,
)

RATE = 16_000
STEPS = {
    "loudness": 0.1,
    "momentary": 0.1,
    "pitch": 0.025,
    "energy": 0.025,
    "speech_rate": 1.0,
    "pause": 1.0,
    "reaction": 0.5,
    "music": 1.0,
}


def make_audio(folder: Path, samples: np.ndarray) -> Audio:
    path = folder / "sound.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return Audio(path)


def make_voice(seconds: float, value: float = 1.0) -> Signal:
    return Signal("voice", np.full(int(np.ceil(seconds / 0.032)), value), "probability", 0, 0.032)


def buzz(seconds: float, hertz: float = 150.0) -> np.ndarray:
    times = np.arange(int(seconds * RATE)) / RATE
    swell = 0.5 + 0.4 * np.sin(2 * np.pi * 0.3 * times)
    return 0.15 * swell * sum(np.sin(2 * np.pi * hertz * k * times) / k for k in range(1, 9))


def test_every_curve_covers_the_sound(tmp_path: Path) -> None:
    seconds = 7.33
    signals = measure_sound(make_audio(tmp_path, buzz(seconds)), make_voice(seconds), ())
    assert {name: signal.step for name, signal in signals.items()} == STEPS
    for signal in signals.values():
        assert signal.span.start == 0
        assert seconds - 1e-6 <= signal.span.end <= seconds + signal.step + 0.04
    pitch = signals["pitch"].values
    assert np.nanmedian(pitch) == pytest.approx(150, rel=0.01)


def test_chunks_leave_no_seam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    samples = buzz(100) + rng.normal(0, 0.003, 100 * RATE)
    audio, voice = make_audio(tmp_path, samples), make_voice(100)
    cut = measure_sound(audio, voice, ())
    monkeypatch.setattr(prosody, "CHUNK_SECONDS", 480.0)
    whole = measure_sound(audio, voice, ())
    for name, signal in whole.items():
        np.testing.assert_allclose(cut[name].values, signal.values, atol=0.02, rtol=1e-3)


def test_measures_only_what_the_voice_curve_covers(tmp_path: Path) -> None:
    signals = measure_sound(make_audio(tmp_path, buzz(20)), make_voice(8), ())
    assert all(signal.span.end <= 9 for signal in signals.values())


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.3])
def test_almost_no_sound_is_no_error(tmp_path: Path, seconds: float) -> None:
    signals = measure_sound(make_audio(tmp_path, buzz(seconds)), make_voice(seconds), ())
    assert set(signals) == set(STEPS)


def test_silence_has_no_pitch_no_reaction_no_music(tmp_path: Path) -> None:
    signals = measure_sound(make_audio(tmp_path, np.zeros(10 * RATE)), make_voice(10, 0.0), ())
    assert np.isnan(signals["pitch"].values).all()
    assert signals["reaction"].values.max() < 0.3
    assert signals["music"].values.max() < 0.3
    assert signals["loudness"].values.max() <= -119
    np.testing.assert_allclose(signals["pause"].values, 1)


def test_progress_rises_to_one(tmp_path: Path) -> None:
    shares: list[float] = []
    audio = make_audio(tmp_path, np.zeros(100 * RATE))
    measure_sound(audio, make_voice(100, 0.0), (), progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_memory_does_not_grow_with_the_sound(tmp_path: Path) -> None:
    def peak(seconds: int) -> int:
        audio = make_audio(tmp_path, np.zeros(seconds * RATE))
        tracemalloc.start()
        measure_sound(audio, make_voice(seconds, 0.0), ())
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    measure_sound(make_audio(tmp_path, np.zeros(RATE)), make_voice(1), ())  # lazy imports
    short, long = peak(100), peak(400)
    # 300 s more of samples would be 19 MB as float32; the curves themselves are under 1 kB/s.
    assert long - short < 3_000_000


def words_at(*spans: tuple[float, float]) -> list[Word]:
    return [Word("word", Span(a, b)) for a, b in spans]


def test_speech_rate_counts_words_per_second() -> None:
    steady = words_at(*((i * 0.4, i * 0.4 + 0.3) for i in range(50)))
    values = speech_rate(steady, 20).values
    np.testing.assert_allclose(values[3:17], 2.5, atol=0.2)
    assert np.isnan(speech_rate((), 5).values).all()


def test_pause_is_time_without_voice() -> None:
    voice = Signal("voice", np.repeat([1.0, 0.0, 1.0], [50, 25, 25]), "probability", 0, 0.04)
    np.testing.assert_allclose(pauses(voice, 4).values, [0, 0, 1, 0], atol=0.05)


def test_word_delivery_tells_a_raised_voice(tmp_path: Path) -> None:
    calm, raised = 0.2 * buzz(3, 120), buzz(3, 240)
    signals = measure_sound(make_audio(tmp_path, np.concatenate([calm, raised])), make_voice(6), ())
    usual = usual_energy(signals)
    low = word_delivery(Word("calm", Span(1, 1.4)), signals, usual_db=usual)
    high = word_delivery(Word("raised", Span(4, 4.4)), signals)
    assert low.pitch_hz == pytest.approx(120, rel=0.02)
    assert high.pitch_hz == pytest.approx(240, rel=0.02)
    assert high.energy_db > low.energy_db + 6
    assert high.pace == pytest.approx(15)
    assert low.pitch_range < 1


def test_word_delivery_of_nothing_is_nan_and_needs_its_curves(tmp_path: Path) -> None:
    signals = measure_sound(make_audio(tmp_path, np.zeros(RATE)), make_voice(1, 0.0), ())
    empty = word_delivery(Word("x", Span(0.5, 0.5)), signals)
    assert np.isnan(empty.pitch_hz)
    assert np.isnan(empty.pace)
    assert np.isnan(usual_energy({}))
    with pytest.raises(ValueError, match="pitch and energy"):
        word_delivery(Word("x", Span(0, 1)), {})
