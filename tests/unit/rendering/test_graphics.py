"""Cards and the logo, read back from rendered clips."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from talkreel.core.craft import Asset
from talkreel.core.errors import RenderError
from talkreel.core.graphics import Card, CardKind, CardLine, Graphics, Logo
from talkreel.core.media import Media
from talkreel.core.spans import Span
from talkreel.rendering.render import render


def asset(path: Path) -> Asset:
    return Asset(str(path), hashlib.sha256(path.read_bytes()).hexdigest())


CARD = Card(
    kind=CardKind.TITLE,
    span=Span(1.0, 2.0),
    lines=(CardLine("HHH", 0.12, "#00FF00"),),
    font="Roboto Black",
    font_file="Roboto-Black.ttf",
    box=(0.3, 0.55, 0.7, 0.8),
    padding=0.05,
    plate_colour="#0000FF",
    plate_opacity=1.0,
)


def test_a_card_stands_in_its_box_for_its_time(
    workshop: Any, numbered: Media, tmp_path: Path
) -> None:
    edit = workshop.edit(numbered, [Span(0.5, 3.0)], graphics=Graphics(cards=(CARD,)))
    render(edit, numbered, tmp_path / "a.mp4")
    before, during, after = (
        workshop.rgb(tmp_path / "a.mp4", s).astype(int) for s in (0.2, 1.0, 1.7)
    )
    height, width, _ = during.shape
    blue = (during[:, :, 2] > 150) & (during[:, :, 1] < 100)
    rows, columns = np.flatnonzero(blue.any(axis=1)), np.flatnonzero(blue.any(axis=0))
    assert rows[0] / height == pytest.approx(0.55, abs=0.02)
    assert rows[-1] / height == pytest.approx(0.8, abs=0.02)
    assert columns[0] / width == pytest.approx(0.3, abs=0.02)
    assert columns[-1] / width == pytest.approx(0.7, abs=0.02)
    green = (during[:, :, 1] > 150) & (during[:, :, 2] < 120)
    assert green.sum() > 100
    for still in (before, after):
        assert not ((still[:, :, 2] > 150) & (still[:, :, 1] < 100)).any()


def test_a_logo_stands_over_every_frame_in_its_own_colour(
    workshop: Any, numbered: Media, tmp_path: Path
) -> None:
    picture = tmp_path / "logo.png"
    Image.new("RGBA", (80, 40), (200, 30, 90, 255)).save(picture)
    box = (0.6, 0.6, 0.8, 0.6 + 0.2 * 0.5 * 320 / 180)
    edit = workshop.edit(
        numbered, [Span(0.0, 2.0)], graphics=Graphics(logo=Logo(asset(picture), box))
    )
    render(edit, numbered, tmp_path / "a.mp4")
    for second in (0.0, 1.0, 1.9):
        frame = workshop.rgb(tmp_path / "a.mp4", second).astype(int)
        inside = frame[115:130, 200:250].reshape(-1, 3).mean(axis=0)
        assert inside == pytest.approx([200, 30, 90], abs=8)
    plain = workshop.edit(numbered, [Span(0.0, 2.0)])
    picture.write_bytes(b"other")
    with pytest.raises(RenderError, match="was changed since the edit was made"):
        render(edit, numbered, tmp_path / "b.mp4")
    with pytest.raises(RenderError, match="is no picture"):
        render(
            replace(plain, graphics=Graphics(logo=Logo(asset(picture), box))),
            numbered,
            tmp_path / "b.mp4",
        )
    picture.unlink()
    with pytest.raises(RenderError, match="is gone"):
        render(edit, numbered, tmp_path / "b.mp4")
