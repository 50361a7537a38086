from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray

from talkreel.core.edits import (
    Canvas,
    Captions,
    CropKey,
    CropPath,
    Edit,
    Encoding,
    Layout,
    LayoutKind,
    Motion,
)
from talkreel.core.errors import OutputError, RenderError
from talkreel.core.media import Media
from talkreel.core.spans import Span
from talkreel.media.ffmpeg import run_ffmpeg
from talkreel.media.probe import probe
from talkreel.rendering.render import render

if TYPE_CHECKING:
    from tests.unit.render.conftest import Workshop

Make = Callable[..., Captions]
Numbers = Callable[[NDArray[np.uint8]], NDArray[np.int64]]
FULL = CropPath((CropKey(0.0, (0.0, 0.0, 1.0, 1.0)),))


def beep_starts(sound: NDArray[np.float32]) -> list[float]:
    """Seconds at which the left channel becomes loud after silence."""
    level = np.abs(sound[:, 0])
    loud = np.flatnonzero(level > 0.25 * level.max())
    firsts = [loud[0], *(b for a, b in pairwise(loud) if b - a > 4800)]
    return [float(first) / 48_000 for first in firsts]


@pytest.mark.parametrize(
    ("name", "source", "canvas"),
    [
        ("s2997.mp4", "30000/1001", Fraction(30000, 1001)),
        ("s25.mkv", "25", Fraction(25)),
        ("s60.mp4", "60", Fraction(30)),
        ("s24.mp4", "24", Fraction(30)),
        ("s5.mp4", "5", Fraction(30)),
    ],
)
def test_every_frame_and_beep_is_where_the_edit_puts_it(
    workshop: Workshop,
    read_numbers: Numbers,
    tmp_path: Path,
    name: str,
    source: str,
    canvas: Fraction,
) -> None:
    media = workshop.source(name, rate=source)
    lengths = [50, 40, 45]
    starts = [1.287, 3.603, 8.811]
    kept = [Span(s, s + float(n / canvas)) for s, n in zip(starts, lengths, strict=True)]
    edit = workshop.edit(media, kept, canvas=Canvas(320, 180, canvas))
    got = render(edit, media, tmp_path / "clip.mp4")
    assert got.measured.frames == sum(lengths)
    assert abs(got.measured.av_offset) <= 1 / canvas
    shown = read_numbers(workshop.luma(got.path)) / float(Fraction(source))
    wanted = np.array([edit.time_map.to_source(n / float(canvas) + 1e-6) for n in range(135)])
    # Each delivered frame shows the source frame on screen then, give or take half a frame.
    late, early = 1 / float(Fraction(source)), 0.5 / float(canvas)
    assert np.all(shown - wanted <= early + 1e-3)
    assert np.all(wanted - shown <= late + 1e-3)
    inside = [k for k in range(1, 12) if any(s.start <= k < s.end - 0.1 for s in kept)]
    expected = [edit.time_map.to_clip(float(k)) for k in inside]
    assert beep_starts(workshop.sound(got.path)) == pytest.approx(expected, abs=0.004)


def test_equal_rates_show_every_frame_once(
    workshop: Workshop, numbered: Media, read_numbers: Numbers, tmp_path: Path
) -> None:
    # Cut right between two source frames, where rounding could go either way.
    edit = workshop.edit(numbered, [Span(2 + 0.5 / 30, 4 + 0.5 / 30)])
    got = render(edit, numbered, tmp_path / "clip.mp4")
    assert set(np.diff(read_numbers(workshop.luma(got.path)))) == {1}


def test_a_crop_jumps_with_the_frame_it_was_set_for(
    workshop: Workshop, numbered: Media, read_numbers: Numbers, tmp_path: Path
) -> None:
    left, right = (0.0, 0.5, 0.5, 1.0), (0.5, 0.5, 1.0, 1.0)
    path = CropPath((CropKey(0.0, left), CropKey(70 / 30, (0.0, 0.0, 1.0, 1.0)), CropKey(3, right)))
    layout = Layout(Span(2.0, 4.0), LayoutKind.CROP, (path,))
    got = render(
        workshop.edit(numbered, [Span(2.0, 4.0)], layouts=(layout,)), numbered, tmp_path / "c.mp4"
    )
    numbers = read_numbers(workshop.luma(got.path))
    assert numbers[10:30].tolist() == list(range(70, 90))
    assert not np.array_equal(numbers[8:10], [68, 69])
    assert numbers[30] != 90


