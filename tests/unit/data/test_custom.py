from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from talkreel.core.analysis import Analysis
from talkreel.core.errors import InputError
from talkreel.core.media import AudioStream, Media
from talkreel.core.signals import Signal
from talkreel.core.spans import Span
from talkreel.core.transcript import Transcript, Word
from talkreel.data.custom import read_curve, read_custom, sentence_targets
from talkreel.store.analysis import write_analysis


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    words = tuple(Word(f"word{i}.", Span(i * 2.0, i * 2.0 + 1.5)) for i in range(10))
    media = Media(
        uri="talk.mp4",
        digest="0" * 64,
        container="mp4",
        duration=20.0,
        video=None,
        audio=AudioStream(index=0, sample_rate=16000, channels=1, codec="aac"),
    )
    signals = {"loudness": Signal("loudness", np.full(200, -20.0), "LUFS", 0.0, 0.1)}
    analysis = Analysis(media=media, transcript=Transcript("en", words), signals=signals)
    write_analysis(tmp_path / "talk.json", analysis)
    return tmp_path


def test_time_and_value_become_ranks(folder: Path) -> None:
    rows = "\n".join(f"{t},{t * t}" for t in range(0, 15))
    (folder / "talk.csv").write_text(f"time,value\n{rows}\n", encoding="utf-8")
    np.save(folder / "talk.visual.npy", np.ones((10, 4), np.float32))
    (talk,) = read_custom(folder)
    importance = talk.labels[:, 2]
    np.testing.assert_allclose(importance[:8], np.arange(8) / 7, atol=1e-6)
    assert np.isnan(importance[8:]).all()
    assert np.isnan(talk.labels[:, :2]).all()
    assert talk.times is not None
    assert talk.visual is not None
    assert set(talk.signals) == {"loudness"}


def test_a_retention_export_counts_against_its_surroundings(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    header = "Video position (%),Absolute audience retention (%),Relative\n"
    rows = "\n".join(f"{p},{100 - p / 2 + 20 * (p == 50)},1" for p in range(0, 101, 2))
    path.write_text(header + rows, encoding="utf-8-sig")
    curve = read_curve(path, 600.0)
    assert curve[np.argmax(curve[:, 1]), 0] == pytest.approx(300.0)
    assert abs(np.median(curve[:, 1])) < 1


def test_targets_outside_the_curve_are_unknown() -> None:
    curve = np.array([[5.0, 1.0], [6.0, 2.0]])
    found = sentence_targets(curve, np.array([[0.0, 1.0], [5.0, 5.5], [9.0, 10.0]]))
    np.testing.assert_array_equal(np.isnan(found), [True, False, True])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "needs the columns"),
        ("", "needs the columns"),
        ("time,value\n1,x\n", "not two numbers"),
        ("time,value\n", "no values"),
    ],
)
def test_bad_labels_are_refused(folder: Path, text: str, message: str) -> None:
    (folder / "talk.csv").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_custom(folder)


def test_bad_folders_and_pictures_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no folder"):
        read_custom(tmp_path / "none")
    with pytest.raises(InputError, match="labels"):
        read_custom(folder)
    (folder / "talk.csv").write_text("time,value\n1,2\n", encoding="utf-8")
    np.save(folder / "talk.visual.npy", np.ones((3, 4), np.float32))
    with pytest.raises(InputError, match="10 sentences"):
        read_custom(folder)
    (folder / "talk.visual.npy").write_bytes(b"no")
    with pytest.raises(InputError, match="compute the pictures again"):
        read_custom(folder)
