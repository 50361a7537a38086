"""Rendering of real and hostile media: shape, colour, sound and time of what comes out."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from talkreel.core.edits import (
    Canvas,
    CropKey,
    CropPath,
    Edit,
    Encoding,
    Layout,
    LayoutKind,
)
from talkreel.core.media import Media
from talkreel.core.spans import Span
from talkreel.media.frames import FrameReader
from talkreel.media.probe import probe
from talkreel.rendering.render import Delivered, render

pytestmark = pytest.mark.integration

FULL = CropPath((CropKey(0.0, (0.0, 0.0, 1.0, 1.0)),))
FAST = Encoding(x264_preset="ultrafast", crf=16)


def even(value: float) -> int:
    return max(2, 2 * round(value / 2))


def whole_picture(media: Media, span: Span, long_side: int = 480) -> Edit:
    """The whole picture of ``span`` in its own shape."""
    width, height, rate = 270, 480, Fraction(30)
    kind, paths = LayoutKind.WAVEFORM, ()
    if media.video is not None:
        scale = long_side / max(media.video.width, media.video.height)
        width, height = even(media.video.width * scale), even(media.video.height * scale)
        if 20 <= media.video.frame_rate <= 60 and not media.video.variable:
            rate = media.video.frame_rate
        kind, paths = LayoutKind.CROP, (FULL,)
    frames = max(1, int(span.duration * rate))
    kept = Span(span.start, span.start + float(frames / rate))
    return Edit(
        id="clip",
        title="A talk without a picture",
        media_uri=media.uri,
        media_digest=media.digest,
        kept=(kept,),
        canvas=Canvas(width, height, rate),
        layouts=(Layout(kept, kind, paths),),
        encoding=FAST,
    )


def rendered(source: Path, folder: Path, span: Span | None = None) -> tuple[Media, Delivered]:
    media = probe(source)
    edit = whole_picture(media, span or media.span)
    return media, render(edit, media, folder / "clip.mp4")


def at(media: Media, seconds: float, width: int = 160) -> NDArray[np.float64]:
    with FrameReader(media, width=width) as reader:
        return reader.at([seconds])[0].image.astype(np.float64)


@pytest.mark.parametrize(
    "name",
    [
        "anamorphic_pal_16x9.mp4",
        "rot90_flag.mp4",
        "exo_internal_emulator_transformer_output_270_rotated.mp4",
        "exo_bt601.mov",
        "torchcodec_bt709_full_range.mp4",
        "true_portrait.mp4",
        "exo_sample_av1.mp4",
        "exo_sample_h264.ts",
        "exo_sample_with_srt.mkv",
        "name with space 'quote' ü中😀.mp4",
        "moov_at_end.mp4",
        "broken_truncated.mkv",
        "vfr_irregular.mp4",
        "fps_5.mp4",
        "fps_120.mp4",
    ],
)
def test_shape_and_colours_are_those_of_the_source(
    media_dir: Path, tmp_path: Path, name: str
) -> None:
    source = probe(media_dir / "edge" / name)
    span = Span(min(0.5, source.duration / 4), min(2.5, source.duration))
    media, got = rendered(media_dir / "edge" / name, tmp_path, span)
    middle = got.measured.duration / 2
    before, after = at(media, span.start + middle), at(probe(got.path), middle)
    assert after.shape[1] / after.shape[0] == pytest.approx(
        before.shape[1] / before.shape[0], rel=0.03
    )
    rows, columns = (min(a, b) for a, b in zip(before.shape[:2], after.shape[:2], strict=True))
    difference = np.abs(before[:rows, :columns] - after[:rows, :columns])
    assert difference.mean() < 6.0
    assert np.abs(before.mean(axis=(0, 1)) - after.mean(axis=(0, 1))).max() < 4.0


@pytest.mark.parametrize("name", ["hdr10_pq.mp4", "hlg_10bit.mp4"])
def test_hdr_looks_like_the_ordinary_picture_it_was_made_from(
    media_dir: Path, tmp_path: Path, name: str
) -> None:
    _, hdr = rendered(media_dir / "edge" / name, tmp_path, Span(1.0, 2.0))
    looks = at(probe(hdr.path), 0.5)
    sdr = at(probe(media_dir / "edge" / "moov_at_end.mp4"), 1.5)
    for share in (10, 50, 90):
        assert np.percentile(looks, share) == pytest.approx(np.percentile(sdr, share), abs=45)
    reddish = [image.mean(axis=(0, 1)) / image.mean() for image in (looks, sdr)]
    np.testing.assert_allclose(reddish[0], reddish[1], atol=0.06)


@pytest.mark.parametrize("name", ["exo_hlg10-color-test.mp4", "exo_sample_edit_list.mp4"])
def test_phone_hdr_is_neither_grey_nor_blown_out(
    media_dir: Path, tmp_path: Path, name: str
) -> None:
    _, got = rendered(media_dir / "edge" / name, tmp_path)
    picture = at(probe(got.path), 0.1)
    assert np.percentile(picture, 99) > 180
    assert np.percentile(picture, 2) < 70
    assert np.mean(picture.min(axis=2) > 250) < 0.2


@pytest.mark.parametrize(
    "name",
    ["mono_8k", "audio_5_1", "left_only_speech", "long_silence_gap", "audio_longer", "fps_120"],
)
def test_speech_comes_out_at_the_same_loudness(media_dir: Path, tmp_path: Path, name: str) -> None:
    _, got = rendered(media_dir / "edge" / f"{name}.mp4", tmp_path, Span(0.5, 7.5))
    assert got.measured.integrated_lufs == pytest.approx(-14.0, abs=0.5)
    assert got.measured.true_peak_dbtp is not None
    assert got.measured.true_peak_dbtp <= -1.0
    assert abs(got.measured.av_offset) < 0.02


@pytest.mark.parametrize("name", ["no_audio.mp4", "silent_audio.mp4"])
def test_silence_gets_a_silent_track(media_dir: Path, tmp_path: Path, name: str) -> None:
    _, got = rendered(media_dir / "edge" / name, tmp_path, Span(1.0, 2.0))
    assert got.measured.has_audio
    assert got.measured.integrated_lufs is None


def test_sound_only(media_dir: Path, tmp_path: Path) -> None:
    _, got = rendered(media_dir / "edge" / "audio_only.m4a", tmp_path, Span(1.0, 5.0))
    assert (got.measured.width, got.measured.height, got.measured.frames) == (270, 480, 120)
    assert got.measured.integrated_lufs == pytest.approx(-14.0, abs=0.5)
    assert not got.measured.still


def test_black_in_the_middle_is_no_reason_to_refuse(media_dir: Path, tmp_path: Path) -> None:
    _, got = rendered(media_dir / "edge" / "black_frames_middle.mp4", tmp_path)
    assert 0 < got.measured.black_share < 0.9


def test_the_shortest_file(media_dir: Path, tmp_path: Path) -> None:
    media, got = rendered(media_dir / "edge" / "very_short_0p2s.mp4", tmp_path)
    assert got.measured.frames == int(media.duration * got.measured.frame_rate)


def test_the_chosen_streams_are_used(media_dir: Path, tmp_path: Path) -> None:
    media, got = rendered(media_dir / "nasa_13013.mp4", tmp_path, Span(2.0, 4.0))
    before, after = at(media, 3.0), at(probe(got.path), 1.0)
    assert np.abs(before - after[: before.shape[0], : before.shape[1]]).mean() < 5.0
