from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from talkreel.core.analysis import Analysis
from talkreel.core.candidates import Candidate
from talkreel.core.edits import SCHEMA, Canvas, CropKey, CropPath, Edit, Layout, LayoutKind
from talkreel.core.errors import InputError, ModelMissing
from talkreel.core.jsonio import write_document
from talkreel.core.spans import Span
from talkreel.core.tracks import Shot
from talkreel.core.transcript import Transcript
from talkreel.media.probe import probe
from talkreel.pipeline.cover import bare_picture
from talkreel.pipeline.craft_options import CraftOptions
from talkreel.pipeline.job import Job
from talkreel.pipeline.make import edit_options
from talkreel.pipeline.options import ClipOptions
from talkreel.pipeline.picture import enhance_picture
from talkreel.pipeline.progress import Tracker, unwatched
from talkreel.pipeline.rerender import render_edit
from talkreel.pipeline.see import Sight
from talkreel.pipeline.upscale import enlarged_frames
from talkreel.pipeline.work import Work
from talkreel.store.cache import StageCache

Save = Callable[..., Path]
SPAN = Span(2.0, 3.0)


@pytest.fixture
def work(sample_dir: Path, tmp_path: Path, save_network: Save) -> Work:
    media = probe(sample_dir / "talk.mp4")
    network = save_network(tmp_path / "twice.safetensors")
    options = ClipOptions(craft=CraftOptions(enhance=("picture",), upscale=network))
    job = Job(media, options, StageCache(tmp_path / "c"), Tracker([("clips", 1.0)], unwatched))
    analysis = Analysis(media=media, transcript=Transcript("en", ()), shots=(Shot(media.span),))
    return Work(job, Sight(job), Candidate("c", SPAN, 50, (), "T"), analysis)


def edit_of(work: Work, width: int = 540) -> Edit:
    path = CropPath((CropKey(0.0, (0.4, 0.0, 0.4 + 0.316, 1.0)),))
    return Edit(
        id="c",
        title="T",
        media_uri=work.job.media.uri,
        media_digest=work.job.media.digest,
        kept=(SPAN,),
        canvas=Canvas(width, width * 16 // 9, Fraction(25)),
        layouts=(Layout(SPAN, LayoutKind.CROP, (path,)),),
    )


def test_frames_are_enlarged_once_and_rendered_again_from_the_edit(
    work: Work, tmp_path: Path
) -> None:
    edit = enhance_picture(work, edit_of(work))
    upscale = edit.picture.upscale
    assert upscale is not None
    assert (upscale.scale, edit.picture.sharpen) == (2, 0.0)
    assert "twice.safetensors (RealESRGAN Compact, 2 times) at about" in edit.notes[0].text
    write_document(tmp_path / "edit.json", edit, SCHEMA)
    cache = work.job.cache
    _, measured = render_edit(tmp_path / "edit.json", out=tmp_path / "a.mp4", cache=cache)
    assert measured.frames == 25
    made = enlarged_frames(cache, edit, work.job.media)
    assert made is not None
    # Neither another title nor another encoding enlarges anything again.
    Path(upscale.path).rename(tmp_path / "away")
    other = replace(edit, title="U", encoding=replace(edit.encoding, crf=30))
    assert enlarged_frames(cache, other, work.job.media) == made
    # A titled cover takes one frame through the network; without it, one of the clip.
    assert bare_picture(edit, work.job.media, 0.5) is None
    (tmp_path / "away").rename(Path(upscale.path))
    still = bare_picture(edit, work.job.media, 0.5)
    assert still is not None
    assert still.shape == (960, 540, 3)
    Path(upscale.path).unlink()
    empty = StageCache(tmp_path / "empty")
    with pytest.raises(ModelMissing, match="none at"):
        render_edit(tmp_path / "edit.json", out=tmp_path / "b.mp4", cache=empty)
    assert not (tmp_path / "b.mp4").exists()


def test_a_canvas_may_be_as_large_as_the_network_draws(
    work: Work, save_network: Save, tmp_path: Path
) -> None:
    assert edit_options(work.job).upscale_limit == work.job.options.settings.upscale_limit
    network = save_network(tmp_path / "four.safetensors", scale=4)
    craft = CraftOptions(enhance=("picture",), upscale=network)
    job = replace(work.job, options=replace(work.job.options, craft=craft))
    assert edit_options(job).upscale_limit == 4


def test_a_changed_network_is_refused(work: Work, save_network: Save, tmp_path: Path) -> None:
    edit = enhance_picture(work, edit_of(work))
    assert edit.picture.upscale is not None
    save_network(Path(edit.picture.upscale.path), plain=False)
    with pytest.raises(InputError, match="content differs"):
        enlarged_frames(StageCache(tmp_path / "empty"), edit, work.job.media)


def test_it_keeps_out_where_nothing_is_enlarged_or_it_takes_too_long(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = enhance_picture(work, edit_of(work, 180))
    assert small.picture.upscale is None
    assert "not enlarged by twice.safetensors: the clip is shown at 0." in small.notes[0].text
    assert enlarged_frames(work.job.cache, small, work.job.media) is None
    monkeypatch.setattr("talkreel.pipeline.upscale.MOST_SECONDS", 0.01)
    slow = enhance_picture(work, edit_of(work))
    assert (slow.picture.upscale, slow.picture.lanczos) == (None, True)
    assert "a smaller network, a GPU or a shorter clip would do" in slow.notes[0].text