def test_a_following_crop_moves_evenly(workshop: Workshop, tmp_path: Path) -> None:
    still = tmp_path / "still.mp4"
    texture = "nullsrc=s=640x360:r=30:d=4,geq=lum='128+100*sin(X/9)*sin(X/31+2)':cb=128:cr=128"
    run_ffmpeg(
        ["-f", "lavfi", "-i", texture, "-c:v", "libx264", "-crf", "6", str(still)],
        timeout_seconds=60,
    )
    media = probe(still)
    width = 9 / 16 * 9 / 16
    boxes = [(x, 0.0, x + width, 1.0) for x in (0.1, 0.35)]
    keys = (CropKey(1.0, boxes[0]), CropKey(3.0, boxes[1]))
    layout = Layout(Span(0, 4), LayoutKind.CROP, (CropPath(keys, Motion.LINEAR),))
    edit = workshop.edit(
        media, [Span(0.0, 4.0)], canvas=Canvas(540, 960, Fraction(30)), layouts=(layout,)
    )
    got = render(edit, media, tmp_path / "clip.mp4")
    rows = workshop.luma(got.path, width=540)[:, 480, :].astype(float)
    steps = np.array([shift(a, b) for a, b in pairwise(rows)])
    even = 0.25 * 640 / 202 * 540 / 60  # canvas pixels a frame
    moving = steps[32:88]
    assert np.max(np.abs(moving - even)) <= 1.1
    assert np.sum(moving) == pytest.approx(even * len(moving), rel=0.02)
    assert np.all(np.abs(steps[:28]) < 0.3)
    assert np.all(np.abs(steps[92:]) < 0.3)
    # No jump where resting and moving pieces meet.
    assert np.max(np.abs(steps)) <= even + 1.6


def shift(before: NDArray[np.float64], after: NDArray[np.float64]) -> float:
    """Pixels by which a row moved left."""
    best = [float(np.mean((before[20 + k : 500 + k] - after[20:500]) ** 2)) for k in range(-12, 20)]
    k = int(np.argmin(best))
    return float(k - 12)


@pytest.mark.parametrize("kind", [LayoutKind.FIT, LayoutKind.SPLIT])
def test_layouts_fill_the_canvas(
    workshop: Workshop, numbered: Media, tmp_path: Path, kind: LayoutKind
) -> None:
    paths = {
        LayoutKind.FIT: (FULL,),
        LayoutKind.SPLIT: (
            CropPath((CropKey(0.0, (0.0, 0.0, 0.5, 0.5)),)),
            CropPath((CropKey(0.0, (0.5, 0.5, 1.0, 1.0)),)),
        ),
    }[kind]
    edit = workshop.edit(
        numbered,
        [Span(1.0, 2.0)],
        canvas=Canvas(180, 320, Fraction(30)),
        layouts=(Layout(Span(1.0, 2.0), kind, paths),),
    )
    got = render(edit, numbered, tmp_path / "clip.mp4")
    picture = workshop.rgb(got.path, 0.5)
    assert picture.shape == (320, 180, 3)
    rows = picture.astype(int).mean(axis=(1, 2))
    assert rows.min() > 10
    if kind is LayoutKind.FIT:
        sharp = np.abs(np.diff(picture[:, :, 0].astype(int), axis=1)).max(axis=1)
        assert sharp[:100].max() < 25  # the blurred fill
        assert sharp[115:160].max() > 100  # the picture itself


def test_layouts_follow_one_another(
    workshop: Workshop, numbered: Media, read_numbers: Numbers, tmp_path: Path
) -> None:
    fit = Layout(Span(1.0, 2.0), LayoutKind.FIT, (FULL,))
    split = Layout(Span(2.0, 3.0), LayoutKind.SPLIT, (FULL, FULL))
    crop = Layout(Span(3.0, 4.0), LayoutKind.CROP, (FULL,))
    edit = workshop.edit(numbered, [Span(1.0, 4.0)], layouts=(fit, split, crop))
    got = render(edit, numbered, tmp_path / "clip.mp4")
    numbers = read_numbers(workshop.luma(got.path))
    assert got.measured.frames == 90
    assert numbers[:30].tolist() == list(range(30, 60))
    assert numbers[60:].tolist() == list(range(90, 120))


def test_sound_alone_gets_a_moving_waveform_and_its_title(
    workshop: Workshop, numbered: Media, tmp_path: Path
) -> None:
    sound = tmp_path / "talk.m4a"
    run_ffmpeg(["-i", numbered.uri, "-vn", "-c:a", "copy", str(sound)], timeout_seconds=60)
    media = probe(sound)
    canvas = Canvas(180, 320, Fraction(30))
    edit = workshop.edit(
        media,
        [Span(1.0, 3.0), Span(5.0, 6.0)],
        canvas=canvas,
        layouts=(Layout(Span(1.0, 6.0), LayoutKind.WAVEFORM, ()),),
    )
    got = render(edit, media, tmp_path / "clip.mp4")
    frames = workshop.luma(got.path, width=180).astype(int)
    assert got.measured.frames == 90
    assert frames[0, 50:110].max() > 180  # the title
    moved = np.abs(np.diff(frames[:, 130:190], axis=0)).mean(axis=(1, 2))
    assert np.median(moved) > 0.2


