from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from talkreel.core.errors import InputError
from talkreel.edit.styles import STYLES
from talkreel.pipeline.styles import list_styles
from talkreel.rendering.preview import backdrop


def test_each_preview_is_the_picture_with_its_own_text(tmp_path: Path) -> None:
    chosen = {name: STYLES[name] for name in ("bold", "box", "news")}
    entries = list_styles(tmp_path / "out", styles=chosen)
    assert [entry.preview for entry in entries] == [tmp_path / "out" / f"{n}.png" for n in chosen]
    from talkreel.pipeline import styles as module

    plain = backdrop(module._CANVAS).astype(int)
    drawn = [np.asarray(Image.open(str(e.preview)).convert("RGB")).astype(int) for e in entries]
    changed = [np.abs(image - plain).max(axis=2) > 40 for image in drawn]
    for mask in changed:
        assert mask[:500].sum() == 0  # only where the captions stand
        assert 500 < mask.sum() < 60_000
    assert all((a != b).any() for a, b in itertools.pairwise(changed))


def test_on_needs_out_and_a_picture(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="say where with --out"):
        list_styles(on=tmp_path / "a.mp4")
