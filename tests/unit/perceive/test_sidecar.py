from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from talkreel.core.errors import TranscriptError
from talkreel.core.jsonio import write_document
from talkreel.core.spans import Span
from talkreel.core.transcript import Transcript, Word
from talkreel.perceive.sidecar import SCHEMA, find_sidecar, read_transcript

CUES = (
    "1\n00:00:00,000 --> 00:00:04,000\nThis is what I have to say to you.\n\n"
    "2\n00:00:04,000 --> 00:00:09,000\nAnd that is it.\n"
)


def _write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


def test_the_file_beside_the_video_is_found(tmp_path: Path) -> None:
    media = tmp_path / "my talk's 100% v1.2.mp4"
    assert find_sidecar(media) is None
    srt = _write(tmp_path, "my talk's 100% v1.2.srt", CUES)
    assert find_sidecar(media) == srt
    vtt = _write(tmp_path, "my talk's 100% v1.2.VTT", "WEBVTT\n")
    assert find_sidecar(media) == vtt


@pytest.mark.parametrize("content", ['{"title": "metadata"}', "[1, 2]", "not json", "[" * 5000])
def test_json_that_is_no_transcript_is_passed_over(tmp_path: Path, content: str) -> None:
    _write(tmp_path, "talk.json", content)
    assert find_sidecar(tmp_path / "talk.mp4") is None


def test_json_that_looks_like_a_transcript_is_taken(tmp_path: Path) -> None:
    path = _write(tmp_path, "talk.json", '{"segments": []}')
    assert find_sidecar(tmp_path / "talk.mp4") == path


@pytest.mark.parametrize(
    "data",
    [
        CUES.encode("utf-8-sig"),
        CUES.encode("utf-16"),
        CUES.replace("\n", "\r\n").encode(),
        CUES.replace("it.", "café.").encode("cp1252"),
    ],
)
def test_any_common_encoding_is_read(tmp_path: Path, data: bytes) -> None:
    transcript = read_transcript(_write(tmp_path, "talk.srt", data), 10.0)
    assert transcript.text.startswith("This is what I have to say to you. And that is")
    assert transcript.language == "en"
    assert transcript.source == "sidecar:talk.srt"


def test_our_own_document_comes_back(tmp_path: Path) -> None:
    made = Transcript(
        "de", (Word("Guten", Span(0.5, 1.0), 0.5, "A"), Word("Tag.", Span(1.0, 1.5))), "x"
    )
    path = tmp_path / "talk.json"
    write_document(path, made, SCHEMA)
    read = read_transcript(path, 60.0)
    assert read.words == made.words
    assert read.language == "de"


def _read_json(folder: Path, data: Any, duration: float = 20.0) -> Transcript:
    return read_transcript(_write(folder, "talk.json", json.dumps(data)), duration)


def test_whisper_words_keep_times_and_probabilities(tmp_path: Path) -> None:
    segment = {
        "start": 0.0,
        "end": 3.0,
        "text": " I paid 5 dollars",
        "words": [
            {"word": " I", "start": 0.0, "end": 0.4, "probability": 0.9},
            {"word": " paid", "start": 0.4, "end": 1.0, "score": 0.8},
            {"word": " 5"},
            {"word": " dollars", "start": 2.0, "end": 2.6, "probability": 1.7},
        ],
        "speaker": "SPEAKER_00",
    }
    words = _read_json(tmp_path, {"segments": [segment], "language": "english"}).words
    assert [word.text for word in words] == ["I", "paid", "5", "dollars"]
    assert [word.confidence for word in words] == [0.9, 0.8, 1.0, 1.0]
    assert words[2].span == Span(1.0, 2.0)
    assert [word.interpolated for word in words] == [False, False, True, False]
    assert words[0].speaker == "SPEAKER_00"


def test_segments_without_words_are_spread(tmp_path: Path) -> None:
    words = _read_json(tmp_path, [{"start": 1, "end": 3, "text": "so be it"}]).words
    assert words[0].span.start == 1.0
    assert words[-1].span.end == 3.0
    assert all(word.interpolated for word in words)


def test_a_list_of_words_alone_is_read(tmp_path: Path) -> None:
    data = {"words": [{"word": "two words", "start": 0, "end": 1}], "language": "en"}
    assert [word.text for word in _read_json(tmp_path, data).words] == ["two", "words"]


@pytest.mark.parametrize(
    "data",
    [
        {"segments": []},
        {"segments": [{"text": "no times"}]},
        {"segments": [{"text": "x", "start": "soon", "end": 2}]},
        {"segments": [{"text": "x", "start": 3, "end": 1}]},
        {"segments": [{"text": "x", "start": float("nan"), "end": 1}]},
        {"segments": 7},
        {"segments": [1, 2]},
        {"schema": "transcript/9", "language": "en", "words": []},
        {"schema": "edit/1"},
        {"schema": "transcript/1", "language": "en", "words": [{"text": "a b"}]},
        [],
    ],
)
def test_wrong_json_is_refused_in_one_line(tmp_path: Path, data: Any) -> None:
    with pytest.raises(TranscriptError) as caught:
        _read_json(tmp_path, data)
    assert "\n" not in str(caught.value)
    assert "talk.json" in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [b"", b"   \n", b"just some text", b"\x00\x01\x02\xff\xfe", b"{oops", b"\x89PNG\r\n\x1a\n\x00"],
)
def test_empty_and_garbled_files_are_refused_in_one_line(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(TranscriptError) as caught:
        read_transcript(_write(tmp_path, "talk.srt", data), 10.0)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TranscriptError, match="cannot read"):
        read_transcript(tmp_path / "none.srt", 10.0)
    with pytest.raises(TranscriptError, match="cannot read"):
        read_transcript(tmp_path, 10.0)


@pytest.mark.parametrize("duration", [6.9, 5.0, 1000.0])
def test_a_transcript_of_another_length_is_refused(tmp_path: Path, duration: float) -> None:
    path = _write(tmp_path, "talk.srt", CUES)
    with pytest.raises(TranscriptError, match="media is"):
        read_transcript(path, duration)


def test_a_little_overhang_is_cut(tmp_path: Path) -> None:
    words = read_transcript(_write(tmp_path, "talk.srt", CUES), 7.5).words
    assert max(word.span.end for word in words) == 7.5


def test_more_words_than_anybody_can_say_are_refused(tmp_path: Path) -> None:
    text = "1\n00:00:00,000 --> 00:00:05,000\n" + "word " * 200
    with pytest.raises(TranscriptError, match="anybody"):
        read_transcript(_write(tmp_path, "talk.srt", text), 5.0)


def test_a_duration_is_needed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="positive"):
        read_transcript(_write(tmp_path, "talk.srt", CUES), 0.0)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(tmp_path: Path, data: bytes) -> None:
    path = _write(tmp_path, "talk.srt", data)
    try:
        transcript = read_transcript(path, 100.0)
    except TranscriptError:
        return
    assert transcript.words


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["segments", "words", "word", "start", "end", "text", "schema"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(JSON)
def test_any_json_is_read_or_refused(tmp_path: Path, data: Any) -> None:
    try:
        transcript = _read_json(tmp_path, data)
    except TranscriptError:
        return
    assert transcript.words
