"""Timelines for editors: read back by OpenTimelineIO's adapters, rendered by melt."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import opentimelineio as otio
import pytest

from talkreel.core.edits import (
    Canvas,
    Captions,
    CropKey,
    CropPath,
    Edit,
    Layout,
    LayoutKind,
    Motion,
)
from talkreel.core.media import Media
from talkreel.core.spans import Span
from talkreel.media.probe import probe
from talkreel.pipeline.handoff import conformed
from talkreel.rendering.render import render
from talkreel.rendering.timeline.build import build_timeline, source_frames, why_conform
from talkreel.rendering.timeline.edl import to_edl
from talkreel.rendering.timeline.fcpxml import to_fcpxml
from talkreel.rendering.timeline.mlt import to_mlt
from talkreel.rendering.timeline.otio import to_otio
from talkreel.rendering.timeline.premiere import to_premiere
from talkreel.rendering.timeline.records import Timeline, timecode

PORTRAIT = Canvas(90, 160, Fraction(30000, 1001))
RATES = ("24000/1001", "30000/1001", "60000/1001")


def _kept(rate: Fraction) -> list[Span]:
    spans = [Span(1.03, 2.21), Span(3.5, 4.017), Span(5.2, 6.0)]
    seconds = sum(span.duration for span in spans)
    over = seconds - int(seconds * rate) / float(rate)
    return [*spans[:-1], Span(spans[-1].start, spans[-1].end - over)]


def _source(workshop: Any, rate: str) -> Media:
    return workshop.source(f"tl{rate.replace('/', '_')}.mp4", rate=rate, seconds=7.0)


def _line(workshop: Any, rate: str, captions: Captions | None = None) -> Timeline:
    media = _source(workshop, rate)
    return build_timeline(workshop.edit(media, _kept(Fraction(rate)), captions=captions), media)


@pytest.mark.parametrize(
    ("frame", "base", "drop", "code"),
    [
        (0, 30, True, "00:00:00;00"),
        (1799, 30, True, "00:00:59;29"),
        (1800, 30, True, "00:01:00;02"),
        (17981, 30, True, "00:09:59;29"),
        (17982, 30, True, "00:10:00;00"),
        (107892, 30, True, "01:00:00;00"),
        (3600, 60, True, "00:01:00;04"),
        (86400, 24, False, "01:00:00:00"),
    ],
)
def test_timecode_is_that_of_the_standard(frame: int, base: int, drop: bool, code: str) -> None:
    assert timecode(frame, base, drop_frame=drop) == code


@pytest.mark.parametrize("rate", RATES)
def test_the_adapters_read_the_same_ranges_from_every_format(workshop: Any, rate: str) -> None:
    line = _line(workshop, rate)
    wanted = [(piece.source, piece.frames) for piece in line.pictures]
    assert len(wanted) == 3
    for text, adapter in ((to_otio(line), "otio_json"), (to_premiere(line), "fcp_xml")):
        read = otio.adapters.read_from_string(text, adapter)
        clips = list(read.find_clips())
        ranges = [clip.source_range for clip in clips]
        found = {(round(r.start_time.value), round(r.duration.value)) for r in ranges}
        assert found == set(wanted), adapter
        rates = {round(r.start_time.rate, 2) for r in ranges}
        assert rates == {round(float(line.rate), 2)}, adapter
        assert {c.media_reference.target_url.rsplit("/", 1)[-1] for c in clips} == {
            line.media.path.name
        }


@pytest.mark.parametrize("rate", RATES)
def test_the_edl_names_every_frame(workshop: Any, rate: str) -> None:
    line = _line(workshop, rate)
    text = to_edl(line)
    mode = "DROP FRAME" if line.timebase % 30 == 0 else "NON-DROP FRAME"
    assert f"FCM: {mode}\n" in text
    # The adapter refuses 60 in a second and drops no numbers at 23.976: count by hand.
    events = re.findall(r"^\d{3} .* C +(\S+) (\S+) (\S+) (\S+)$", text, re.MULTILINE)
    first_hour = _frame("01:00:00;00" if line.drop_frame else "01:00:00:00", line)
    found = [[_frame(code, line) for code in event] for event in events]
    assert [(a, b - a, c - first_hour, d - c) for a, b, c, d in found] == [
        (p.source, p.frames, p.start, p.frames) for p in line.sounds
    ]


def _frame(code: str, line: Timeline) -> int:
    hours, minutes, seconds, count = (int(part) for part in re.split("[:;]", code))
    whole = ((hours * 60 + minutes) * 60 + seconds) * line.timebase + count
    past = hours * 60 + minutes
    return whole - (line.timebase // 15) * (past - past // 10) if ";" in code else whole


@pytest.mark.parametrize("rate", RATES)
def test_fcpxml_times_are_whole_frames_as_fractions(workshop: Any, rate: str) -> None:
    # OpenTimelineIO's adapter reads 29 for 29.97, so the fractions are read here.
    line = _line(workshop, rate)
    found = []
    for node in ET.fromstring(to_fcpxml(line).split("\n", 2)[2]).iter("asset-clip"):
        times = [node.attrib[name].removesuffix("s") for name in ("start", "duration", "offset")]
        found.append(tuple(Fraction(time) * line.rate for time in times))
    assert found == [(p.source, p.frames, p.start) for p in line.pictures]


def test_captions_are_markers_at_the_frame_they_begin(
    workshop: Any, captions: Callable[..., Captions]
) -> None:
    line = _line(workshop, "30000/1001", captions([(1.2, "first words"), (3.6, "then more")]))
    read = otio.adapters.read_from_string(to_otio(line), "otio_json")
    found = [(m.name, m.marked_range.start_time.value) for m in read.tracks.markers]
    assert found == [("first words", 5), ("then more", 38)]
    assert to_premiere(line).count("<comment>") == 2
    assert to_edl(line).count("* LOC:") == 2


def test_a_split_has_two_tracks_and_a_crop_keeps_its_place(workshop: Any) -> None:
    media = _source(workshop, "30000/1001")
    hull = Span(1.0, 2.001)
    halves = tuple(
        CropPath((CropKey(0.0, box),)) for box in ((0.0, 0.0, 0.5, 0.5), (0.5, 0.5, 1.0, 1.0))
    )
    edit = workshop.edit(
        media,
        [hull],
        canvas=Canvas(320, 360, Fraction(30000, 1001)),
        layouts=(Layout(hull, LayoutKind.SPLIT, halves),),
    )
    line = build_timeline(edit, media)
    assert line.tracks == 2
    lower = next(piece for piece in line.pictures if piece.track == 2)
    place = lower.places[0][1]
    assert (place.x, place.y, place.width, place.height) == (-320, 0, 640, 360)
    assert lower.inset == (0.5, 0.5, 0.0, 0.0)
    motion = to_premiere(line)
    assert "<value>200.0000</value>" in motion
    assert "<horiz>-0.500000</horiz>" in motion
    assert 'position="-44.44444 0.00000"' in to_fcpxml(line)


def test_a_source_without_even_frames_is_not_linked(workshop: Any) -> None:
    media = _source(workshop, "30000/1001")
    edit = workshop.edit(media, _kept(Fraction(30000, 1001)))
    slower = replace(edit, canvas=replace(edit.canvas, frame_rate=Fraction(25)))
    assert "29.970 frames/s, the clip 25.000" in why_conform(slower, media)
    with pytest.raises(ValueError, match="cannot be linked frame by frame"):
        build_timeline(slower, media)


def _melt() -> str:
    found = shutil.which("melt")
    if found is None and os.environ.get("TALKREEL_FORBID_SKIPS"):
        pytest.fail("melt is missing: run .ci/servers")
    if found is None:
        pytest.skip("melt is not installed")
    return found


def _melted(line: Timeline, folder: Path) -> Path:
    project, out = folder / "clip.mlt", folder / "melt.mkv"
    project.write_text(to_mlt(line), encoding="utf-8")
    consumer = ["-consumer", f"avformat:{out}", "vcodec=ffv1", "acodec=pcm_s16le", "real_time=-1"]
    subprocess.run([_melt(), str(project), *consumer], check=True, capture_output=True, timeout=120)
    return out


@pytest.mark.integration
@pytest.mark.parametrize("rate", [*RATES, "vfr"])
def test_melt_shows_the_frames_that_we_render(
    workshop: Any, read_numbers: Any, tmp_path: Path, rate: str
) -> None:
    if rate == "vfr":
        media = _uneven(workshop)
        rate = "30/1"
    else:
        media = _source(workshop, rate)
    edit = workshop.edit(media, _kept(Fraction(rate)))
    edit = replace(edit, canvas=replace(edit.canvas, frame_rate=Fraction(rate)))
    ours = tmp_path / "ours.mp4"
    render(edit, media, ours)
    link = None
    if why_conform(edit, media):
        copy = tmp_path / "copy.mov"
        render(conformed(edit, media), media, copy)
        link = probe(copy)
    melted = _melted(build_timeline(edit, media, link), tmp_path)
    wanted = read_numbers(workshop.luma(ours))
    np.testing.assert_array_equal(read_numbers(workshop.luma(melted)), wanted)
    assert len(set(wanted.tolist())) > 20


def _uneven(workshop: Any) -> Media:
    """A source that leaves out every third and every seventh frame."""
    holes = "select='mod(n,3)*mod(n,7)'"
    arguments = ["-vf", holes, "-fps_mode", "vfr"]
    media = workshop.source("uneven.mp4", rate="30", seconds=7.0, arguments=arguments)
    assert why_conform(_whole(workshop, media), media) == "its frame rate varies"
    return media


def _whole(workshop: Any, media: Media) -> Edit:
    return workshop.edit(media, [Span(1.0, 2.0)])


LEFT, RIGHT = (0.0, 0.0, 0.4, 0.8), (0.5, 0.1, 0.9, 0.9)


@pytest.mark.integration
@pytest.mark.parametrize("kind", ["crop", "glide", "split", "fit"])
def test_melt_frames_the_picture_as_we_do(workshop: Any, tmp_path: Path, kind: str) -> None:
    media = _source(workshop, "30000/1001")
    hull = Span(1.0, 1.5005)
    still = CropPath((CropKey(0.0, (0.25, 0.0, 0.56640625, 1.0)),))
    glide = CropPath(
        (
            CropKey(1.0, (0.25, 0.0, 0.56640625, 1.0)),
            CropKey(1.4, (0.45, 0.0, 0.76640625, 1.0)),
        ),
        Motion.LINEAR,
    )
    layout = {
        "crop": Layout(hull, LayoutKind.CROP, (still,)),
        "glide": Layout(hull, LayoutKind.CROP, (glide,)),
        "fit": Layout(hull, LayoutKind.FIT, (CropPath((CropKey(0.0, (0.0, 0.0, 1.0, 1.0)),)),)),
        "split": Layout(
            hull,
            LayoutKind.SPLIT,
            (CropPath((CropKey(0.0, LEFT),)), CropPath((CropKey(0.0, RIGHT),))),
        ),
    }[kind]
    canvas = Canvas(128, 288, Fraction(30000, 1001)) if kind == "split" else PORTRAIT
    edit = workshop.edit(media, [hull], canvas=canvas, layouts=(layout,))
    ours = tmp_path / "ours.mp4"
    render(edit, media, ours)
    melted = _melted(build_timeline(edit, media), tmp_path)
    first, second = (workshop.luma(p, width=canvas.width).astype(float) for p in (ours, melted))
    assert first.shape == second.shape
    if kind == "fit":  # the blurred fill is not carried
        first, second = first[:, 58:102], second[:, 58:102]
    noise = np.mean((first - second) ** 2)
    assert 10 * np.log10(255**2 / noise) > 25


def test_source_frames_are_those_that_are_rendered(
    workshop: Any, read_numbers: Any, tmp_path: Path
) -> None:
    from talkreel.rendering.schedule import make_schedule

    media = _source(workshop, "24000/1001")
    edit = workshop.edit(media, _kept(Fraction(24000, 1001)))
    render(edit, media, tmp_path / "ours.mp4")
    shown = read_numbers(workshop.luma(tmp_path / "ours.mp4"))
    np.testing.assert_array_equal(source_frames(make_schedule(edit, media), media), shown)
