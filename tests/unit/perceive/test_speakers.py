"""Voices are told apart, and one voice stays one."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from talkreel.core.signals import Signal
from talkreel.core.spans import Span
from talkreel.core.transcript import Word
from talkreel.media.audio import Audio
from talkreel.perceive import speakers
from talkreel.perceive.clustering import Voices, centres_of, group_voices, membership
from talkreel.perceive.speakers import diarize
from talkreel.perceive.voiceprint import filter_bank, load_voiceprint

RATE = 16_000


def _voice(audio: Audio) -> Signal:
    samples = audio.samples(Span(0, audio.duration))
    frames = samples[: len(samples) // 512 * 512].reshape(-1, 512)
    return Signal("voice", np.sqrt((frames**2).mean(axis=1)) > 0.01, "probability", step=0.032)


def _words(audio: Audio, voice: Signal) -> list[Word]:
    spans = (Span(t, t + 0.3) for t in np.arange(0.0, audio.duration - 0.3, 0.3).tolist())
    return [Word("word", span) for span in spans if voice.mean_over(span) > 0.3]


def _save(path: Path, samples: NDArray[np.float32]) -> Audio:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return Audio(path)


def _references(path: Path) -> list[tuple[Span, str]]:
    rows = (line.split() for line in path.read_text().splitlines())
    return [(Span(float(r[3]), float(r[3]) + float(r[4])), r[7]) for r in rows]


def test_two_people_in_conversation(media_dir: Path) -> None:
    audio = Audio(media_dir / "audio" / "sample.wav")
    voice = _voice(audio)
    shares: list[float] = []
    words = diarize(audio, voice, _words(audio, voice), progress=shares.append)
    assert words[0].speaker == "A"
    assert {word.speaker for word in words} == {"A", "B"}
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    truth = _references(media_dir / "audio" / "sample.rttm")
    pairs = []
    for word in words:
        said = {name for span, name in truth if span.overlap(word.span) > 0.15}
        if len(said) == 1:
            pairs.append((word.speaker, said.pop()))
    counts = {pair: pairs.count(pair) for pair in set(pairs)}
    agreed = max(
        counts.get(("A", one), 0) + counts.get(("B", other), 0)
        for one, other in (("speaker90", "speaker91"), ("speaker91", "speaker90"))
    )
    assert agreed / len(pairs) >= 0.9


def test_spliced_voices_change_where_they_were_spliced(media_dir: Path, tmp_path: Path) -> None:
    conversation = Audio(media_dir / "audio" / "sample.wav").samples(Span(21.9, 27.0))
    folder = media_dir / "audio" / "word_times"
    reader = Audio(sorted(folder.glob("*.wav"))[0]).samples(Span(0, 5))
    audio = _save(tmp_path / "spliced.wav", np.concatenate([reader, conversation, reader]))
    voice = _voice(audio)
    words = diarize(audio, voice, _words(audio, voice))
    expected = ["B" if 5 <= word.span.middle < 10.1 else "A" for word in words]
    right = [word.speaker == label for word, label in zip(words, expected, strict=True)]
    assert np.mean(right) >= 0.9


def test_one_reader_stays_one_voice(media_dir: Path, tmp_path: Path) -> None:
    parts = [
        Audio(path).samples(Span(0, Audio(path).duration))
        for path in sorted((media_dir / "audio" / "word_times").glob("*.wav"))
    ]
    audio = _save(tmp_path / "reader.wav", np.concatenate(parts * 2))
    voice = _voice(audio)
    words = diarize(audio, voice, _words(audio, voice))
    assert {word.speaker for word in words} == {"A"}


def test_silence_has_no_speakers(tmp_path: Path) -> None:
    audio = _save(tmp_path / "silence.wav", np.zeros(3 * RATE, np.float32))
    words = [Word("ghost", Span(0.5, 1.0), speaker="Z")]
    (word,) = diarize(audio, _voice(audio), words)
    assert word.speaker is None
    assert diarize(audio, _voice(audio), []) == ()


def test_without_the_networks_nobody_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speakers, "load_voiceprint", lambda: None)
    audio = _save(tmp_path / "noise.wav", np.zeros(RATE, np.float32))
    (word,) = diarize(audio, _voice(audio), [Word("hello", Span(0.1, 0.5))])
    assert word.speaker is None


def test_a_long_talk_is_sampled_and_looked_at_closely_at_changes(
    media_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speakers, "_THOROUGH_SECONDS", 10.0)
    conversation = Audio(media_dir / "audio" / "sample.wav").samples(Span(21.9, 27.0))
    folder = media_dir / "audio" / "word_times"
    reader = [Audio(path).samples(Span(0, 5)) for path in sorted(folder.glob("*.wav"))]
    audio = _save(tmp_path / "long.wav", np.concatenate([*reader, conversation, conversation]))
    voice = _voice(audio)
    words = diarize(audio, voice, _words(audio, voice))
    right = [word.speaker == ("A" if word.span.middle < 15 else "B") for word in words]
    assert np.mean(right) >= 0.85


def test_groups_follow_directions_and_blends_join_their_parts() -> None:
    rng = np.random.default_rng(3)
    one, two = np.linalg.qr(rng.standard_normal((256, 2)))[0].T
    sources = [one] * 20 + [two] * 10 + [(one + two) / np.sqrt(2)] * 4
    noisy = np.stack([0.75 * s + 0.66 / 16 * rng.standard_normal(256) for s in sources])
    vectors = noisy / np.linalg.norm(noisy, axis=1, keepdims=True)
    voices = Voices(vectors, np.full(34, 2.0))
    groups = group_voices(voices)
    assert set(groups[:20]) == {0}
    assert set(groups[20:30]) == {1}
    assert set(groups[30:]) <= {0, 1}
    shares = membership(voices, centres_of(voices, groups))
    assert np.allclose(shares.sum(axis=1), 1.0)
    assert shares[:20, 0].min() > 0.9


def test_bad_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="vectors"):
        Voices(np.zeros((2, 4)), np.ones(3))
    with pytest.raises(ValueError, match="at least one"):
        Voices(np.zeros((0, 4)), np.ones(0))
    with pytest.raises(ValueError, match="400 samples"):
        filter_bank(np.zeros(100, np.float32))


def test_the_pinned_package_carries_the_networks() -> None:
    voiceprint = load_voiceprint()
    assert voiceprint is not None
    noise = np.random.default_rng(1).standard_normal(RATE).astype(np.float32) * 0.1
    assert voiceprint.embed(noise).shape == (256,)
    assert voiceprint.segment(noise).shape == (589, 3)
    assert np.array_equal(voiceprint.embed(noise), voiceprint.embed(noise))
