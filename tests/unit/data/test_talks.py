from __future__ import annotations

import json
import lzma
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from talkreel.core.errors import InputError
from talkreel.data.marks import is_remark, mark_kinds, marked_sentences
from talkreel.data.ranks import auc, average_precision
from talkreel.data.sitcoms import laughed_at, read_lines, read_sitcoms
from talkreel.data.speeches import read_speeches, spoken_text
from talkreel.data.splits import in_split, split_of
from talkreel.data.talks import LabelledTalk, unknown_labels
from talkreel.data.ted import read_ted
from talkreel.data.vtssum import read_vtssum, segment_hits, top_f1


def written(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    with lzma.open(path, "wt", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row) + "\n")
    return path


def test_marks_become_labels_and_leave_no_trace() -> None:
    text = "We won. (Applause.) About the track—[laughter]—and I said so [laughter]. Thank you."
    found = marked_sentences(text)
    assert [part.text for part in found] == [
        "We won.",
        "About the track, and I said so.",
        "Thank you.",
    ]
    assert [(part.applause, part.laughter) for part in found] == [
        (True, False),
        (False, True),
        (False, False),
    ]


def test_kinds_of_marks() -> None:
    assert mark_kinds("(Laughter and applause.)") == (True, True)
    assert mark_kinds("[Laughs]") == (False, True)
    assert mark_kinds("He laughs (Applause)") == (False, False)
    assert is_remark("(Music)")
    assert not is_remark("so (Music) he sang")


def test_only_the_speaker_speaks() -> None:
    text = "President: A B\n\nThe President: Hello.\nAUDIENCE: Boo!\nQ. Why?"
    assert spoken_text(text).split() == ["Hello.", "Q.", "Why?"]


def test_speeches_are_known_only_where_marked(tmp_path: Path) -> None:
    clapped = "We will win again. (Applause.) We did it before. " * 20
    laughed = "A joke comes here. (Laughter.) Then nothing at all. " * 5
    rows = [
        {"id": "clapped", "text": clapped},
        {"id": "laughed", "text": laughed},
        {"id": "silent", "text": "Nothing is marked here. " * 30},
    ]
    talks = {talk.id: talk for talk in read_speeches(written(tmp_path / "s.xz", rows))}
    assert set(talks) == {"clapped", "laughed"}
    assert len(talks["clapped"].texts) == 38  # the last 5 % are dropped
    np.testing.assert_array_equal(talks["clapped"].reaction[:4], [1, 0, 1, 0])
    assert np.isnan(talks["laughed"].labels[:, 0]).all()
    assert not any("pplause" in text for talk in talks.values() for text in talk.texts)


def test_ted_by_line_and_by_sentence(tmp_path: Path) -> None:
    lines = ["Translator: X", "So I came", "and I saw.", "(Laughter)", "Then I left."] * 8
    path = written(tmp_path / "t.xz", [{"id": "a", "lines": lines}])
    (by_line,), (by_sentence,) = read_ted(path), read_ted(path, "sentence")
    assert by_line.texts[:3] == ("So I came", "and I saw.", "Then I left.")
    np.testing.assert_array_equal(by_line.reaction[:3], [0, 1, 0])
    assert by_sentence.texts[:2] == ("So I came and I saw.", "Then I left.")
    np.testing.assert_array_equal(by_sentence.reaction[:2], [1, 0])
    with pytest.raises(ValueError, match="units are"):
        read_ted(path, "word")  # type: ignore[arg-type]


def test_a_laugh_belongs_to_the_line_before_it(tmp_path: Path) -> None:
    spans = np.array([[0, 2.0], [3, 5.0], [5.1, 9.0], [25, 30.0]])
    np.testing.assert_array_equal(laughed_at(spans, np.array([5.4, 8.5, 20.0])), [0, 1, 1, 0])
    np.testing.assert_array_equal(laughed_at(np.zeros((0, 2)), np.array([1.0])), [])
    lines = [["A", 1.0, 2.0, "Hi."], ["B", 3.0, 5.0, "No."]]
    row = {"show": "s", "episode": "e", "lines": lines, "laughs": [2.2]}
    path = written(tmp_path / "e.xz", [row])
    (talk,) = read_sitcoms(path)
    assert talk.times is None  # gaps would tell
    np.testing.assert_array_equal(talk.labels[:, 1], [1, 0])


def test_speakers_and_times_follow_the_lines(tmp_path: Path) -> None:
    lines = [["B", 3.0, 5.0, "No."], ["A", 1.0, 2.0, "Hi."]]
    row = {"show": "s", "episode": "e", "lines": lines, "laughs": [2.2]}
    (found,) = read_lines(written(tmp_path / "e.xz", [row]))
    assert found.talk.texts == ("Hi.", "No.")
    assert found.speakers == ("A", "B")
    np.testing.assert_array_equal(found.spans, [[1, 2], [3, 5]])
    np.testing.assert_array_equal(found.laughs, [2.2])


def test_vtssum_figures_by_hand(tmp_path: Path) -> None:
    segments = [[["a", 1], ["b", 0], ["c", 0], ["d", 1]], [["e", 0], ["f", 1], ["g", 0]]]
    (talk,) = read_vtssum(written(tmp_path / "v.xz", [{"id": "x", "segments": segments}]))
    hits, groups = segment_hits([talk], [np.array([4.0, 3, 2, 1, 3, 2, 1])], 3)
    np.testing.assert_allclose(hits, [[1 / 3, 1 / 2], [1 / 3, 1]])
    assert groups == ["x", "x"]
    assert top_f1(hits) == pytest.approx(200 * (1 / 3) * 0.75 / (1 / 3 + 0.75))
    with pytest.raises(ValueError, match="scores for"):
        segment_hits([talk], [], 3)
    with pytest.raises(ValueError, match="one score"):
        segment_hits([talk], [np.zeros(2)], 3)


def test_splits_do_not_move_and_do_not_overlap() -> None:
    names = [f"talk {i}" for i in range(200)]
    parts = [set(in_split(names, split)) for split in ("train", "validation", "test")]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 200
    assert all(len(part) > 10 for part in parts)
    tested = [i for fold in range(5) for i in in_split(names, "test", fold)]
    assert sorted(tested) == list(range(200))
    with pytest.raises(ValueError, match="folds are"):
        split_of("talk", 5)


def test_rank_figures() -> None:
    truth = np.array([True, False, True, False])
    assert auc(np.array([3.0, 2, 2, 1]), truth) == pytest.approx(0.875)
    assert average_precision(np.array([3.0, 2, 1, 0]), truth) == pytest.approx((1 + 2 / 3) / 2)
    assert np.isnan(auc(np.ones(2), np.array([True, True])))
    assert np.isnan(average_precision(np.ones(1), np.array([False])))
    with pytest.raises(ValueError, match="labels"):
        auc(np.ones(2), truth)


def test_labels_must_fit() -> None:
    with pytest.raises(ValueError, match="labels"):
        LabelledTalk("x", ("a",), unknown_labels(2))


def test_damaged_and_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="TALKREEL_DATA"):
        read_speeches(tmp_path / "none.xz")
    (tmp_path / "cut.xz").write_bytes(lzma.compress(b'{"id": 1, "segments": []}\n')[:-8])
    with pytest.raises(InputError, match="damaged"):
        read_vtssum(tmp_path / "cut.xz")
    with pytest.raises(InputError, match="another shape"):
        read_vtssum(written(tmp_path / "other.xz", [{"id": 1}]))
