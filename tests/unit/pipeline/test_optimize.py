"""Alternatives to a clip, proposed from its job's folder and rendered together."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from talkreel.core.analysis import Analysis
from talkreel.core.edits import (
    SCHEMA,
    Canvas,
    CropKey,
    CropPath,
    Edit,
    Encoding,
    Layout,
    LayoutKind,
)
from talkreel.core.errors import InputError
from talkreel.core.jsonio import load_json, read_document, write_document
from talkreel.core.spans import Span
from talkreel.core.transcript import Transcript, Word
from talkreel.media.ffmpeg import run_ffmpeg
from talkreel.media.probe import probe
from talkreel.pipeline.optimize import optimize
from talkreel.store.analysis import write_analysis
from talkreel.store.cache import StageCache

SAID = (
    "And so therefore they did that with him.",
    "Nobody knows why whales sing in the dark.",
    "In 1967 we recorded the first song of a whale.",
    "The song changed how millions of people saw the ocean.",
    "What would you do if the ocean sang to you?",
    "You would never hunt a whale again.",
)


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A job's folder with one clip of 24 s that starts on a dangling line."""
    folder = tmp_path_factory.mktemp("job")
    source = folder / "talk.mp4"
    arguments = ["-f", "lavfi", "-i", "testsrc2=s=160x90:r=10:d=26"]
    arguments += ["-f", "lavfi", "-i", "sine=f=220:d=26", "-shortest", str(source)]
    run_ffmpeg(arguments, timeout_seconds=60)
    media = probe(source)
    words, clock = [], 1.0
    for sentence in SAID:
        for text in sentence.split():
            words.append(Word(text, Span(clock, clock + 0.3)))
            clock += 0.4
        clock += 0.6
    talk = Transcript("en", tuple(words))
    write_analysis(folder / "analysis.json", Analysis(media=media, transcript=talk))
    kept = Span(0.8, 24.8)
    path = CropPath((CropKey(0.0, (0.0, 0.0, 1.0, 1.0)),))
    edit = Edit(
        id="clip",
        title="Nobody knows why whales sing in the dark",
        media_uri=media.uri,
        media_digest=media.digest,
        kept=(kept,),
        canvas=Canvas(160, 90, Fraction(10)),
        layouts=(Layout(kept, LayoutKind.CROP, (path,)),),
        encoding=Encoding(x264_preset="ultrafast"),
    )
    (folder / "edits").mkdir()
    write_document(folder / "edits" / "01.json", edit, SCHEMA)
    return folder


def test_a_dangling_start_is_cut_with_its_evidence(job: Path, tmp_path: Path) -> None:
    found = optimize(job / "edits" / "01.json", cache=StageCache(tmp_path), variants=4)
    first = found.variants[0]
    assert (first.id, first.kinds, first.change) == ("A", (), 0)
    gains = [v for v in found.variants[1:] if v.title_wins is None]
    assert gains
    best = gains[0]
    assert best.kept[0].start > 3.0  # after the dangling line
    assert best.change > 0
    assert best.score == first.score + best.change
    rising = [p for p in best.parts if p.after > p.before]
    assert rising
    assert best.reasons
    for reason in best.reasons:
        assert best.kept[0].start - 0.1 <= reason.span.start <= best.kept[-1].end
    again = optimize(job / "edits" / "01.json", cache=StageCache(tmp_path), variants=4)
    assert again == found


def test_variants_are_rendered_together_and_can_be_read_again(job: Path, tmp_path: Path) -> None:
    out = tmp_path / "variants"
    cache = StageCache(tmp_path / "cache")
    found = optimize(job / "edits" / "01.json", cache=cache, out=out, render=True)
    assert found.shared is not None
    assert found.shared > 0.2
    for variant in found.variants:
        assert variant.edit is not None
        assert variant.video is not None
        edit = read_document(Edit, load_json(Path(variant.edit)), SCHEMA)
        assert edit.kept == variant.kept or edit.time_map.duration == pytest.approx(
            variant.duration
        )
        assert probe(variant.video).duration == pytest.approx(variant.duration, abs=0.06)
    written = json.loads((out / "optimize.json").read_text())
    assert written["schema"] == "optimize/1"


def test_what_cannot_be_optimized_is_told(job: Path, tmp_path: Path) -> None:
    edit = read_document(Edit, load_json(job / "edits" / "01.json"), SCHEMA)
    alone = tmp_path / "edits" / "01.json"
    alone.parent.mkdir()
    write_document(alone, edit, SCHEMA)
    with pytest.raises(InputError, match=r"analysis\.json"):
        optimize(alone)
    with pytest.raises(InputError, match="--variants"):
        optimize(job / "edits" / "01.json", variants=1)
    silent = replace(
        edit, kept=(Span(0.0, 0.5),), layouts=(replace(edit.layouts[0], span=Span(0.0, 0.5)),)
    )
    write_document(job / "edits" / "02.json", silent, SCHEMA)
    with pytest.raises(InputError, match="nobody speaks"):
        optimize(job / "edits" / "02.json", cache=StageCache(tmp_path))
