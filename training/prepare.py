"""Verifies the data sets: checksums, counts, labels and leaks against their manifests.

    python -m training.prepare dataset=NAME|all [root=PATH] [rebuild=true]

With ``rebuild=true`` the manifest is written anew from the files as they are.
"""

from __future__ import annotations

import lzma
import sys
import tarfile
import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from omegaconf import MISSING

from talkreel.core.jsonio import write_document
from talkreel.data.manifest import (
    CHECKOUT,
    MANIFEST_FILE,
    SCHEMA,
    DataError,
    DataFile,
    Dataset,
    Leaks,
    Manifest,
    SplitCount,
    datasets,
    open_dataset,
    sha256,
)
from training.arguments import parse, run, say
from training.rows import READERS, Row, duplicates, shared_groups

_CORRUPT = (
    lzma.LZMAError,
    tarfile.TarError,
    zipfile.BadZipFile,
    EOFError,
    ValueError,
    LookupError,
)


@dataclass
class Options:
    """Arguments of the command."""

    dataset: str = MISSING
    root: str | None = None
    rebuild: bool = False


def check(name: str, root: str | None = None) -> Manifest:
    """Compare the files of a data set, and what is in them, with its manifest.

    Raises:
        DataError: unknown, missing, changed or corrupt; other counts; or a group in two splits.
    """
    data = open_dataset(name, root)
    data.paths()
    found = counted(data)
    for what in ("splits", "labels", "leaks"):
        if getattr(found, what) != getattr(data.manifest, what):
            raise DataError(
                f"{name}: {what} are {getattr(found, what)}, but the manifest says "
                f"{getattr(data.manifest, what)}; run it again with rebuild=true"
            )
    return found


def rebuild(name: str, root: str | None = None) -> Manifest:
    """Write the manifest of ``name`` anew from its files as they are.

    Raises:
        DataError: unknown, missing or corrupt, or a group in two splits.
    """
    data = open_dataset(name, root)
    files = []
    for entry in data.manifest.files:
        path = data.root / entry.path
        if not path.is_file():
            raise DataError(f"{name}: there is no {path}; set TALKREEL_DATA or give root=FOLDER")
        files.append(DataFile(entry.path, sha256(path), path.stat().st_size))
    manifest = counted(replace(data, manifest=replace(data.manifest, files=tuple(files))))
    write_document(CHECKOUT / "datasets" / name / MANIFEST_FILE, manifest, SCHEMA)
    return manifest


def counted(data: Dataset) -> Manifest:
    """The manifest of ``data`` with splits, labels and leaks as its files have them.

    Raises:
        DataError: a file is corrupt, or a group lies in two splits.
    """
    name = data.manifest.name
    try:
        rows = list(READERS[name](data))
    except _CORRUPT as error:
        raise DataError(
            f"{name}: a file under {data.root} is corrupt ({type(error).__name__}: {error}); "
            "get it again"
        ) from error
    shared = shared_groups(rows)
    if shared:
        group, splits = next(iter(sorted(shared.items())))
        raise DataError(
            f"{name}: {len(shared)} groups lie in two splits, e.g. {data.manifest.group} "
            f"{group!r} in {' and '.join(sorted(splits))}: figures would be inflated"
        )
    labels = Counter(label for row in rows for label in row.labels)
    return replace(
        data.manifest,
        splits=_splits(rows),
        labels=dict(sorted(labels.items())),
        leaks=Leaks(0, len(duplicates(rows))),
    )


def _splits(rows: Sequence[Row]) -> tuple[SplitCount, ...]:
    groups: dict[str, set[str]] = {}
    for row in rows:
        groups.setdefault(row.split, set()).add(row.group)
    sizes = Counter(row.split for row in rows)
    return tuple(SplitCount(split, sizes[split], len(groups[split])) for split in groups)


def _described(manifest: Manifest) -> str:
    rows = sum(split.rows for split in manifest.splits)
    splits = ", ".join(f"{s.name} {s.rows} rows/{s.groups} groups" for s in manifest.splits)
    shares = sorted(manifest.labels.items(), key=lambda item: -item[1])
    balance = ", ".join(f"{label} {count / rows:.1%}" for label, count in shares[:8])
    more = f" and {len(shares) - 8} more" if len(shares) > 8 else ""
    twins = f"; {manifest.leaks.duplicates} rows repeat a training row"
    return (
        f"{manifest.name}: {len(manifest.files)} files as in the manifest; {splits}"
        f"{twins if manifest.leaks.duplicates else ''}\n    labels: {balance or 'none'}{more}"
    )


def main(arguments: Sequence[str]) -> None:
    """Check or rebuild what the arguments name."""
    options = parse(Options, arguments)
    names = datasets() if options.dataset == "all" else (options.dataset,)
    for name in names:
        say(_described((rebuild if options.rebuild else check)(name, options.root)))


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
