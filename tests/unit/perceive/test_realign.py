from __future__ import annotations

import json
import wave
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from talkreel.core.spans import Span
from talkreel.core.transcript import Transcript, Word
from talkreel.media.audio import Audio
from talkreel.perceive.realign import align_transcript
from talkreel.perceive.subtitles import spread


@pytest.fixture(scope="module")
def audio(media_dir: Path) -> Audio:
    return Audio(next((media_dir / "audio" / "word_times").glob("*0870.wav")))


@pytest.fixture(scope="module")
def truth(media_dir: Path) -> list[tuple[str, float]]:
    path = next((media_dir / "audio" / "word_times").glob("*0870.json"))
    words = json.loads(path.read_text())["w"]
    return [(w["t"].partition("(")[0], w["b"]) for w in words if w["t"][0] not in "<["]


def _cue(truth: list[tuple[str, float]], end: float) -> Transcript:
    texts = [text for text, _ in truth]
    spans = spread(texts, Span(0.1, end))
    words = zip(texts, spans, strict=True)
    return Transcript("en", tuple(Word(t, s, interpolated=True) for t, s in words), "sidecar:x")


def test_cue_words_move_to_where_they_are_heard(
    audio: Audio, truth: list[tuple[str, float]]
) -> None:
    cue = _cue(truth, audio.duration - 0.2)
    shares: list[float] = []
    found = align_transcript(cue, audio, workers=1, progress=shares.append)
    before = [abs(w.span.start - at) for w, (_, at) in zip(cue.words, truth, strict=True)]
    after = [abs(w.span.start - at) for w, (_, at) in zip(found.words, truth, strict=True)]
    assert np.median(before) > 0.1
    assert np.median(after) <= 0.05
    assert not any(word.interpolated for word in found.words)
    assert found.source == "sidecar:x"
    assert all(a.span.end <= b.span.start for a, b in pairwise(found.words))
    assert shares[-1] == 1.0


def test_words_that_are_not_said_keep_their_times(
    tmp_path: Path, truth: list[tuple[str, float]]
) -> None:
    path = tmp_path / "silence.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bytes(2 * 16_000))
    cue = _cue(truth * 3, 0.9)
    assert align_transcript(cue, Audio(path), workers=1).words == cue.words


@pytest.mark.parametrize("language", ["de", "und"])
def test_other_languages_and_measured_words_are_left_alone(
    audio: Audio, truth: list[tuple[str, float]], language: str
) -> None:
    cue = _cue(truth, 5.0)
    foreign = replace(cue, language=language)
    assert align_transcript(foreign, audio) is foreign
    known = replace(cue, words=tuple(replace(w, interpolated=False) for w in cue.words))
    assert align_transcript(known, audio) is known
