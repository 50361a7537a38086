"""The bundles in use: the ones that ship with talkreel, or those of a folder of your own."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from talkreel.core.errors import ModelMissing
from talkreel.models.bundle import SPEC_FILE, Bundle, BundleSpec, load, read_spec

# Names a folder that is looked in first: a bundle there takes the place of the shipped one.
BUNDLES_VARIABLE = "TALKREEL_BUNDLES"
SHIPPED_FOLDER = Path(__file__).with_name("bundled")
NAMES = ("engagement", "hook", "emotion-text", "emotion-voice", "emotion-face")


def bundle_folder(name: str) -> Path:
    """Where the bundle of that role lies.

    Raises:
        ModelMissing: no bundle plays that role.
    """
    own = os.environ.get(BUNDLES_VARIABLE)
    folders = [Path(own)] if own else []
    for folder in (*folders, SHIPPED_FOLDER):
        if (folder / name / SPEC_FILE).is_file():
            return folder / name
    raise ModelMissing(
        f"no model bundle {name!r}: known are {', '.join(NAMES)}; train and export it, or set "
        f"{BUNDLES_VARIABLE} to a folder that holds it"
    )


def load_bundle(name: str) -> Bundle:
    """The bundle of that role, loaded once.

    Raises:
        ModelMissing: no bundle plays that role.
        SchemaError: it was changed or does not fit this version.
    """
    return _load(bundle_folder(name))


def specs() -> dict[str, BundleSpec]:
    """Specs of the bundles in use, by role; roles without one are left out.

    Raises:
        SchemaError: one was changed.
    """
    found = {}
    for name in NAMES:
        try:
            found[name] = read_spec(bundle_folder(name))
        except ModelMissing:
            continue
    return found


@lru_cache(maxsize=16)
def _load(folder: Path) -> Bundle:
    return load(folder)
