from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray

from talkreel.core.edits import Canvas, CropKey, CropPath, Edit, Layout, LayoutKind, Motion
from talkreel.core.errors import RenderError
from talkreel.core.media import Media
from talkreel.core.picture import Grade, PictureChain, Upscale
from talkreel.core.spans import Span
from talkreel.media.frames import FrameReader
from talkreel.media.lossless import LosslessWriter, read_lossless
from talkreel.media.probe import probe
from talkreel.rendering.enlarge import Enlarged
from talkreel.rendering.pieces import shown_region
from talkreel.rendering.render import render, render_plain
from talkreel.rendering.schedule import make_schedule

if TYPE_CHECKING:
    from tests.unit.rendering.conftest import Workshop

Numbers = Callable[[NDArray[np.uint8]], NDArray[np.int64]]
TWICE = Upscale("/nowhere/twice.safetensors", "0" * 64, 2)


def doubled(edit: Edit, media: Media, folder: Path) -> Enlarged:
    """The frames of ``edit`` with each pixel made four, as a perfect network would not."""
    schedule = make_schedule(edit, media)
    region = shown_region(edit, media, schedule)
    plain, path = folder / "plain.mkv", folder / "twice.mkv"
    render_plain(edit, media, region, plain)
    with LosslessWriter(path, schedule.rate, 2 * region.width, 2 * region.height) as out:
        for image in read_lossless(plain):
            assert image.shape == (region.height, region.width, 3)
            out.write(image.repeat(2, axis=0).repeat(2, axis=1))
    return Enlarged(path, region, 2)


def both(edit: Edit, media: Media, folder: Path) -> tuple[Path, Path]:
    """The clip of ``edit`` as it is, and from doubled frames."""
    plain = render(edit, media, folder / "plain.mp4")
    wished = replace(edit, picture=replace(edit.picture, upscale=TWICE))
    large = render(wished, media, folder / "large.mp4", enlarged=doubled(edit, media, folder))
    assert large.measured.frames == plain.measured.frames
    assert abs(large.measured.av_offset - plain.measured.av_offset) < 1e-3
    return plain.path, large.path


def likeness(first: Path, second: Path) -> tuple[float, float]:
    """The worst frame's PSNR of luma (dB), and how much darker the second one is (of 255)."""
    images = []
    for path in (first, second):
        media = probe(path)
        assert media.video is not None
        with FrameReader(media, width=media.video.width, gray=True) as reader:
            images.append([frame.image.astype(float) for frame in reader.every(media.span)])
    away = np.stack([a - b for a, b in zip(*images, strict=True)])
    error = float(np.square(away).mean(axis=(1, 2)).max())
    return 10 * float(np.log10(255**2 / max(error, 1e-3))), float(away.mean())


@pytest.mark.parametrize(
    ("name", "rate", "arguments"),
    [
        ("s2997.mp4", "30000/1001", ()),
        ("holes.mp4", "30", ("-vf", "select='mod(n,3)*mod(n,7)'", "-fps_mode", "vfr")),
    ],
)
def test_enlarged_frames_come_when_the_source_s_do(
    workshop: Workshop,
    read_numbers: Numbers,
    tmp_path: Path,
    name: str,
    rate: str,
    arguments: tuple[str, ...],
) -> None:
    media = workshop.source(name, rate=rate, arguments=arguments)
    kept = [Span(1.287, 2.41), Span(3.603, 4.3), Span(9.0, 9.9)]
    edit = workshop.edit(media, kept, canvas=Canvas(320, 180, Fraction(rate)))
    plain, large = (workshop.luma(path) for path in both(edit, media, tmp_path))
    assert read_numbers(large).tolist() == read_numbers(plain).tolist()


@pytest.mark.parametrize("kind", [LayoutKind.CROP, LayoutKind.SPLIT])
def test_boxes_show_the_same_part_of_enlarged_frames(
    workshop: Workshop, sample_dir: Path, tmp_path: Path, kind: LayoutKind
) -> None:
    media = probe(sample_dir / "talk.mp4")
    near = (0.52, 0.2, 0.52 + 0.225, 0.2 + 0.711)
    away = (0.57, 0.2, 0.57 + 0.225, 0.2 + 0.711)
    gliding = CropPath((CropKey(2.4, near), CropKey(3.2, away)), Motion.LINEAR)
    paths = (gliding,) if kind is LayoutKind.CROP else (gliding, CropPath((CropKey(0.0, near),)))
    span = Span(2.0, 3.6)
    canvas = Canvas(540, 960, Fraction(25))
    edit = workshop.edit(media, [span], canvas=canvas, layouts=(Layout(span, kind, paths),))
    # What mends the picture comes before the network, once.
    edit = replace(edit, picture=PictureChain(denoise=3.0, grades=(Grade(span, (1.1, 1.0, 0.9)),)))
    region = shown_region(edit, media, make_schedule(edit, media))
    assert media.video is not None
    assert region.width < media.video.width / 2
    alike, darker = likeness(*both(edit, media, tmp_path))
    assert alike > 29
    assert abs(darker) < 0.6


def test_without_the_enlarged_frames_it_says_so(
    workshop: Workshop, numbered: Media, tmp_path: Path
) -> None:
    edit = workshop.edit(numbered, [Span(2.0, 3.0)])
    edit = replace(edit, picture=PictureChain(upscale=TWICE))
    with pytest.raises(RenderError, match="no frames were enlarged"):
        render(edit, numbered, tmp_path / "clip.mp4")
