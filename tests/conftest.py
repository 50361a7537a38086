"""Folders of real media and weights; absent ones skip, and CI forbids that skip."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def _folder(variable: str, default: str) -> Path:
    folder = Path(os.environ.get(variable, ROOT.parent / "shared" / default)).resolve()
    if folder.is_dir():
        return folder
    message = f"no folder {default!r}: set {variable} to run this test"
    if os.environ.get("TALKREEL_FORBID_SKIPS"):
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session")
def media_dir() -> Path:
    return _folder("TALKREEL_MEDIA", "media")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    return _folder("TALKREEL_DATA", "data")


@pytest.fixture(scope="session")
def models_dir() -> Path:
    return _folder("TALKREEL_MODELS", "models")


@pytest.fixture(scope="session")
def sample_dir() -> Path:
    return ROOT / "sample"
