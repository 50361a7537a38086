from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from talkreel.core.spans import Span
from talkreel.features.faces import face_crop, standardised
from talkreel.features.sentence_sound import MEL_SIZE, sentence_mel
from talkreel.features.voice import MELS, SAMPLE_RATE, VoiceReference, fitted, voice_features
from talkreel.media.audio import Audio


def tone(hertz: float, seconds: float = 1.5, level: float = 0.3) -> np.ndarray:
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    buzz = sum(np.sin(2 * np.pi * hertz * k * time) / k for k in range(1, 12))
    return (level * buzz * (1 + 0.5 * np.sin(2 * np.pi * 4 * time))).astype(np.float32)


def test_a_voice_gives_finite_features_of_fixed_size() -> None:
    one, other = voice_features(tone(120)), voice_features(tone(240, seconds=0.5))
    assert one.mel.shape[0] == other.mel.shape[0] == MELS
    assert one.statistics.shape == other.statistics.shape == (430,)
    for found in (one, other):
        assert np.isfinite(found.mel).all()
        assert np.isfinite(found.statistics).all()


def test_the_level_of_the_recording_does_not_count() -> None:
    loud, soft = voice_features(tone(150)), voice_features(tone(150, level=0.03))
    np.testing.assert_allclose(loud.mel, soft.mel, atol=1e-3)
    np.testing.assert_allclose(loud.statistics, soft.statistics, atol=0.02)


def test_silence_around_the_speech_is_left_out() -> None:
    quiet = np.zeros(SAMPLE_RATE, np.float32)
    framed = voice_features(np.concatenate([quiet, tone(150), quiet]))
    assert framed.mel.shape[1] < 170


def test_the_picture_of_a_sentence_is_that_of_the_voice(tmp_path: Path) -> None:
    sound = np.concatenate([tone(150, seconds=1.5), np.zeros(SAMPLE_RATE, np.float32)])
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((sound * 32767).clip(-32768, 32767).astype("<i2").tobytes())
    audio = Audio(tmp_path / "a.wav")
    times = np.array([[0.0, 1.5], [0.0, 0.2], [1.6, 2.4], [0.2, 0.7]])
    rows = sentence_mel(audio, times)
    assert rows.shape == (4, MEL_SIZE)
    np.testing.assert_array_equal(np.isnan(rows).any(axis=1), [False, True, True, False])
    whole = voice_features(audio.samples(Span(0.0, 1.5))).mel
    bands = rows[0].reshape(MELS, -1).mean(axis=1)
    np.testing.assert_allclose(bands, whole.mean(axis=1), atol=0.05)
    with pytest.raises(ValueError, match="times"):
        sentence_mel(audio, times[:, :1])


@pytest.mark.parametrize("hertz", [90.0, 180.0, 320.0])
def test_the_pitch_is_found(hertz: float) -> None:
    from talkreel.features.delivery import _pitch

    semitones, strength = _pitch(tone(hertz), 150, SAMPLE_RATE, 160)
    assert np.median(semitones) == pytest.approx(12 * np.log2(hertz / 27.5), abs=0.3)
    assert np.median(strength) > 0.9


@pytest.mark.parametrize(
    "samples",
    [np.zeros(SAMPLE_RATE), np.ones((2, SAMPLE_RATE)), np.ones(100), np.full(SAMPLE_RATE, np.nan)],
)
def test_what_is_no_voice_is_refused(samples: np.ndarray) -> None:
    with pytest.raises(ValueError, match="a voice must be"):
        voice_features(samples.astype(np.float32))


def test_a_reference_centres_what_it_was_made_from() -> None:
    rng = np.random.default_rng(0)
    mel = rng.normal(3, 2, (20, MELS, 50)).astype(np.float32)
    statistics = rng.normal(5, 3, (20, 430)).astype(np.float32)
    relative, values = VoiceReference.of(mel, statistics).apply(mel, statistics)
    assert abs(relative.mean()) < 1e-3
    assert abs(values.mean()) < 0.01
    assert values.std() == pytest.approx(1, abs=0.02)
    with pytest.raises(ValueError, match="two or more"):
        VoiceReference.of(mel[:1], statistics[:1])


def test_fitted_repeats_or_cuts() -> None:
    mel = np.arange(10.0)[None].repeat(MELS, 0)
    assert fitted(mel, 4)[0].tolist() == [3, 4, 5, 6]
    assert fitted(mel, 12)[0].tolist() == [*range(10), 0, 1]
    with pytest.raises(ValueError, match="at least one"):
        fitted(mel, 0)


def test_a_mosaic_face_and_its_crop_from_a_picture_are_fed_alike() -> None:
    rng = np.random.default_rng(1)
    face = np.kron(rng.integers(60, 200, (6, 6)), np.ones((8, 8))).astype(np.uint8)
    picture = np.full((300, 400), 90, np.uint8)
    picture[100:148, 150:198] = face
    margin = 48 / 1.15 / 2  # the crop adds 15 % around the box
    box = [(174 - margin) / 400, (124 - margin) / 300, (174 + margin) / 400, (124 + margin) / 300]
    crop = face_crop(picture, box)
    trained, used = standardised(face[None])[0], standardised(crop[None])[0]
    assert np.corrcoef(trained.ravel(), used.ravel())[0, 1] > 0.98
    colour = face_crop(np.repeat(picture[:, :, None], 3, axis=2), box)
    np.testing.assert_allclose(colour, crop, atol=1)


def test_standardised_faces_have_no_light_or_contrast() -> None:
    rng = np.random.default_rng(2)
    face = rng.integers(50, 90, (1, 48, 48)).astype(np.uint8)
    np.testing.assert_allclose(standardised(face), standardised(2 * face + 10), atol=1e-4)
    assert np.abs(standardised(np.full((1, 48, 48), 7, np.uint8))).max() == 0


def test_what_is_no_face_is_refused() -> None:
    with pytest.raises(ValueError, match="uint8"):
        standardised(np.zeros((1, 32, 32), np.uint8))
    with pytest.raises(ValueError, match="picture"):
        face_crop(np.zeros((4, 4), np.float32), [0, 0, 1, 1])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="area"):
        face_crop(np.zeros((9, 9), np.uint8), [0.5, 0.2, 0.5, 0.8])
