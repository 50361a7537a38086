"""Bundles in the model store of BentoML.

python -m training.bento put bundle=FOLDER
python -m training.bento get tag=NAME:VERSION bundle=FOLDER
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from omegaconf import MISSING

from talkreel.core.errors import InputError
from talkreel.models.bundle import BundleSpec, read_spec
from training.arguments import parse, run, say


@dataclass
class Options:
    """Arguments of the command."""

    bundle: str = MISSING
    tag: str | None = None


def put(bundle: Path) -> str:
    """Copy a bundle into the store; its tag.

    Raises:
        ModelMissing: no bundle there.
        SchemaError: the bundle was changed.
    """
    import bentoml

    spec = read_spec(bundle)
    labels = {"architecture": spec.architecture, "release": str(spec.version)}
    with bentoml.models.create(spec.name, labels=labels) as model:
        for path in bundle.iterdir():
            shutil.copy(path, model.path)
    return str(model.tag)


def get(tag: str, bundle: Path) -> BundleSpec:
    """Copy a bundle out of the store and check it; an existing folder is replaced.

    Raises:
        InputError: no such tag.
        SchemaError: the stored bundle was changed.
    """
    import bentoml

    try:
        stored = Path(bentoml.models.get(tag).path)
    except bentoml.exceptions.BentoMLException as error:
        raise InputError(f"no model {tag!r} in the BentoML store: {error}") from error
    shutil.rmtree(bundle, ignore_errors=True)
    # BentoML adds a model.yaml of its own to the folder, which no bundle lists.
    shutil.copytree(stored, bundle, ignore=shutil.ignore_patterns("model.yaml"))
    return read_spec(bundle)


def main(arguments: Sequence[str]) -> None:
    """Put or get."""
    if not arguments or arguments[0] not in ("put", "get"):
        raise InputError("say put or get: python -m training.bento put bundle=FOLDER")
    options = parse(Options, arguments[1:])
    if arguments[0] == "put":
        say(put(Path(options.bundle)))
        return
    if options.tag is None:
        raise InputError("get needs tag=NAME:VERSION; bentoml models list shows them")
    say(f"{get(options.tag, Path(options.bundle)).name} is in {options.bundle}")


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
