from __future__ import annotations

import wave
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from talkreel.core.errors import ModelMissing
from talkreel.core.jsonio import decode, encode
from talkreel.core.spans import Span
from talkreel.core.transcript import Word
from talkreel.media.audio import Audio
from talkreel.perceive.hear import SpeechChunk
from talkreel.perceive.transcribe import LocalTranscriber, blocks, load_transcriber, transcribe
from talkreel.perceive.vad import voice_activity, voiced_spans


def _wav(path: Path, samples: NDArray[np.int16]) -> Audio:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(samples.astype("<i2").tobytes())
    return Audio(path)


@pytest.fixture(scope="module")
def talk(media_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Audio:
    """Three readings with pauses between: about 17 s, several chunks."""
    parts = []
    for path in sorted((media_dir / "audio" / "word_times").glob("*.wav")):
        with wave.open(str(path), "rb") as file:
            parts.append(np.frombuffer(file.readframes(file.getnframes()), dtype="<i2"))
        parts.append(np.zeros(24_000, dtype=np.int16))
    return _wav(tmp_path_factory.mktemp("talk") / "talk.wav", np.concatenate(parts))


@pytest.fixture(scope="module")
def voice(talk: Audio) -> tuple[Span, ...]:
    return voiced_spans(voice_activity(talk))


def test_words_come_in_order_inside_the_sound(talk: Audio, voice: tuple[Span, ...]) -> None:
    shares: list[float] = []
    transcript = transcribe(LocalTranscriber(workers=2), talk, voice, progress=shares.append)
    words = transcript.words
    assert transcript.language == "en"
    assert transcript.source == "moonshine-tiny-en+pocketsphinx"
    assert 35 <= len(words) <= 50
    assert all(a.span.end <= b.span.start for a, b in pairwise(words))
    assert words[0].span.start >= 0
    assert words[-1].span.end <= talk.duration
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert "Dashwood" in transcript.text


def test_processes_change_nothing(talk: Audio, voice: tuple[Span, ...]) -> None:
    spread = transcribe(LocalTranscriber(workers=2), talk, voice)
    alone = transcribe(LocalTranscriber(workers=0), talk, voice)
    assert spread == alone


def test_a_chunk_does_not_depend_on_the_others_and_survives_json(
    talk: Audio, voice: tuple[Span, ...]
) -> None:
    transcriber = LocalTranscriber(workers=0)
    spans = transcriber.plan(voice, talk.duration)
    assert len(spans) >= 2
    whole = tuple(transcriber.chunks(talk, spans))
    last = LocalTranscriber(workers=0).transcribe_chunk(talk, spans[-1])
    assert last == whole[-1]
    assert decode(tuple[SpeechChunk, ...], encode(whole)) == whole


def test_assembling_part_of_the_chunks_gives_the_beginning(
    talk: Audio, voice: tuple[Span, ...]
) -> None:
    transcriber = LocalTranscriber(workers=0)
    heard = list(transcriber.chunks(talk, transcriber.plan(voice, talk.duration)))
    part, full = transcriber.assemble(heard[:1]), transcriber.assemble(heard)
    assert full.words[: len(part.words)] == part.words


def test_stopping_early_leaves_no_worker(talk: Audio, voice: tuple[Span, ...]) -> None:
    import psutil

    transcriber = LocalTranscriber(workers=1)
    stream = transcriber.chunks(talk, transcriber.plan(voice, talk.duration))
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    names = [" ".join(child.cmdline()) for child in psutil.Process().children()]
    assert not [name for name in names if "speech_worker" in name]


def test_no_speech_gives_no_words(tmp_path: Path) -> None:
    audio = _wav(tmp_path / "silence.wav", np.zeros(32_000, dtype=np.int16))
    transcript = transcribe(LocalTranscriber(), audio, voiced_spans(voice_activity(audio)))
    assert transcript.words == ()
    assert transcript.warnings == ()


def test_a_language_it_lacks_is_said_in_one_line(talk: Audio, voice: tuple[Span, ...]) -> None:
    transcript = transcribe(LocalTranscriber(), talk, voice, language="de")
    assert transcript.words == ()
    assert transcript.language == "und"
    assert len(transcript.warnings) == 1
    assert "'de'" in transcript.warnings[0]
    assert "\n" not in transcript.warnings[0]


def test_speech_in_another_language_is_warned_about() -> None:
    chunks = [
        SpeechChunk(
            Span(i * 10.0, i * 10.0 + 10), (Word("so", Span(i * 10.0, i * 10 + 1)),), -1, 40, 0.0
        )
        for i in range(4)
    ]
    transcript = LocalTranscriber().assemble(chunks)
    assert transcript.words == ()
    assert transcript.language == "und"
    assert "does not sound like English" in transcript.warnings[0]


def test_blocks_hold_about_a_minute() -> None:
    spans = [Span(i * 15.0, i * 15.0 + 15) for i in range(10)]
    assert [len(block) for block in blocks(spans)] == [4, 4, 2]
    assert blocks([]) == ()


def test_the_bundled_recogniser_is_the_default() -> None:
    assert isinstance(load_transcriber(), LocalTranscriber)


def test_unknown_weights_are_refused_with_where_was_looked(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="whisper-base") as caught:
        load_transcriber("whisper-base", models_dir=tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_negative_workers_are_refused() -> None:
    with pytest.raises(ValueError, match="workers"):
        LocalTranscriber(workers=-1)
