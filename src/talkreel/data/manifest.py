"""Manifests: what a data set holds, under which licence, and the checksum of each of its files.

``datasets/<name>/manifest.json`` travels with the project, the data do not. A file is handed out
only when its bytes are the ones that the manifest was made from, so a figure always says which
data it was measured on.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

from talkreel.core.errors import InputError
from talkreel.core.jsonio import load_json, read_document
from talkreel.models.bundle import DataSource

SCHEMA = "dataset/1"
MANIFEST_FILE = "manifest.json"
CHECKOUT = Path(__file__).resolve().parents[3]


class DataError(InputError):
    """A data set is unknown, missing, changed or corrupt."""


@dataclass(frozen=True, slots=True)
class DataFile:
    """One file, ``path`` relative to the data root."""

    path: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class SplitCount:
    """Size of one split; a group (talk, story, speaker) never lies in two."""

    name: str
    rows: int
    groups: int


@dataclass(frozen=True, slots=True)
class Leaks:
    """What one split has in common with another.

    Attributes:
        groups: talks, stories or speakers that lie in two splits; must be 0.
        duplicates: rows outside the training split whose content is also in it. Published sets
            have some: figures are reported with and without them.
    """

    groups: int
    duplicates: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What ``manifest.json`` says.

    Attributes:
        name: of the set and of its folder.
        title: in words.
        licence: as its publisher states it.
        shippable: whether weights trained on it may be redistributed and used commercially.
        row: what one row is, e.g. ``sentence``.
        group: what never lies in two splits, e.g. ``talk``.
        files: all of them.
        splits: ``all`` where the publisher defines none.
        labels: rows per label; a row can have several or none.
        leaks: between splits.
    """

    name: str
    title: str
    licence: str
    shippable: bool
    row: str
    group: str
    files: tuple[DataFile, ...] = ()
    splits: tuple[SplitCount, ...] = ()
    labels: dict[str, int] = field(default_factory=dict)
    leaks: Leaks = Leaks(0, 0)


@dataclass(frozen=True, slots=True)
class Dataset:
    """A manifest and the folder in which its files are looked up."""

    manifest: Manifest
    digest: str
    root: Path

    @property
    def source(self) -> DataSource:
        """What a bundle records of it."""
        manifest = self.manifest
        return DataSource(manifest.name, manifest.licence, self.digest, manifest.shippable)

    def path(self, file: str) -> Path:
        """The file on this machine, after comparing all its bytes with the manifest.

        Args:
            file: as listed in the manifest, relative to the data root.

        Raises:
            DataError: not listed, missing, or changed.
        """
        for entry in self.manifest.files:
            if entry.path == file:
                return _verified(self.root / file, entry, self.manifest.name)
        raise DataError(f"the data set {self.manifest.name!r} lists no file {file!r}")

    def paths(self) -> tuple[Path, ...]:
        """Every file, verified as by ``path``."""
        return tuple(self.path(entry.path) for entry in self.manifest.files)


def data_root(root: str | Path | None = None) -> Path:
    """``root``, else ``$TALKREEL_DATA``, else ``../shared/data`` beside the checkout."""
    chosen = root or os.environ.get("TALKREEL_DATA") or CHECKOUT.parent / "shared" / "data"
    return Path(chosen).expanduser().resolve()


def datasets() -> tuple[str, ...]:
    """Names of all sets that have a manifest."""
    return tuple(sorted(p.parent.name for p in (CHECKOUT / "datasets").glob(f"*/{MANIFEST_FILE}")))


def open_dataset(name: str, root: str | Path | None = None) -> Dataset:
    """The data set called ``name``; reads the manifest only.

    Raises:
        DataError: there is no manifest of that name.
        SchemaError: its manifest is not one.
    """
    path = CHECKOUT / "datasets" / name / MANIFEST_FILE
    if name not in datasets():
        known = ", ".join(datasets()) or "none"
        raise DataError(f"unknown data set {name!r}; {CHECKOUT / 'datasets'} describes: {known}")
    manifest = read_document(Manifest, load_json(path), SCHEMA)
    return Dataset(manifest, hashlib.sha256(path.read_bytes()).hexdigest(), data_root(root))


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _verified(path: Path, entry: DataFile, name: str) -> Path:
    if not path.is_file():
        raise DataError(
            f"{name}: there is no {path}; set TALKREEL_DATA to the folder that holds {entry.path} "
            f"(datasets/{name}/README.md says where it comes from)"
        )
    if path.stat().st_size != entry.size_bytes or sha256(path) != entry.sha256:
        raise DataError(
            f"{name}: {path} is not the file of the manifest (changed or corrupt): get it again, "
            f"or run python -m training.prepare dataset={name} rebuild=true to describe the new one"
        )
    return path
