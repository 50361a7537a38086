from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from talkreel.core.craft import Asset, Broll, Placement
from talkreel.core.errors import RenderError
from talkreel.core.spans import Span
from talkreel.rendering.render import render
from talkreel.store.library import file_digest

if TYPE_CHECKING:
    from tests.unit.rendering.conftest import Workshop

RED = (220, 30, 30)


@pytest.fixture
def still(tmp_path: Path) -> Asset:
    from PIL import Image

    path = tmp_path / "red.png"
    Image.new("RGB", (400, 300), RED).save(path)
    return Asset(str(path), file_digest(path))


@pytest.mark.parametrize(
    ("placement", "box", "inside", "outside"),
    [
        (Placement.FULL, (0.0, 0.0, 1.0, 1.0), (0.5, 0.75), None),
        (Placement.SPLIT, (0.0, 0.0, 1.0, 0.5), (0.5, 0.25), (0.5, 0.8)),
        (Placement.INSET, (0.1, 0.1, 0.9, 0.5), (0.5, 0.3), (0.05, 0.9)),
    ],
)
def test_a_still_is_there_for_exactly_its_frames(
    workshop: Workshop,
    still: Asset,
    tmp_path: Path,
    placement: Placement,
    box: tuple[float, float, float, float],
    inside: tuple[float, float],
    outside: tuple[float, float] | None,
) -> None:
    media = workshop.source()
    # A pause is cut out before the picture: it is shown by the source's clock, not the clip's.
    edit = workshop.edit(media, [Span(1.0, 2.0), Span(4.0, 7.0)])
    shown = replace(edit, broll=(Broll(Span(5.0, 6.0), still, box, placement=placement),))
    got = render(shown, media, tmp_path / "clip.mp4").path
    plain = render(edit, media, tmp_path / "plain.mp4").path
    for seconds, there in ((1.93, False), (2.05, True), (2.93, True), (3.05, False)):
        picture, before = workshop.rgb(got, seconds), workshop.rgb(plain, seconds)
        height, width = picture.shape[:2]
        pixel = picture[int(inside[1] * height), int(inside[0] * width)].astype(int)
        assert (np.abs(pixel - RED).max() < 25) == there, (seconds, pixel)
        if not there:
            assert np.abs(picture.astype(int) - before).mean() < 1.5
        elif outside is not None:
            kept = picture[int(outside[1] * height), int(outside[0] * width)].astype(int)
            assert np.abs(kept - RED).max() > 60


def test_a_split_moves_the_named_half_down(
    workshop: Workshop, still: Asset, tmp_path: Path
) -> None:
    media = workshop.source()
    edit = workshop.edit(media, [Span(1.0, 4.0)])
    half = Broll(Span(2.0, 3.0), still, (0.0, 0.0, 1.0, 0.5), placement=Placement.SPLIT, below=0.0)
    got = render(replace(edit, broll=(half,)), media, tmp_path / "clip.mp4").path
    plain = render(edit, media, tmp_path / "plain.mp4").path
    picture, before = (workshop.rgb(path, 1.5).astype(int) for path in (got, plain))
    rows = len(picture) // 2
    assert np.abs(picture[rows:] - before[:rows]).mean() < 4


def test_a_video_runs_and_its_last_frame_is_held(workshop: Workshop, tmp_path: Path) -> None:
    media = workshop.source()
    short = workshop.source("short.mp4", seconds=1.0)
    asset = Asset(short.uri, short.digest)
    edit = workshop.edit(media, [Span(0.0, 4.0)])
    shown = replace(edit, broll=(Broll(Span(1.0, 3.0), asset),))
    numbers = workshop.luma(render(shown, media, tmp_path / "clip.mp4").path)
    alone = workshop.luma(Path(short.uri))
    for frame, source in ((30, 0), (45, 15), (80, 29), (89, 29)):
        assert np.abs(numbers[frame].astype(int) - alone[source]).mean() < 4, frame


@pytest.mark.parametrize("harm", ["gone", "changed", "no picture"])
def test_a_picture_that_is_not_the_one_is_refused(
    workshop: Workshop, still: Asset, tmp_path: Path, harm: str
) -> None:
    media = workshop.source()
    path = Path(still.path)
    if harm == "gone":
        path.unlink()
    elif harm == "changed":
        path.write_bytes(path.read_bytes() + b"x")
    else:
        path.write_text("not a picture")
        still = replace(still, digest=file_digest(path))
    edit = replace(workshop.edit(media, [Span(0.0, 3.0)]), broll=(Broll(Span(1.0, 2.0), still),))
    with pytest.raises(RenderError, match="the b-roll .*red.png"):
        render(edit, media, tmp_path / "clip.mp4")
    assert not (tmp_path / "clip.mp4").exists()
