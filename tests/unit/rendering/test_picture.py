from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from talkreel.core.picture import Grade, PictureChain
from talkreel.core.spans import Span
from talkreel.media.frames import FrameReader
from talkreel.media.probe import probe
from talkreel.rendering.colour import Conversion
from talkreel.rendering.picture import mending
from talkreel.rendering.render import render

if TYPE_CHECKING:
    from tests.unit.render.conftest import Workshop


def colours(path: Path) -> np.ndarray:
    """[N, 3] mean colour of every frame."""
    media = probe(path)
    with FrameReader(media, width=64) as reader:
        return np.array([f.image.mean(axis=(0, 1)) for f in reader.every(media.span)])


def test_an_untouched_picture_needs_no_filter() -> None:
    assert mending(PictureChain(), np.arange(10.0), "bt709") == ""
    away = PictureChain(grades=(Grade(Span(20, 30), (1.1, 1.0, 1.0)),))
    assert mending(away, np.arange(10.0), "bt709") == ""


def test_a_grade_holds_for_its_shot_alone(workshop: Workshop, tmp_path: Path) -> None:
    media = workshop.source("grey.mp4")
    kept = [Span(1.0, 3.0), Span(4.0, 5.0)]
    plain = workshop.edit(media, kept)
    chain = PictureChain(grades=(Grade(Span(2.0, 4.5), (1.0, 1.0, 0.6)),))
    graded = workshop.edit(media, kept, picture=chain)
    render(plain, media, tmp_path / "plain.mp4")
    render(graded, media, tmp_path / "graded.mp4")
    before, after = colours(tmp_path / "plain.mp4"), colours(tmp_path / "graded.mp4")
    rate = float(plain.canvas.frame_rate)
    inside = np.zeros(len(before), bool)
    inside[round(1.0 * rate) : round(2.5 * rate)] = True
    change = after - before
    assert np.abs(change[~inside]).max() < 3
    assert change[inside, 2].max() < -15
    assert np.abs(change[inside, :2]).max() < 6


def test_everything_at_once_gives_the_same_bytes_twice(workshop: Workshop, tmp_path: Path) -> None:
    media = workshop.source("all.mp4")
    grade = Grade(Span(0.0, 9.0), (1.1, 1.0, 0.9))
    chain = PictureChain(denoise=5.0, grades=(grade,), sharpen=0.8, steady=True, lanczos=True)
    edit = workshop.edit(media, [Span(1.0, 3.0)], picture=chain)
    files = [tmp_path / "one.mp4", tmp_path / "two.mp4"]
    for file in files:
        render(edit, media, file)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert len(colours(files[0])) == 2 * edit.canvas.frame_rate


def test_only_enlarging_takes_the_other_kernel() -> None:
    plain = Conversion("scale={size}:in_range=tv", "scale={size}")
    finer = Conversion("scale={size}:in_range=tv", "scale={size}", kernel="lanczos")
    assert plain.to_size(100, 20, 20) == "scale=20:20:in_range=tv"
    assert finer.to_size(100, 20, 20) == "scale=20:20:flags=lanczos:in_range=tv"
    assert finer.to_size(1000, 20, 20) == "scale=20:20"
