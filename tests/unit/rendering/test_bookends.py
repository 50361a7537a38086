"""An intro and an outro around a rendered clip."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from talkreel.core.craft import Asset
from talkreel.core.errors import RenderError
from talkreel.core.graphics import Bookend, Graphics
from talkreel.core.media import Media
from talkreel.core.spans import Span
from talkreel.media.ffmpeg import run_ffmpeg
from talkreel.media.probe import probe
from talkreel.rendering.render import render
from talkreel.rendering.sidecars import write_srt


def film(path: Path, colour: str, size: str, *, sound: bool) -> Bookend:
    """A second of one colour at another size and rate than the clip, as quiet as a whisper."""
    inputs = ["-f", "lavfi", "-i", f"color={colour}:s={size}:r=24:d=1"]
    if sound:
        inputs += ["-f", "lavfi", "-i", "sine=frequency=440:duration=1,volume=-30dB"]
    codecs = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"]
    run_ffmpeg([*inputs, *codecs, str(path)], timeout_seconds=60)
    return Bookend(Asset(str(path), hashlib.sha256(path.read_bytes()).hexdigest()), 30)


@pytest.fixture
def edit(workshop: Any, numbered: Media, captions: Any, tmp_path: Path) -> Any:
    intro = film(tmp_path / "intro.mp4", "red", "400x400", sound=True)
    outro = film(tmp_path / "outro.mp4", "lime", "200x100", sound=False)
    return workshop.edit(
        numbered,
        [Span(1.0, 4.0)],
        captions=captions([(1.5, "one two")]),
        graphics=Graphics(intro=intro, outro=outro),
    )


def test_a_clip_stands_whole_between_its_intro_and_outro(
    workshop: Any, numbered: Media, edit: Any, read_numbers: Any, tmp_path: Path
) -> None:
    plain = replace(edit, graphics=Graphics(), captions=None)
    bare = replace(edit, captions=None)
    render(plain, numbered, tmp_path / "plain.mp4")
    done = render(bare, numbered, tmp_path / "whole.mp4")
    assert done.measured.frames == 30 + 90 + 30
    assert done.measured.duration == pytest.approx(5.0, abs=0.034)
    lumas = workshop.luma(tmp_path / "whole.mp4")
    assert len(lumas) == 150
    # The numbers of the source's frames, all of them, between the two.
    assert read_numbers(lumas[30:120]).tolist() == list(range(30, 120))
    assert np.array_equal(lumas[30:120], workshop.luma(tmp_path / "plain.mp4"))
    red = workshop.rgb(tmp_path / "whole.mp4", 0.5)[60:120, 140:180].reshape(-1, 3).mean(axis=0)
    lime = workshop.rgb(tmp_path / "whole.mp4", 4.5)[80:100, 100:200].reshape(-1, 3).mean(axis=0)
    assert red == pytest.approx([255, 0, 0], abs=12)
    assert lime == pytest.approx([0, 255, 0], abs=12)


def test_sound_stays_with_its_picture_and_the_intro_is_as_loud(
    workshop: Any, numbered: Media, edit: Any, tmp_path: Path
) -> None:
    render(edit, numbered, tmp_path / "a.mp4")
    sound = workshop.sound(tmp_path / "a.mp4").mean(axis=1)
    level = np.array([np.sqrt(np.mean(part**2)) for part in np.array_split(sound, 500)])
    # 10 ms a step: the source beeps for a tenth of a second on each of its whole seconds.
    assert level[100:110].mean() > 5 * level[115:195].mean()
    assert level[200:210].mean() > 5 * level[215:295].mean()
    assert level[20:80].mean() > 0.08
    assert level[410:].max() < 0.01


def test_captions_files_are_as_much_later_as_the_intro_lasts(edit: Any, tmp_path: Path) -> None:
    write_srt(edit, tmp_path / "a.srt")
    assert "00:00:01,500 --> 00:00:02,500" in (tmp_path / "a.srt").read_text()


def test_the_same_edit_gives_the_same_bytes(numbered: Media, edit: Any, tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        render(edit, numbered, tmp_path / name)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_a_bookend_that_changed_is_refused(numbered: Media, edit: Any, tmp_path: Path) -> None:
    Path(edit.graphics.outro.asset.path).write_bytes(b"x")
    with pytest.raises(RenderError, match=r"outro\.mp4 was changed since the edit was made"):
        render(edit, numbered, tmp_path / "a.mp4")
    assert probe(edit.graphics.intro.asset.path).video is not None
    assert not (tmp_path / "a.mp4").exists()
