from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from talkreel.core.edits import Captions
from talkreel.core.errors import OutputError
from talkreel.core.media import Media
from talkreel.core.spans import Span
from talkreel.rendering.sidecars import write_srt, write_vtt

if TYPE_CHECKING:
    from tests.unit.render.conftest import Workshop

Make = Callable[..., Captions]
KEPT = (Span(1.0, 3.0), Span(5.0, 7.0))


def test_srt_is_on_the_clip_clock(
    workshop: Workshop, numbered: Media, captions: Make, tmp_path: Path
) -> None:
    cues = [(1.5, "hello there/my & friend"), (3.5, "cut away"), (5.25, "the <end>")]
    edit = workshop.edit(numbered, KEPT, captions=captions(cues))
    write_srt(edit, tmp_path / "a.srt")
    assert (tmp_path / "a.srt").read_text(encoding="utf-8") == (
        "1\n00:00:00,500 --> 00:00:01,500\nhello there\nmy & friend\n\n"
        "2\n00:00:02,250 --> 00:00:03,250\nthe <end>\n"
    )
    assert (tmp_path / "a.srt").stat().st_mode & 0o777 == 0o644


def test_vtt_escapes_markup(
    workshop: Workshop, numbered: Media, captions: Make, tmp_path: Path
) -> None:
    edit = workshop.edit(numbered, KEPT, captions=captions([(1.5, "a <b> & c")]))
    write_vtt(edit, tmp_path / "a.vtt")
    assert (tmp_path / "a.vtt").read_text(encoding="utf-8") == (
        "WEBVTT\n\n00:00:00.500 --> 00:00:01.500\na &lt;b&gt; &amp; c\n"
    )


@pytest.mark.parametrize("write", [write_srt, write_vtt])
def test_an_edit_without_captions_has_none_to_write(
    workshop: Workshop, numbered: Media, tmp_path: Path, write: Callable[..., None]
) -> None:
    with pytest.raises(ValueError, match="no captions"):
        write(workshop.edit(numbered, KEPT), tmp_path / "a.srt")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_named(
    workshop: Workshop, numbered: Media, captions: Make, tmp_path: Path
) -> None:
    edit = workshop.edit(numbered, KEPT, captions=captions([(1.5, "a")]))
    with pytest.raises(OutputError, match="none"):
        write_srt(edit, tmp_path / "none" / "a.srt")
