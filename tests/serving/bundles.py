"""Fixtures of whoever scores: a text, and bundles whose scores are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from talkreel.models.bundle import load, save
from talkreel.models.shipped import SHIPPED_FOLDER

__all__ = ["hook_bundle", "talk"]

TALK = (
    "Would you believe me if I told you that this costs nothing? We lost everything in one night, "
    "and I was terrified.\nThank you so much, this is the happiest day of my life! "
    "It starts at ten."
)


@pytest.fixture
def talk() -> str:
    return TALK


@pytest.fixture
def hook_bundle(tmp_path: Path) -> Callable[[int], Path]:
    """Makes a hook bundle whose scores are the shipped one's divided by its version."""

    def make(version: int) -> Path:
        shipped = load(SHIPPED_FOLDER / "hook")
        shipped.net.temperature.mul_(version)  # type: ignore[operator]
        folder = tmp_path / f"v{version}" / "hook"
        save(folder, shipped.net, replace(shipped.spec, version=version), "# hook\n")
        return folder

    return make
