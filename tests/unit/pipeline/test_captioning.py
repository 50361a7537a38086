from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from talkreel.core.analysis import Analysis
from talkreel.core.candidates import Candidate, Reason, SubScore
from talkreel.core.edits import Canvas, CaptionWord, CropKey, CropPath, Edit, Layout, LayoutKind
from talkreel.core.media import Media
from talkreel.core.spans import Span
from talkreel.core.transcript import Transcript, Word
from talkreel.edit.build import restyle
from talkreel.edit.captions import lay_out
from talkreel.edit.contrast import ENOUGH, low_contrast, text_colours
from talkreel.edit.emphasis import emphasise
from talkreel.edit.styles import find_style
from talkreel.media.ffmpeg import run_ffmpeg
from talkreel.media.probe import probe
from talkreel.pipeline.backgrounds import backgrounds
from talkreel.pipeline.captioning import PLATE, readable
from talkreel.pipeline.word_evidence import word_evidence

SPAN = Span(0.0, 2.0)
CANVAS = Canvas(270, 480, Fraction(25))


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Media:
    """White on the left half of the picture, black on the right."""
    path = tmp_path_factory.mktemp("halves") / "halves.mp4"
    graph = "color=white:s=320x180:r=25:d=2[a];color=black:s=320x180:r=25:d=2[b];[a][b]hstack"
    run_ffmpeg(["-f", "lavfi", "-i", graph, "-pix_fmt", "yuv420p", str(path)], timeout_seconds=60)
    return probe(path)


def made(media: Media, left: float, style: str) -> Edit:
    box = (left, 0.0, left + 0.15, 0.15 * 640 / 180 * 16 / 9)
    words = [CaptionWord(t, Span(0.3 * i, 0.3 * i + 0.2)) for i, t in enumerate(["some", "words"])]
    edit = Edit(
        id="a",
        title="a",
        media_uri=media.uri,
        media_digest=media.digest,
        kept=(SPAN,),
        canvas=CANVAS,
        layouts=(Layout(SPAN, LayoutKind.CROP, (CropPath((CropKey(0.0, box),)),)),),
        captions=lay_out(words, (SPAN,), find_style(style), CANVAS),
    )
    return edit


def test_what_is_behind_is_read_where_the_layout_shows_it(media: Media) -> None:
    white, black = (backgrounds(made(media, left, "minimal"), media) for left in (0.1, 0.7))
    assert white.min() > 240
    assert black.max() < 15


def test_a_plate_stands_where_text_could_not_be_read_and_nowhere_else(media: Media) -> None:
    style = find_style("minimal")
    white, black = (readable(made(media, left, "minimal"), style, media) for left in (0.1, 0.7))
    assert black.captions is not None
    assert black.captions.style.plate_colour is None
    assert black.notes == ()
    assert white.captions is not None
    assert white.captions.style.plate_colour == "#101014"
    assert [note.feature for note in white.notes] == [PLATE]
    behind = backgrounds(white, media)
    assert low_contrast(white.captions.style, text_colours(white.captions), behind) >= ENOUGH
    # A style that can be read anywhere is left alone, and another style takes the plate away.
    bold = made(media, 0.1, "bold")
    assert readable(bold, find_style("bold"), media) == bold
    again = restyle(white, "bold")
    assert again.captions is not None
    assert again.captions.style.plate_colour is None


def test_emphasis_follows_the_evidence_of_the_scores(media: Media) -> None:
    texts = [
        "the",
        "plan",
        "will",
        "save",
        "a",
        "billion",
        "dollars",
        "for",
        "every",
        "one",
        "of",
        "the",
        "towns",
        "here",
        "today",
    ]
    words = tuple(Word(t, Span(0.1 * i, 0.1 * i + 0.08)) for i, t in enumerate(texts))
    analysis = Analysis(media=media, transcript=Transcript("en", words), shots=(), signals={})
    reason = Reason("Gives numbers", Span(0.5, 0.6), "billion")
    candidate = Candidate("a", SPAN, 50, (SubScore("information", 0.9, 1.0, (reason,)),), "a")
    evidence = word_evidence(words, candidate, analysis)
    shown = [CaptionWord(word.text, word.span) for word in words]
    chosen = [word.text for word in emphasise(shown, evidence) if word.emphasis]
    assert chosen[0] == "billion"
    assert not {"the", "for", "of", "every", "will"} & set(chosen)
    assert evidence[texts.index("billion")].cited == 1.0
    assert all(np.isfinite(e.score) for e in evidence)
