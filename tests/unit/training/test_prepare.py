"""Counts, labels and leaks are compared with the manifest; broken files are named."""

from __future__ import annotations

import json
import lzma
from pathlib import Path

import pytest

from talkreel.data import manifest
from talkreel.data.manifest import DataError, datasets
from training import prepare
from training.arguments import parse, run
from training.rows import Row, duplicates, shared_groups

FILES = [f"engagement/vtssum_{split}.jsonl.xz" for split in ("train", "dev", "test")]
LONG = "a sentence that is long enough not to be a mere phrase which every lecture says " * 2


def lecture(name: str, *sentences: str) -> dict[str, object]:
    return {"id": name, "title": name, "segments": [[[s, int("key" in s)] for s in sentences]]}


def write(root: Path, file: str, *lectures: dict[str, object]) -> None:
    (root / file).parent.mkdir(parents=True, exist_ok=True)
    with lzma.open(root / file, "wt", encoding="utf-8") as opened:
        opened.write("".join(json.dumps(each) + "\n" for each in lectures))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small VT-SSum whose manifest was just built."""
    folder = tmp_path / "checkout" / "datasets" / "vtssum"
    folder.mkdir(parents=True)
    text = (manifest.CHECKOUT / "datasets" / "vtssum" / "manifest.json").read_text()
    (folder / "manifest.json").write_text(text)
    monkeypatch.setattr(manifest, "CHECKOUT", tmp_path / "checkout")
    monkeypatch.setattr(prepare, "CHECKOUT", tmp_path / "checkout")
    data = tmp_path / "data"
    write(data, FILES[0], lecture("one", LONG, "a key point"), lecture("two", "Hello."))
    write(data, FILES[1], lecture("three", "Hello.", "another key point"))
    write(data, FILES[2], lecture("four", LONG, "Bye."))
    prepare.rebuild("vtssum", str(data))
    return data


def test_a_rebuilt_manifest_counts_rows_labels_and_repeats(root: Path) -> None:
    found = prepare.check("vtssum", str(root))
    assert [(s.name, s.rows, s.groups) for s in found.splits] == [
        ("train", 3, 2), ("dev", 2, 1), ("test", 2, 1),
    ]  # fmt: skip
    assert found.labels == {"summary": 2}
    assert found.leaks.duplicates == 1


def test_a_changed_file_is_refused(root: Path) -> None:
    write(root, FILES[1], lecture("three", "Hello.", "a key point", "more"))
    with pytest.raises(DataError, match="is not the file of the manifest"):
        prepare.check("vtssum", str(root))


def test_other_counts_than_the_manifest_are_refused(root: Path) -> None:
    path = manifest.CHECKOUT / "datasets" / "vtssum" / "manifest.json"
    document = json.loads(path.read_text())
    document["labels"]["summary"] = 7
    path.write_text(json.dumps(document))
    with pytest.raises(DataError, match="labels are .*'summary': 2.*rebuild=true"):
        prepare.check("vtssum", str(root))


def test_a_talk_in_two_splits_is_refused(root: Path) -> None:
    write(root, FILES[2], lecture("one", "Bye."))
    with pytest.raises(DataError, match="talk 'one' in test and train: figures would be inflated"):
        prepare.rebuild("vtssum", str(root))


def test_a_corrupt_shard_is_named(root: Path) -> None:
    whole = (root / FILES[0]).read_bytes()
    (root / FILES[0]).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="vtssum: a file under .* is corrupt"):
        prepare.rebuild("vtssum", str(root))
    (root / FILES[0]).write_bytes(b"not xz at all")
    with pytest.raises(DataError, match="is corrupt"):
        prepare.rebuild("vtssum", str(root))


def test_a_missing_file_is_named(root: Path) -> None:
    (root / FILES[0]).unlink()
    with pytest.raises(DataError, match="there is no .*vtssum_train"):
        prepare.rebuild("vtssum", str(root))


def test_the_command_prints_the_balance_and_fails_in_one_line(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(prepare.main, ["dataset=vtssum", f"root={root}"]) == 0
    assert "labels: summary 28.6%" in capsys.readouterr().out
    assert run(prepare.main, ["dataset=vtssum", "root=/nowhere"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert run(prepare.main, ["datsaet=vtssum"]) == 2
    assert "allowed: dataset=... root=... rebuild=..." in capsys.readouterr().err


def test_arguments_are_typed() -> None:
    found = parse(prepare.Options, ["dataset=all", "rebuild=true"])
    assert (found.dataset, found.root, found.rebuild) == ("all", None, True)
    with pytest.raises(Exception, match="rebuild"):
        parse(prepare.Options, ["dataset=all", "rebuild=perhaps"])


def test_leaks_between_splits_are_found() -> None:
    rows = [
        Row("train", "a", (), "same"), Row("test", "b", (), "same"), Row("test", "a", (), "own"),
    ]  # fmt: skip
    assert shared_groups(rows) == {"a": {"train", "test"}}
    assert duplicates(rows) == [rows[1]]


@pytest.mark.parametrize("name", ["goemotions", "emodb-2s", "upworthy", "speeches", "fer2013plus"])
def test_the_data_are_as_described(name: str, data_dir: Path) -> None:
    assert name in datasets()
    prepare.check(name, str(data_dir))
