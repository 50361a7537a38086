"""An edit fitted to the places it goes to."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from talkreel.core.delivery import LightLevels, VideoCodec
from talkreel.core.edits import (
    Canvas,
    CropKey,
    CropPath,
    Edit,
    Layout,
    LayoutKind,
)
from talkreel.core.media import AudioStream, Colour, Media, VideoStream
from talkreel.core.spans import Span
from talkreel.edit.delivery import Unfit, delivery_presets, fit_delivery


def _media(colour: Colour = Colour.SDR, depth: int = 8) -> Media:
    video = VideoStream(
        index=0,
        width=1920,
        height=1080,
        coded_width=1920,
        coded_height=1080,
        frame_rate=Fraction(60000, 1001),
        codec="hevc",
        bit_depth=depth,
        colour=colour,
    )
    audio = AudioStream(index=1, sample_rate=48_000, channels=2, codec="aac")
    return Media(
        uri="/a.mp4", digest="d", container="mov", duration=900.0, video=video, audio=audio
    )


def _edit(seconds: float = 20.0, rate: Fraction = Fraction(60000, 1001)) -> Edit:
    seconds = int(seconds * rate) / float(rate)
    span = Span(10.0, 10.0 + seconds)
    crop = CropPath((CropKey(0.0, (0.3, 0.0, 0.61640625, 1.0)),))
    return Edit(
        id="e",
        title="t",
        media_uri="/a.mp4",
        media_digest="d",
        kept=(span,),
        canvas=Canvas(1080, 1920, rate),
        layouts=(Layout(span, LayoutKind.CROP, (crop,)),),
    )


def test_every_preset_states_its_source_and_fits_a_plain_clip() -> None:
    for preset in delivery_presets().values():
        assert preset.source.startswith("https://")
        media = _media(Colour.HDR10, 10)
        if preset.overlay:
            continue
        fitted = fit_delivery(_edit(), media, preset).edit
        longest, shortest = sorted((fitted.canvas.width, fitted.canvas.height), reverse=True)
        assert preset.long_side is None or longest <= preset.long_side
        assert preset.short_side is None or shortest <= preset.short_side
        assert fitted.canvas.width * 16 == fitted.canvas.height * 9
        assert fitted.audio is not None
        assert fitted.audio.target_lufs == preset.lufs


def test_what_is_too_long_for_a_place_is_left_out() -> None:
    presets = delivery_presets()
    with pytest.raises(Unfit, match="X takes at most 140 s"):
        fit_delivery(_edit(150.0), _media(), presets["x"])
    assert fit_delivery(_edit(150.0), _media(), presets["tiktok"]).edit.kept[0].duration > 149


def test_a_size_limit_caps_the_rate() -> None:
    preset = replace(delivery_presets()["tiktok"], max_bytes=10_000_000)
    most = fit_delivery(_edit(100.0), _media(), preset).edit.encoding.delivery.max_bitrate_kbps
    assert most is not None
    assert (most + preset.audio_kbps) * 100 / 8 * 1000 < 10_000_000
    roomy = fit_delivery(_edit(4.0), _media(), delivery_presets()["tiktok"]).edit
    assert roomy.encoding.delivery.max_bitrate_kbps is None


def test_a_halved_frame_rate_keeps_whole_frames() -> None:
    preset = replace(delivery_presets()["x"], max_fps=30)
    fitted = fit_delivery(_edit(10.01), _media(), preset)
    assert fitted.edit.canvas.frame_rate == Fraction(30000, 1001)
    frames = fitted.edit.time_map.duration * float(fitted.edit.canvas.frame_rate)
    assert frames == pytest.approx(round(frames), abs=1e-3)
    assert any("every second frame" in warning for warning in fitted.warnings)


def test_hdr_is_kept_only_where_there_is_some() -> None:
    presets = delivery_presets()
    light = LightLevels((1,) * 8, (1, 10_000_000), 1000, 400)
    kept = fit_delivery(_edit(), _media(Colour.HDR10, 10), presets["hdr"], light).edit
    assert kept.encoding.delivery.keep_hdr
    assert kept.encoding.delivery.light == light
    with pytest.raises(Unfit, match="not HDR"):
        fit_delivery(_edit(), _media(), presets["hdr"])
    mapped = fit_delivery(_edit(), _media(Colour.HDR10, 10), presets["youtube"], light).edit
    assert not mapped.encoding.delivery.keep_hdr
    assert mapped.encoding.delivery.light is None


def test_a_master_has_the_depth_of_the_source() -> None:
    preset = delivery_presets()["dnxhr"]
    shallow = fit_delivery(_edit(), _media(), preset).edit.encoding.delivery
    deep = fit_delivery(_edit(), _media(depth=10), preset).edit.encoding.delivery
    assert (shallow.video, shallow.bit_depth) == (VideoCodec.DNXHR_HQ, 8)
    assert (deep.video, deep.bit_depth) == (VideoCodec.DNXHR_HQX, 10)


def test_enlarging_is_said() -> None:
    fitted = fit_delivery(_edit(), _media(), delivery_presets()["8k"])
    assert (fitted.edit.canvas.width, fitted.edit.canvas.height) == (4320, 7680)
    assert any("enlarged up to 7.1 times" in warning for warning in fitted.warnings)


def test_a_shape_with_bars_is_said() -> None:
    warnings = fit_delivery(_edit(), _media(), delivery_presets()["youtube"]).warnings
    assert any("--aspect 16:9" in warning for warning in warnings)
