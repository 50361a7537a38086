"""What the shipped models read in a talk, and what happens without them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from talkreel.core.emotions import EMOTIONS
from talkreel.core.errors import ModelMissing, SchemaError
from talkreel.core.spans import Span
from talkreel.core.transcript import Transcript, Word
from talkreel.media.audio import Audio, extract_audio
from talkreel.media.probe import probe
from talkreel.models import shipped
from talkreel.models.text import TextEmbedder
from talkreel.pipeline import read
from talkreel.pipeline.read import Channel, curves, pooled, read_sentences

LINES = (
    "Thank you so much, I love you all and I am so happy to be here tonight!",
    "The committee meets on the second Tuesday of the month.",
    "I was terrified, I thought we were all going to die in there.",
    "My mother died that winter and I cried every single night.",
    "We will never give up, because this is the greatest nation on earth!",
)


def spoken(*lines: str, language: str = "en") -> Transcript:
    words, clock = [], 0.5
    for line in lines:
        for text in line.split():
            words.append(Word(text, Span(clock, clock + 0.3)))
            clock += 0.4
        clock += 0.6
    return Transcript(language, tuple(words))


def embedded(transcript: Transcript) -> np.ndarray:
    return TextEmbedder()([sentence.text for sentence in transcript.sentences])


@pytest.fixture
def no_bundles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(shipped, "SHIPPED_FOLDER", tmp_path / "none")
    monkeypatch.delenv(shipped.BUNDLES_VARIABLE, raising=False)
    return tmp_path


def test_every_sentence_is_read_by_every_text_model() -> None:
    talk = spoken(*LINES)
    readings = read_sentences(talk, embedded(talk), {})
    assert readings.channels == ("text",)
    assert [source.split("/")[0] for source in readings.sources] == [
        "engagement",
        "hook",
        "emotion-text",
    ]
    assert readings.emotions is not None
    assert readings.emotions.sum(axis=1) == pytest.approx(np.ones(len(LINES)), abs=1e-3)
    strongest = [EMOTIONS[int(i)] for i in readings.emotions.argmax(axis=1)]
    assert strongest[:4] == ["joy", "neutral", "fear", "sadness"]
    assert readings.reaction is not None
    assert readings.reaction[4] > readings.reaction[1]


def test_a_trusted_voice_is_read_too(
    sample_dir: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    media = probe(sample_dir / "talk.mp4")
    extract_audio(media, tmp_path / "sound.wav")
    audio, talk = Audio(tmp_path / "sound.wav"), spoken(*LINES)
    assert read_sentences(talk, embedded(talk), {}, audio).channels == ("text",)
    monkeypatch.setattr(read, "LEAST_RELIABILITY", 0.0)
    readings = read_sentences(talk, embedded(talk), {}, audio)
    assert readings.channels == ("text", "voice")
    assert "emotion-voice/1" in readings.sources


def test_curves_have_a_value_where_somebody_speaks() -> None:
    talk = spoken(*LINES)
    found = curves(talk, read_sentences(talk, embedded(talk), {}))
    assert set(found) == {"engagement", "emotion"}
    for sentence in talk.sentences:
        assert np.isfinite(found["engagement"].at(sentence.span.middle))
        assert np.isfinite(found["emotion"].at(sentence.span.middle)).all()
    assert found["emotion"].channels == EMOTIONS


def test_another_language_and_silence_are_not_read() -> None:
    german = spoken("Guten Tag, meine Damen und Herren.", language="de")
    assert read_sentences(german, np.zeros((1, 384)), {}).sources == ()
    assert read_sentences(Transcript("en", ()), np.zeros((0, 384)), {}).sources == ()


def test_without_bundles_nothing_is_read(no_bundles: Path) -> None:
    talk = spoken(*LINES)
    readings = read_sentences(talk, embedded(talk), {})
    assert readings.sources == ()
    assert curves(talk, readings) == {}
    assert shipped.specs() == {}
    with pytest.raises(ModelMissing, match="known are engagement"):
        shipped.load_bundle("hook")


def test_a_bundle_of_ones_own_comes_first_and_a_changed_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "hook"
    shutil.copytree(shipped.SHIPPED_FOLDER / "hook", own)
    monkeypatch.setenv(shipped.BUNDLES_VARIABLE, str(tmp_path))
    assert shipped.bundle_folder("hook") == own
    with (own / "weights.safetensors").open("ab") as file:
        file.write(b"x")
    talk = spoken(*LINES)
    with pytest.raises(SchemaError, match="changed since it was exported"):
        read_sentences(talk, embedded(talk), {})


def test_channels_count_by_reliability_and_only_where_they_speak() -> None:
    joy, anger = np.zeros((2, 7)), np.zeros((2, 7))
    joy[:, EMOTIONS.index("joy")] = 1
    anger[:, EMOTIONS.index("anger")] = 1
    anger[1] = np.nan
    rows = pooled({"text": Channel(joy, 0.6), "voice": Channel(anger, 0.2)})
    assert rows is not None
    assert rows[0, EMOTIONS.index("joy")] == pytest.approx(0.75, abs=1e-6)
    assert rows[1, EMOTIONS.index("joy")] == pytest.approx(1.0, abs=1e-6)
    silent = pooled({"voice": Channel(anger[1:], 0.2)})
    assert silent is not None
    assert EMOTIONS[int(silent[0].argmax())] == "neutral"
    assert pooled({}) is None
