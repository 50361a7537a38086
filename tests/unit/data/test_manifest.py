"""Data are handed out only when they are the described ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from talkreel.core.errors import SchemaError
from talkreel.data import manifest
from talkreel.data.manifest import CHECKOUT, DataError, data_root, datasets, open_dataset


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with one data set; returns its data root."""
    root = tmp_path / "data"
    (root / "text").mkdir(parents=True)
    (root / "text" / "rows.txt").write_text("one\ntwo\n")
    folder = tmp_path / "checkout" / "datasets" / "rows"
    folder.mkdir(parents=True)
    entry = {
        "path": "text/rows.txt", "size_bytes": 8, "sha256": manifest.sha256(root / "text/rows.txt"),
    }  # fmt: skip
    document = {
        "schema": "dataset/1", "name": "rows", "title": "Rows", "licence": "CC0",
        "shippable": True, "row": "line", "group": "line", "files": [entry],
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(document))
    monkeypatch.setattr(manifest, "CHECKOUT", tmp_path / "checkout")
    return root


def test_a_described_file_is_handed_out(rows: Path) -> None:
    data = open_dataset("rows", rows)
    assert data.path("text/rows.txt") == rows / "text" / "rows.txt"
    assert data.paths() == (rows / "text" / "rows.txt",)
    assert (data.source.name, data.source.shippable) == ("rows", True)
    assert len(data.source.sha256) == 64


def test_a_changed_file_is_refused(rows: Path) -> None:
    (rows / "text" / "rows.txt").write_text("one\ntwO\n")
    with pytest.raises(DataError, match="is not the file of the manifest"):
        open_dataset("rows", rows).path("text/rows.txt")


def test_a_shortened_file_is_refused(rows: Path) -> None:
    (rows / "text" / "rows.txt").write_text("one\n")
    with pytest.raises(DataError, match="changed or corrupt"):
        open_dataset("rows", rows).paths()


def test_a_missing_root_says_what_to_set(tmp_path: Path, rows: Path) -> None:
    with pytest.raises(DataError, match="set TALKREEL_DATA to the folder that holds text/rows.txt"):
        open_dataset("rows", tmp_path / "nowhere").path("text/rows.txt")


def test_an_unlisted_file_is_refused(rows: Path) -> None:
    with pytest.raises(DataError, match=r"lists no file '../secret'"):
        open_dataset("rows", rows).path("../secret")


def test_an_unknown_name_lists_the_known(rows: Path) -> None:
    with pytest.raises(DataError, match="unknown data set 'columns'.*describes: rows"):
        open_dataset("columns", rows)


def test_a_broken_manifest_is_a_schema_error(rows: Path) -> None:
    (manifest.CHECKOUT / "datasets" / "rows" / "manifest.json").write_text("{")
    with pytest.raises(SchemaError, match="is not JSON"):
        open_dataset("rows", rows)


def test_the_root_comes_from_the_argument_then_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALKREEL_DATA", str(tmp_path))
    assert data_root() == tmp_path
    assert data_root("/x") == Path("/x")
    monkeypatch.delenv("TALKREEL_DATA")
    assert data_root() == (CHECKOUT.parent / "shared" / "data").resolve()


def test_every_set_has_a_card_and_no_code() -> None:
    assert len(datasets()) >= 14
    for name in datasets():
        folder = CHECKOUT / "datasets" / name
        card = (folder / "README.md").read_text(encoding="utf-8")
        found = open_dataset(name).manifest
        assert found.name == name
        assert found.licence in card
        assert found.files
        assert found.leaks.groups == 0
    assert not list((CHECKOUT / "datasets").rglob("*.py"))
