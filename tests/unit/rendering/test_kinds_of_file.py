"""Files of other kinds: HDR kept, overlays with alpha, masters, sound alone, colour differences."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from talkreel.core.edits import Captions, Edit
from talkreel.core.media import Colour, Media
from talkreel.core.spans import Span
from talkreel.edit.delivery import delivery_presets, fit_delivery
from talkreel.media.ffmpeg import run_ffmpeg
from talkreel.media.hdr import read_light_levels
from talkreel.media.nvenc import nvenc_works
from talkreel.media.probe import probe
from talkreel.rendering.conform import read_back
from talkreel.rendering.delta_e import ciede2000, to_lab, tone_map_error
from talkreel.rendering.hdr_text import hdr_code, hdr_script
from talkreel.rendering.render import render
from talkreel.rendering.tonemap import hlg_to_nits, nits_to_hlg, pq_to_nits

SECONDS = 0.6


def _hdr(workshop: Any, transfer: str) -> Media:
    """A numbered source whose code values are called PQ or HLG."""
    light = (
        ":master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
        ":max-cll=1000,400"
    )
    parameters = f"log-level=error:colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc"
    if transfer == "smpte2084":
        parameters += light
    return workshop.source(
        f"{transfer}.mp4",
        rate="25",
        seconds=1.0,
        arguments=[
            *("-c:v", "libx265", "-pix_fmt", "yuv420p10le", "-x265-params", parameters),
            *("-color_primaries", "bt2020", "-color_trc", transfer, "-colorspace", "bt2020nc"),
        ],
    )


def _edit(workshop: Any, media: Media, captions: Captions | None = None) -> Edit:
    return workshop.edit(media, [Span(0.0, SECONDS)], captions=captions)


def _made(edit: Edit, media: Media, name: str, folder: Path) -> tuple[Path, Edit, Any]:
    preset = delivery_presets()[name]
    fitted = fit_delivery(edit, media, preset, read_light_levels(media)).edit
    path = folder / f"{name}.{preset.container}"
    return path, fitted, render(fitted, media, path)


def _rgb(path: Path, folder: Path, matrix: str, size: tuple[int, int]) -> Any:
    """[H, W, 3] code values 0..1 of the frame in the middle."""
    raw = folder / "frame.raw"
    look = f"select=eq(n\\,7),scale=in_color_matrix={matrix}:flags=accurate_rnd,format=gbrp16le"
    arguments = ["-i", str(path), "-vf", look, "-frames:v", "1", "-f", "rawvideo", str(raw)]
    run_ffmpeg(arguments, timeout_seconds=60)
    planes = np.fromfile(raw, dtype="<u2").reshape(3, size[1], size[0]) / 65535
    return planes[[2, 0, 1]].transpose(1, 2, 0)


@pytest.mark.integration
@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
@pytest.mark.parametrize("name", ["hdr", "hdr-av1", "prores"])
def test_hdr_is_kept_end_to_end(
    workshop: Any, tmp_path: Path, captions: Callable[..., Captions], transfer: str, name: str
) -> None:
    media = _hdr(workshop, transfer)
    wide = captions([(0.0, "lit IIIII")], top=0.86)
    path, fitted, done = _made(_edit(workshop, media, wide), media, name, tmp_path)
    got = probe(path)
    assert got.video is not None
    assert media.video is not None
    assert (got.video.colour, got.video.bit_depth) == (media.video.colour, 10)
    assert read_light_levels(got) == read_light_levels(media)
    assert (read_light_levels(media) is None) is (transfer == "arib-std-b67")
    record = read_back(path, done.measured, fitted, media, delivery_presets()[name])
    assert record.problems == ()
    canvas = fitted.canvas
    code = _rgb(path, tmp_path, "bt2020", (canvas.width, canvas.height))
    nits = pq_to_nits(code) if got.video.colour is Colour.HDR10 else hlg_to_nits(code)
    # Below the patch, over ground of 20 nits; the second word is white, for it is not said yet.
    band = nits[round(0.86 * canvas.height) : round(0.97 * canvas.height)].min(axis=-1)
    assert np.percentile(band, 99.5) == pytest.approx(203, rel=0.06)


def test_white_is_203_nits_and_neighbours_stay_apart() -> None:
    for colour, light in ((Colour.HDR10, pq_to_nits), (Colour.HLG, hlg_to_nits)):
        white = np.array(hdr_code((255, 255, 255), colour)) / 255
        assert light(white) == pytest.approx([203] * 3, abs=1.5)
    nits = np.array([[0.1, 5.0, 203.0], [300.0, 40.0, 2.0]])
    assert hlg_to_nits(nits_to_hlg(nits)) == pytest.approx(nits, rel=1e-6)
    line = "Style: A,R,1,&H00FFFFFF,x\nDialogue: {\\1c&HFFFFFF&}a {\\1c&HFEFFFF&}b"
    first, second = hdr_script(line, Colour.HDR10).split("\\1c")[1:]
    assert first[:9] != second[:9]
    assert "&H00" in hdr_script(line, Colour.HDR10)


@pytest.mark.integration
def test_an_overlay_over_the_bare_clip_is_the_clip(
    workshop: Any, numbered: Media, tmp_path: Path, captions: Callable[..., Captions]
) -> None:
    edit = _edit(workshop, numbered, captions([(0.0, "over nothing")]))
    path, _, _ = _made(edit, numbered, "overlay", tmp_path)
    render(_edit(workshop, numbered), numbered, tmp_path / "bare.mp4")
    render(edit, numbered, tmp_path / "drawn.mp4")
    laid = "[0:v][1:v]overlay=format=auto,format=yuv420p"
    run_ffmpeg(
        [
            *("-i", str(tmp_path / "bare.mp4"), "-i", str(path), "-filter_complex", laid),
            *("-c:v", "libx264", "-crf", "4", str(tmp_path / "laid.mp4")),
        ],
        timeout_seconds=60,
    )
    bare, drawn, laid_over = (
        workshop.luma(tmp_path / f"{name}.mp4").astype(float) for name in ("bare", "drawn", "laid")
    )
    text = np.abs(drawn - bare) > 40
    assert text.any()
    assert np.abs(laid_over - drawn)[text].mean() < 6
    assert np.abs(laid_over - bare)[~text].mean() < 2


@pytest.mark.integration
@pytest.mark.parametrize("name", ["podcast", "podcast-mp3"])
def test_sound_alone_is_as_loud_as_podcasts_are(
    workshop: Any, numbered: Media, tmp_path: Path, name: str
) -> None:
    edit = workshop.edit(numbered, [Span(0.0, 4.0)])
    path, fitted, done = _made(edit, numbered, name, tmp_path)
    assert probe(path).video is None
    assert done.measured.integrated_lufs == pytest.approx(-16, abs=0.5)
    assert read_back(path, done.measured, fitted, numbered, delivery_presets()[name]).problems == ()


@pytest.mark.integration
def test_without_edit_lists_sound_is_still_in_time(
    workshop: Any, numbered: Media, tmp_path: Path
) -> None:
    edit = workshop.edit(numbered, [Span(2.5, 4.5)])
    begins = {}
    for name in ("x", "shorts"):
        path, _, _ = _made(edit, numbered, name, tmp_path)
        begins[name] = int(np.argmax(np.abs(workshop.sound(path)[:, 0]) > 0.05))
        assert (b"elst" in path.read_bytes()) is (name == "x")
    assert begins["x"] == pytest.approx(24_000, abs=60)
    assert begins["shorts"] == pytest.approx(begins["x"], abs=60)


@pytest.mark.integration
def test_the_tone_map_is_its_curve(workshop: Any) -> None:
    media = _hdr(workshop, "smpte2084")
    error = tone_map_error(_edit(workshop, media), media)
    assert error.mean < 2.0
    assert error.pictures == 6


def test_colour_difference_is_ciede2000() -> None:
    # Pairs of Sharma, Wu and Dalal (2005), table 1.
    pairs = [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, -1.3802, -84.2814), (50, 0, -82.7485), 1.0),
        ((50, 2.49, -0.001), (50, -2.49, 0.0009), 7.1792),
        ((50, 2.49, -0.001), (50, -2.49, 0.0011), 7.2195),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
    ]
    for first, second, wanted in pairs:
        found = ciede2000(np.array(first, dtype=float), np.array(second, dtype=float))
        assert float(found) == pytest.approx(wanted, abs=1e-4)
    assert to_lab(np.ones(3)) == pytest.approx([100, 0, 0], abs=0.02)


def test_nvenc_is_asked_by_encoding() -> None:
    from talkreel.core.delivery import VideoCodec

    works, why = nvenc_works(VideoCodec.H264)
    assert works is (why == "")
    assert nvenc_works(VideoCodec.AV1) == (False, "NVENC makes h264 and hevc, not av1")