def test_captions_are_drawn_when_and_where_they_belong(
    workshop: Workshop, numbered: Media, captions: Make, tmp_path: Path
) -> None:
    edit = workshop.edit(numbered, [Span(1.0, 4.0)])
    titled = replace(edit, captions=captions([(2.0, "hello world")], top=0.5))
    plain = render(edit, numbered, tmp_path / "plain.mp4")
    drawn = render(titled, numbered, tmp_path / "drawn.mp4")
    assert (plain.caption_words, drawn.caption_words) == (0, 2)
    a, b = (workshop.luma(got.path).astype(int) for got in (plain, drawn))
    changed = np.abs(a - b).max(axis=(1, 2)) > 60
    assert np.flatnonzero(changed).tolist() == list(range(30, 60))
    rows = np.flatnonzero(np.abs(a - b)[45].max(axis=1) > 60) / 180
    assert rows.min() > 0.5
    assert rows.max() < 0.65


def test_awkward_names_need_no_care(workshop: Workshop, numbered: Media, tmp_path: Path) -> None:
    folder = tmp_path / "it's: [odd], 'quoted'; 中😀\\x"
    folder.mkdir()
    source = folder / "-talk 'a' %d:{}.mp4"
    source.write_bytes(Path(numbered.uri).read_bytes())
    media = probe(source)
    out = folder / "clip, 1;'[2].mp4"
    render(workshop.edit(media, [Span(1.0, 1.5)]), media, out)
    assert {path.name for path in folder.iterdir()} == {source.name, out.name}


def test_the_same_edit_gives_the_same_bytes(
    workshop: Workshop, numbered: Media, captions: Make, tmp_path: Path
) -> None:
    edit = workshop.edit(
        numbered, [Span(1.0, 2.0), Span(3.0, 4.0)], captions=captions([(1.0, "a b c")])
    )
    for name in ("one.mp4", "two.mp4"):
        render(edit, numbered, tmp_path / name)
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "two.mp4").read_bytes()


def test_the_file_is_what_platforms_want(
    workshop: Workshop, numbered: Media, tmp_path: Path
) -> None:
    edit = workshop.edit(numbered, [Span(1.0, 3.0)], encoding=Encoding())
    got = render(edit, numbered, tmp_path / "clip.mp4")
    data = got.path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    log = run_ffmpeg(["-i", str(got.path), "-f", "null", "-"], timeout_seconds=60).stderr
    assert "h264 (High)" in log
    assert "yuv420p(tv, bt709, progressive)" in log
    assert "aac (LC)" in log
    assert "48000 Hz, stereo" in log


def test_progress_goes_from_start_to_end(
    workshop: Workshop, numbered: Media, tmp_path: Path
) -> None:
    shares: list[float] = []
    edit = workshop.edit(numbered, [Span(0.0, 10.0)])
    render(edit, numbered, tmp_path / "clip.mp4", progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert any(0.1 < share < 0.95 for share in shares)


def test_an_edit_of_another_file_is_refused(
    workshop: Workshop, numbered: Media, tmp_path: Path
) -> None:
    edit = workshop.edit(numbered, [Span(1.0, 2.0)], media_digest="0" * 64)
    with pytest.raises(RenderError, match="made for another file"):
        render(edit, numbered, tmp_path / "clip.mp4")
    assert list(tmp_path.iterdir()) == []


def test_spans_outside_the_source_are_refused(
    workshop: Workshop, numbered: Media, tmp_path: Path
) -> None:
    with pytest.raises(RenderError, match="is 12"):
        render(workshop.edit(numbered, [Span(10.0, 20.0)]), numbered, tmp_path / "clip.mp4")


def test_a_folder_is_no_target(workshop: Workshop, numbered: Media, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="is a folder"):
        render(workshop.edit(numbered, [Span(1.0, 2.0)]), numbered, tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        render(workshop.edit(numbered, [Span(1.0, 2.0)]), numbered, tmp_path / "file" / "c.mp4")


def test_a_source_that_vanished_is_said_in_one_line(
    workshop: Workshop, numbered: Media, tmp_path: Path
) -> None:
    media = replace(numbered, uri=str(tmp_path / "gone.mp4"))
    with pytest.raises(RenderError, match="No such file") as error:
        render(workshop.edit(numbered, [Span(1.0, 2.0)]), media, tmp_path / "clip.mp4")
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_running_out_of_time_leaves_nothing(
    workshop: Workshop, numbered: Media, tmp_path: Path
) -> None:
    edit = workshop.edit(numbered, [Span(0.0, 10.0)], canvas=Canvas(1080, 1920, Fraction(30)))
    with pytest.raises(RenderError, match="took over"):
        render(edit, numbered, tmp_path / "clip.mp4", timeout_seconds=0.2)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_leaves_nothing_and_the_old_file(
    workshop: Workshop, numbered: Media, tmp_path: Path
) -> None:
    out = tmp_path / "clip.mp4"
    out.write_text("old")
    edit: Edit = workshop.edit(numbered, [Span(0.0, 10.0)], canvas=Canvas(1080, 1920, Fraction(30)))
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(0.8, signal.pthread_kill, [main, signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        render(edit, numbered, out)
    timer.join()
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]
    assert out.read_text() == "old"
