from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from talkreel.core.analysis import Analysis
from talkreel.core.edits import SCHEMA, Canvas, CropKey, CropPath, Edit, Layout, LayoutKind
from talkreel.core.errors import OutputError, SchemaError
from talkreel.core.jsonio import (
    decode,
    document,
    encode,
    load_json,
    read_document,
    write_document,
    write_text,
)
from talkreel.core.media import AudioStream, Media
from talkreel.core.signals import Signal
from talkreel.core.spans import Span
from talkreel.core.tracks import FaceTrack
from talkreel.core.transcript import Transcript, Word
from talkreel.store.analysis import read_analysis, write_analysis

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "edit-1.json"

EDIT = Edit(
    id="a1",
    title="A title",
    media_uri="/talk.mp4",
    media_digest="ab" * 32,
    kept=(Span(1.0, 2.5), Span(3.0, 4.0)),
    canvas=Canvas(1080, 1920, Fraction(30000, 1001)),
    layouts=(
        Layout(Span(1.0, 4.0), LayoutKind.CROP, (CropPath((CropKey(1.0, (0.1, 0, 0.4, 1)),)),)),
    ),
)


def test_an_edit_reads_back_as_written() -> None:
    text = json.dumps(document(EDIT, SCHEMA))
    assert read_document(Edit, json.loads(text), SCHEMA) == EDIT


def test_an_edit_written_before_later_fields_reads_and_keeps_what_it_said() -> None:
    golden = load_json(GOLDEN)
    assert read_document(Edit, golden, SCHEMA) == EDIT
    assert _holds(document(EDIT, SCHEMA), golden)


def _holds(now: Any, before: Any) -> bool:
    """Whether ``now`` says all that ``before`` says; fields may have been added."""
    if isinstance(before, dict):
        return all(key in now and _holds(now[key], value) for key, value in before.items())
    if isinstance(before, list):
        same = len(now) == len(before)
        return same and all(_holds(a, b) for a, b in zip(now, before, strict=True))
    return bool(now == before)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": "clips/1"}, "expected a document of schema edit/1"),
        ({"schema": "edit/2"}, "newer"),
        ({"schema": "edit/0"}, "too old"),
        ({"title": 3}, r"\$\.title: expected str"),
        ({"extra": 1}, "unknown field 'extra'"),
        ({"kept": []}, "at least one span"),
        ({"kept": [{"start": 2, "end": 1}]}, r"\$\.kept\[0\]"),
        ({"canvas": {"width": 2, "height": 2, "frame_rate": "1/0"}}, "frame_rate"),
    ],
)
def test_a_wrong_document_names_the_field(change: dict[str, object], message: str) -> None:
    data = json.loads(json.dumps(document(EDIT, SCHEMA))) | change
    with pytest.raises(SchemaError, match=message):
        read_document(Edit, data, SCHEMA)


def test_what_is_no_document_is_said() -> None:
    with pytest.raises(SchemaError, match="not a talkreel document"):
        read_document(Edit, [1, 2], SCHEMA)


def test_unreadable_files_are_said(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="cannot read"):
        load_json(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(SchemaError, match="not JSON"):
        load_json(tmp_path / "bad.json")


def test_arrays_travel_beside_the_json() -> None:
    signal = Signal("pitch", np.array([1.0, np.nan]), "Hz")
    arrays: dict[str, np.ndarray] = {}
    plain = json.loads(json.dumps(encode(signal, arrays)))
    again = decode(Signal, plain, arrays)
    np.testing.assert_array_equal(again.values, signal.values)
    with pytest.raises(SchemaError, match="missing"):
        decode(Signal, plain, {})


def test_writing_is_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b.json"
    write_document(target, EDIT, SCHEMA)
    assert [path.name for path in target.parent.iterdir()] == ["b.json"]
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot write"):
        write_text(tmp_path / "file" / "x.json", "x")


def test_an_analysis_reads_back_as_written(tmp_path: Path) -> None:
    media = Media(
        uri="/a.wav",
        digest="0",
        container="wav",
        duration=3.0,
        video=None,
        audio=AudioStream(index=0, sample_rate=16000, channels=1, codec="pcm_s16le"),
    )
    analysis = Analysis(
        media=media,
        transcript=Transcript("en", (Word("Hi.", Span(0, 1)),)),
        signals={"loudness": Signal("loudness", np.arange(30.0), "LUFS", step=0.1)},
        faces=(FaceTrack(0, [0.0], [[0, 0, 1, 1]], [1.0], [float("nan")]),),  # type: ignore[arg-type]
    )
    path = tmp_path / "analysis.json"
    write_analysis(path, analysis)
    again = read_analysis(path)
    assert again.media == media
    assert again.transcript == analysis.transcript
    np.testing.assert_array_equal(
        again.signals["loudness"].values, analysis.signals["loudness"].values
    )
    assert np.isnan(again.faces[0].speaking[0])
    path.with_suffix(".npz").write_bytes(b"")
    with pytest.raises(SchemaError, match="npz"):
        read_analysis(path)
