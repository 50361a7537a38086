"""The one reader of bundles refuses whatever is not exactly what was exported."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from talkreel.core.errors import ModelMissing, OutputError, SchemaError
from talkreel.models.architectures import ARCHITECTURES, build
from talkreel.models.bundle import BundleSpec, DataSource, Metric, load, read_spec, save
from talkreel.models.shipped import specs

SPEC = BundleSpec(
    name="dot", version=3, architecture="", arguments={}, features="rows/1", labels=("yes",),
    metrics=(Metric("auc", 0.75, 0.7, 0.8, 12, "rows"),),
    data=(DataSource("rows", "CC0", "ab", True),), permitted_use="Tests only.",
)  # fmt: skip


class Dot(nn.Module):
    architecture = "dot"

    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.arguments = {"width": width}
        self.layer = nn.Linear(width, 1)
        self.register_buffer("mean", torch.full((width,), 0.5))

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return self.layer(rows - self.mean)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    import sys

    monkeypatch.setitem(sys.modules, "dot_task", sys.modules[__name__])
    monkeypatch.setitem(ARCHITECTURES, "dot", ("dot_task", "Dot"))
    torch.manual_seed(1)
    save(tmp_path / "dot", Dot(6), SPEC, "# Dot\n")
    return tmp_path / "dot"


def edit(folder: Path, **changes: object) -> None:
    path = folder / "bundle.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_bundle_comes_back_with_weights_buffers_and_spec(folder: Path) -> None:
    torch.manual_seed(1)
    net = Dot(6).eval()
    bundle = load(folder)
    rows = torch.randn(3, 6)
    assert torch.equal(bundle.net(rows), net(rows))
    assert not bundle.net.training
    expected = replace(SPEC, architecture="dot", arguments={"width": 6}, files=bundle.spec.files)
    assert bundle.spec == expected
    assert bundle.spec.shippable
    assert bundle.digest == bundle.spec.files["weights.safetensors"]


def test_one_forbidden_source_makes_it_unshippable() -> None:
    spec = replace(SPEC, data=(*SPEC.data, DataSource("talks", "CC BY-NC", "cd", False)))
    assert not spec.shippable


@pytest.mark.parametrize("name", ["weights.safetensors", "README.md"])
def test_a_changed_byte_is_refused(folder: Path, name: str) -> None:
    data = bytearray((folder / name).read_bytes())
    data[-1] ^= 1
    (folder / name).write_bytes(bytes(data))
    with pytest.raises(SchemaError, match=f"{name} was changed since"):
        load(folder)


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "weights.safetensors").unlink()
    with pytest.raises(ModelMissing, match="weights.safetensors is missing"):
        load(folder)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="no model bundle in"):
        read_spec(tmp_path / "none")


@pytest.mark.parametrize("name", ["weights.pkl", "net.pt", "code.py"])
def test_an_unlisted_file_is_refused(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"\x80\x04.")
    with pytest.raises(SchemaError, match="never pickles or code"):
        load(folder)


@pytest.mark.parametrize("schema", ["bundle/2", "bundle/x", "edit/1"])
def test_another_schema_is_refused(folder: Path, schema: str) -> None:
    edit(folder, schema=schema)
    with pytest.raises(SchemaError, match=schema):
        load(folder)


def test_a_document_without_weights_is_refused(folder: Path) -> None:
    edit(folder, files={})
    with pytest.raises(SchemaError, match="lists no weights"):
        load(folder)


def test_an_unknown_architecture_is_refused(folder: Path) -> None:
    edit(folder, architecture="transformer-9000")
    with pytest.raises(SchemaError, match="unknown architecture 'transformer-9000'; known are"):
        load(folder)


@pytest.mark.parametrize("arguments", [{"depth": 2}, {"width": "wide"}])
def test_arguments_that_do_not_fit_are_refused(folder: Path, arguments: dict[str, object]) -> None:
    edit(folder, arguments=arguments)
    with pytest.raises(SchemaError, match="do not fit 'dot'"):
        load(folder)


def test_weights_of_another_size_are_refused(folder: Path) -> None:
    edit(folder, arguments={"width": 5})
    with pytest.raises(SchemaError, match="do not fit the architecture 'dot'"):
        load(folder)


def test_saving_replaces_a_bundle_whole(folder: Path) -> None:
    (folder / "stray.txt").write_text("x")
    save(folder, Dot(6), SPEC, "# New\n")
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md", "bundle.json", "weights.safetensors",
    ]  # fmt: skip
    assert [path.name for path in folder.parent.iterdir()] == ["dot"]


def test_saving_where_a_file_stands_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot write the bundle"):
        save(tmp_path / "file" / "dot", Dot(), SPEC, "")


def test_building_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(SchemaError, match="engagement"):
        build("nothing", {})


def test_metrics_of_the_shipped_bundles_are_figures_and_no_settings() -> None:
    for spec in specs().values():
        names = {metric.name for metric in spec.metrics}
        assert not names & set(spec.arguments)
