"""Variants rendered together show what they would show alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from talkreel.core.edits import Captions
from talkreel.core.errors import RenderError
from talkreel.core.media import Media
from talkreel.core.spans import Span
from talkreel.edit.ideas import restrict
from talkreel.rendering.render import render
from talkreel.rendering.shared import render_together

if TYPE_CHECKING:
    from tests.unit.render.conftest import Workshop

Read = Callable[[np.ndarray], np.ndarray]
FRAME = 1 / 30


def test_shared_frames_are_made_once_and_every_variant_is_whole(
    workshop: Workshop,
    numbered: Media,
    captions: Callable[..., Captions],
    read_numbers: Read,
    tmp_path: Path,
) -> None:
    cues = [(1.2, "one two"), (3.5, "three four"), (5.1, "five six"), (7.4, "seven")]
    whole = workshop.edit(numbered, (Span(1.0, 9.0),), captions=captions(cues))
    later = restrict(whole, (Span(3.0, 9.0),))
    inner = restrict(whole, (Span(1.0, 4.0 + 10 * FRAME), Span(5.0, 7.0)))
    edits = [whole, later, inner]
    made = render_together(edits, numbered, [tmp_path / f"{i}.mp4" for i in range(3)])

    assert made.frames == 240 + 180 + 160
    assert made.encoded == 240  # all that is shown is in the first
    for edit, clip in zip(edits, made.clips, strict=True):
        want = np.concatenate(
            [np.arange(round(s.start * 30), round(s.end * 30)) for s in edit.kept]
        )
        luma = workshop.luma(clip.path)
        assert read_numbers(luma).tolist() == want.tolist()
        alone = render(edit, numbered, tmp_path / "alone.mp4")
        other = workshop.luma(alone.path)
        assert np.abs(luma.astype(int) - other.astype(int)).mean() < 1.0  # captions included
        assert np.abs(luma.astype(int) - other.astype(int)).max(axis=0).mean() < 12
        assert clip.measured.frames == len(want)
        assert abs(clip.measured.av_offset) < 0.03


def test_what_hangs_on_the_whole_clip_is_rendered_by_itself(
    workshop: Workshop, numbered: Media, tmp_path: Path
) -> None:
    from talkreel.core.edits import Encoding

    plain = workshop.edit(numbered, (Span(1.0, 3.0),))
    finer = replace(plain, encoding=Encoding(x264_preset="ultrafast", crf=30))
    made = render_together([plain, finer], numbered, [tmp_path / "a.mp4", tmp_path / "b.mp4"])
    assert made.encoded == made.frames == 120  # the same frames, coded otherwise
    assert made.shared == 0.0


def test_another_title_alone_costs_nothing(
    workshop: Workshop, numbered: Media, tmp_path: Path
) -> None:
    plain = workshop.edit(numbered, (Span(1.0, 2.0),))
    named = replace(plain, id="other", title="Another title")
    made = render_together([plain, named], numbered, [tmp_path / "a.mp4", tmp_path / "b.mp4"])
    assert made.encoded == 30
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    assert [clip.path.name for clip in made.clips] == ["a.mp4", "b.mp4"]


def test_variants_that_share_little_are_rendered_one_by_one(
    workshop: Workshop, numbered: Media, read_numbers: Read, tmp_path: Path
) -> None:
    first, second = (
        workshop.edit(numbered, kept)
        for kept in ((Span(1.0, 2.0), Span(4.0, 4.2)), (Span(4.0, 4.2), Span(6.0, 7.0)))
    )
    made = render_together([first, second], numbered, [tmp_path / "a.mp4", tmp_path / "b.mp4"])
    assert made.encoded == made.frames == 72
    luma = workshop.luma(made.clips[1].path)
    assert read_numbers(luma).tolist() == [*range(120, 126), *range(180, 210)]


def test_another_source_is_refused(workshop: Workshop, numbered: Media, tmp_path: Path) -> None:
    edit = replace(workshop.edit(numbered, (Span(1.0, 3.0),)), media_digest="f" * 64)
    with pytest.raises(RenderError, match="another file"):
        render_together([edit], numbered, [tmp_path / "a.mp4"])
    assert list(tmp_path.iterdir()) == []
