from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from talkreel.core.analysis import Analysis
from talkreel.core.candidates import Candidate
from talkreel.core.edits import Canvas, CropKey, CropPath, Edit, Layout, LayoutKind
from talkreel.core.media import Colour
from talkreel.core.picture import PictureChain
from talkreel.core.spans import Span
from talkreel.core.tracks import Shot
from talkreel.core.transcript import Transcript
from talkreel.media.probe import probe
from talkreel.pipeline.job import Job
from talkreel.pipeline.options import ClipOptions
from talkreel.pipeline.picture import enhance_picture
from talkreel.pipeline.progress import Tracker, unwatched
from talkreel.pipeline.see import Sight
from talkreel.pipeline.work import Work
from talkreel.store.cache import StageCache

SPAN = Span(2.0, 6.0)


@pytest.fixture
def work(sample_dir: Path, tmp_path: Path) -> Work:
    media = probe(sample_dir / "talk.mp4")
    job = Job(media, ClipOptions(), StageCache(tmp_path), Tracker([("clips", 1.0)], unwatched))
    analysis = Analysis(media=media, transcript=Transcript("en", ()), shots=(Shot(media.span),))
    return Work(job, Sight(job), Candidate("c", SPAN, 50, (), "T"), analysis)


def edit_of(work: Work, kind: LayoutKind = LayoutKind.CROP) -> Edit:
    path = CropPath((CropKey(0.0, (0.4, 0.0, 0.4 + 0.316, 1.0)),))
    paths = (path,) if kind is LayoutKind.CROP else ()
    return Edit(
        id="c",
        title="T",
        media_uri=work.job.media.uri,
        media_digest=work.job.media.digest,
        kept=(SPAN,),
        canvas=Canvas(1080, 1920, Fraction(25)),
        layouts=(Layout(SPAN, kind, paths),),
    )


def test_a_clean_picture_is_only_enlarged_better(work: Work) -> None:
    edit = enhance_picture(work, edit_of(work))
    assert edit.picture == PictureChain(lanczos=True)
    (note,) = edit.notes
    assert note.applied
    assert "enlarged 2.7 times" in note.text
    assert "noise of 0.0 of 255 left" in note.text


def test_without_a_picture_or_in_hdr_it_keeps_out(work: Work) -> None:
    sound = enhance_picture(work, edit_of(work, LayoutKind.WAVEFORM))
    assert (sound.picture, sound.notes[0].applied) == (PictureChain(), False)
    video = work.job.media.video
    assert video is not None
    media = replace(work.job.media, video=replace(video, colour=Colour.HLG))
    bright = replace(work, job=replace(work.job, media=media))
    edit = enhance_picture(bright, edit_of(work))
    assert edit.picture == PictureChain()
    assert "HDR" in edit.notes[0].text
