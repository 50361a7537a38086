"""Folders of real media and weights; absent ones skip, and CI forbids that skip."""

from __future__ import annotations

import os
from collections.abc import Callable
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


@pytest.fixture(autouse=True)
def only_packaged_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a machine has installed beside decides nothing here, unless a test says so."""
    for name in ("CJK_FONTS", "EMOJI_FONTS"):
        monkeypatch.setattr(f"talkreel.media.fonts.{name}", ())


@pytest.fixture(scope="session")
def save_network() -> Callable[..., Path]:
    """Writes weights of a tiny network that enlarges; a plain one repeats each pixel."""

    def save(path: Path, *, scale: int = 2, plain: bool = True) -> Path:
        import torch
        from safetensors.torch import save_file
        from spandrel.architectures.Compact import Compact

        with torch.random.fork_rng():
            torch.manual_seed(1)
            weights = Compact(num_feat=4, num_conv=1, upscale=scale).state_dict()
        if plain:
            for name in list(weights)[-2:]:
                weights[name] = torch.zeros_like(weights[name])
        save_file(weights, path)
        return path

    return save
