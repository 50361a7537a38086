"""Evidence for a speaking face, and what becomes of it."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from talkreel.core.media import Media
from talkreel.core.signals import Signal
from talkreel.core.spans import Span
from talkreel.core.tracks import FaceTrack, Shot
from talkreel.core.transcript import Word
from talkreel.media.audio import Audio
from talkreel.media.probe import probe
from talkreel.perceive.active import ActiveSpeaker
from talkreel.perceive.crops import find_contests
from talkreel.perceive.lr_asd import LrAsd, crop_region, load_lr_asd, mfcc
from talkreel.perceive.mouth import crop_box, in_step, mouth_motion, sound_shape, speaking_odds
from talkreel.perceive.turns import who_speaks


def _track(number: int, x: float, start: float, end: float, width: float = 0.15) -> FaceTrack:
    times = np.arange(start, end, 0.2)
    boxes = np.tile([x, 0.2, x + width, 0.2 + 1.5 * width], (len(times), 1))
    return FaceTrack(number, times, boxes, np.ones(len(times)), np.full(len(times), np.nan))


@pytest.fixture
def silence(tmp_path: Path) -> Audio:
    with wave.open(str(tmp_path / "silence.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bytes(2 * 16_000 * 10))
    return Audio(tmp_path / "silence.wav")


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ActiveSpeaker:
    """Judges on a machine without any weights."""
    monkeypatch.delenv("TALKREEL_MODELS", raising=False)
    monkeypatch.setattr("talkreel.store.weights.user_folder", lambda: tmp_path)
    return ActiveSpeaker()


@pytest.fixture
def media(media_dir: Path) -> Media:
    return probe(media_dir / "asd_dev_easy.mp4")


def _bursts(seed: int, count: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    return np.convolve(rng.standard_normal(count + 8), np.ones(9) / 3, "valid")[:count]


def test_only_the_mouth_that_moves_with_the_sound_gains() -> None:
    envelope = _bursts(1, 400)
    sound = np.stack([envelope, np.abs(np.diff(envelope, prepend=0.0))], axis=1)
    leading = np.roll(envelope, -3) * 0.5 - 0.4
    other = _bursts(2, 400) * 0.5 - 0.4
    assert in_step(leading, sound).mean() > 0.5
    assert abs(in_step(other, sound).mean()) < 0.3
    assert speaking_odds(leading, sound).sum() > 2.0 > speaking_odds(other, sound).sum()


def test_a_still_face_loses() -> None:
    sound = np.stack([_bursts(1, 200), np.zeros(200)], axis=1)
    assert speaking_odds(np.full(200, -1.1), sound).sum() < -5.0


def test_mouth_motion_ignores_a_shaking_head() -> None:
    rng = np.random.default_rng(5)
    texture = np.repeat(np.repeat(rng.integers(0, 255, (24, 24)), 8, 0), 8, 1).astype(np.uint8)
    shaken = np.stack([texture[20 + s : 148 + s, 20:148] for s in rng.integers(-3, 4, 20)])
    times = np.arange(20) / 25
    talking = np.stack([texture[20:148, 20:148]] * 20)
    for i in range(1, 20, 2):
        talking[i, 82:106] = np.roll(talking[i, 82:106], 4, axis=0)
    assert mouth_motion(talking, times).mean() > mouth_motion(shaken, times).mean() + 0.2


def test_sound_shape_follows_loudness() -> None:
    samples = np.concatenate([np.zeros(16_000), 0.1 * np.ones(16_000)]).astype(np.float32)
    shape = sound_shape(samples, 50)
    assert shape.shape == (50, 2)
    assert shape[40, 0] > shape[5, 0] + 5
    assert 22 <= int(shape[:, 1].argmax()) <= 26


def test_turns_are_sticky_and_probabilities() -> None:
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1], 200)
    odds = rng.normal(0.0, 0.15, (400, 2))
    odds[np.arange(400), truth] += 0.05
    shares = who_speaks(odds)
    assert shares.min() >= 0.0
    assert shares.sum(axis=1).max() <= 1.0 + 1e-9
    assert (shares.argmax(axis=1) == truth).mean() > 0.9
    assert np.count_nonzero(np.diff(shares.argmax(axis=1))) <= 5


def test_a_voice_that_goes_with_a_face_helps_it() -> None:
    rng = np.random.default_rng(1)
    truth = np.tile(np.repeat([0, 1], 100), 4)
    odds = rng.normal(0.0, 0.2, (800, 2))
    odds[np.arange(800), truth] += 0.07
    alone = (who_speaks(odds).argmax(axis=1) == truth).mean()
    helped = (who_speaks(odds, truth).argmax(axis=1) == truth).mean()
    assert helped > max(0.9, alone)


def test_an_absent_face_does_not_speak() -> None:
    odds = np.full((50, 2), 0.02)
    odds[20:, 1] = np.nan
    assert np.all(who_speaks(odds)[20:, 1] == 0.0)


def test_rivals_are_alike_in_size_and_share_a_shot() -> None:
    shots = [Shot(Span(0, 5)), Shot(Span(5, 10))]
    left, right = _track(0, 0.1, 0, 5), _track(1, 0.6, 1, 4)
    small, later = _track(2, 0.8, 0, 5, width=0.04), _track(3, 0.5, 5, 10)
    (contest,) = find_contests([left, right, small, later], shots)
    assert (contest.span.start, contest.span.end) == pytest.approx((1.0, 3.8))
    assert {track.id for track in contest.tracks} == {0, 1, 2}
    assert find_contests([left, later], shots) == ()


def test_a_lone_face_has_the_voice_and_silence_nobody(
    bare: ActiveSpeaker, media: Media, silence: Audio
) -> None:
    voice = Signal("voice", np.repeat([1.0, 0.0], 5), "probability", step=1.0)
    words = [Word("a", Span(i, i + 0.5), speaker="B") for i in range(5)]
    near, far = _track(0, 0.4, 0, 10), _track(1, 0.4, 0, 10, width=0.03)
    near, far = (bare(media, [track], silence, voice, (), words=words)[0] for track in (near, far))
    assert near.speaking_over(Span(0, 4)) == pytest.approx(0.85)
    assert far.speaking_over(Span(0, 4)) < 0.6
    assert near.speaking_over(Span(6, 10)) == 0.0
    assert near.speaker == "B"


def test_no_tracks_is_no_work(bare: ActiveSpeaker, media: Media, silence: Audio) -> None:
    shares: list[float] = []
    voice = Signal("voice", np.zeros(0), "probability")
    assert bare(media, (), silence, voice, (), progress=shares.append) == ()
    assert shares == [1.0]
    assert bare.name == "active-mouth"
    (track,) = bare(media, [_track(0, 0.4, 0, 2)], silence, voice, ())
    assert track.speaking_over(Span(0, 2)) == 0.0


def test_the_network_prefers_a_talking_mouth_to_a_still_one(models_dir: Path) -> None:
    network = load_lr_asd(models_dir)
    assert isinstance(network, LrAsd)
    crops = np.full((30, 112, 112), 120, np.uint8)
    scores = network(crops, np.zeros(16_000, np.float32))
    assert scores.shape == (30,)
    assert scores.max() < 0.5
    with pytest.raises(ValueError, match="112, 112"):
        network(crops[:, :100], np.zeros(16_000, np.float32))
    assert network(crops[:2], np.zeros(100, np.float32)).tolist() == [0.0, 0.0]


def test_cepstra_have_the_networks_rate() -> None:
    tone = np.sin(np.arange(16_400) * 0.3).astype(np.float32)
    cepstra = mfcc(tone)
    assert cepstra.shape == (101, 13)
    assert np.isfinite(cepstra).all()


def test_crops_are_square_and_bad_ones_refused() -> None:
    box = np.array([100.0, 50.0, 180.0, 150.0])
    for region in (crop_box(box), crop_region(box)):
        assert region[2] - region[0] == pytest.approx(region[3] - region[1])
    assert crop_region(box) == pytest.approx([105.0, 85.0, 175.0, 155.0])
    with pytest.raises(ValueError, match="128, 128"):
        mouth_motion(np.zeros((3, 64, 64), np.uint8), np.arange(3.0))
