from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from talkreel.core.errors import InputError, ModelMissing
from talkreel.models.super_resolution import SuperResolver, check_weights

Save = Callable[..., Path]


def test_a_picture_in_tiles_is_the_picture_in_one(
    save_network: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolver = SuperResolver(save_network(tmp_path / "n.safetensors", plain=False))
    image = np.random.default_rng(3).integers(0, 256, (150, 217, 3), dtype=np.uint8)
    whole = resolver(image)
    assert whole.shape == (300, 434, 3)
    monkeypatch.setattr("talkreel.models.super_resolution._TILE_PX", 40)
    assert np.abs(resolver(image).astype(int) - whole).max() <= 1


def test_colours_and_places_come_through(save_network: Save, tmp_path: Path) -> None:
    # Without a residual the network repeats each pixel.
    resolver = SuperResolver(save_network(tmp_path / "n.safetensors", scale=3))
    image = np.random.default_rng(3).integers(0, 256, (20, 31, 3), dtype=np.uint8)
    assert np.array_equal(resolver(image), image.repeat(3, axis=0).repeat(3, axis=1))


def test_other_files_are_refused_with_a_reason(
    save_network: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ModelMissing, match="none at"):
        SuperResolver(tmp_path / "gone.safetensors")
    pickled = tmp_path / "n.pth"
    torch.save({"body.0.weight": torch.zeros(1)}, pickled)
    with pytest.raises(InputError, match="a pickle may run code"):
        SuperResolver(pickled)
    text = tmp_path / "text.safetensors"
    text.write_text("no weights, but long enough to have a header of some kind")
    with pytest.raises(InputError, match=r"is no \.safetensors file"):
        SuperResolver(text)
    other = tmp_path / "other.safetensors"
    save_file({"linear.weight": torch.zeros(3, 3)}, other)
    with pytest.raises(InputError, match="knows no network"):
        SuperResolver(other)
    broken = tmp_path / "broken.safetensors"
    save_file({f"body.{i}.weight": torch.zeros(4, 3, 3, 3) for i in (0, 1)}, broken)
    with pytest.raises(InputError, match="knows no network"):
        SuperResolver(broken)
    same = save_network(tmp_path / "same.safetensors", scale=1)
    with pytest.raises(InputError, match="does not enlarge"):
        SuperResolver(same)
    monkeypatch.setitem(sys.modules, "spandrel", None)
    with pytest.raises(InputError, match=r"talkreel\[upscale\]"):
        check_weights(same)
