"""Delivery presets: an edit as the place it goes to wants it.

The facts about each place lie in ``delivery.toml`` with their sources; nothing here knows a name.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from importlib.resources import files
from typing import Any

from talkreel.core.delivery import (
    AudioCodec,
    Container,
    Delivery,
    DeliveryPreset,
    LightLevels,
    VideoCodec,
)
from talkreel.core.edits import AudioChain, Canvas, Edit, Encoding, LayoutKind
from talkreel.core.media import Colour, Media
from talkreel.core.spans import Span

# Share of a place's size limit that sound, container and the encoder's slack leave.
_SIZE_SHARE = 0.9
_MOST_KBPS = 200_000


class Unfit(Exception):
    """The clip cannot be delivered so; the message says why."""


@lru_cache(maxsize=1)
def delivery_presets() -> Mapping[str, DeliveryPreset]:
    """Every preset by name."""
    text = files("talkreel.edit").joinpath("delivery.toml").read_text(encoding="utf-8")
    return {name: _preset(name, facts) for name, facts in tomllib.loads(text).items()}


def _preset(name: str, facts: dict[str, Any]) -> DeliveryPreset:
    kinds = {"container": Container, "video": VideoCodec, "audio": AudioCodec, "aspects": tuple}
    return DeliveryPreset(
        name=name, **{key: kinds.get(key, lambda x: x)(value) for key, value in facts.items()}
    )


@dataclass(frozen=True, slots=True)
class Fitted:
    """An edit for one place.

    Attributes:
        edit: ready to render.
        warnings: one line each.
    """

    edit: Edit
    warnings: tuple[str, ...] = ()


def fit_delivery(
    edit: Edit, media: Media, preset: DeliveryPreset, light: LightLevels | None = None
) -> Fitted:
    """``edit`` as ``preset`` wants it.

    Args:
        edit: the clip.
        media: its source.
        preset: where it goes.
        light: what the source says of its brightness.

    Raises:
        Unfit: it cannot be delivered so, with the reason.
    """
    hdr = media.video is not None and media.video.colour is not Colour.SDR
    _check_fit(edit, media, preset, hdr)
    canvas = _canvas(edit.canvas, preset) if preset.pictured else edit.canvas
    kept = _whole_frames(edit.kept, canvas.frame_rate)
    keep_hdr = hdr and preset.hdr != "never" and not preset.overlay
    seconds = sum(span.duration for span in kept)
    delivery = Delivery(
        container=preset.container,
        video=_codec(preset, media),
        audio=preset.audio,
        bit_depth=10 if keep_hdr else _depth(preset, media),
        keep_hdr=keep_hdr,
        hardware=preset.hardware,
        max_bitrate_kbps=_most_kbps(preset, seconds),
        overlay=preset.overlay,
        edit_lists=preset.edit_lists,
        light=light if keep_hdr else None,
    )
    encoding = Encoding(preset.effort, preset.crf, preset.audio_kbps, delivery)
    plain, left_out = _without_sdr_parts(edit, keep_hdr=keep_hdr, overlay=preset.overlay)
    fitted = replace(
        plain,
        kept=kept,
        canvas=canvas,
        audio=None if preset.overlay else _loudness(edit.audio, preset),
        encoding=encoding,
    )
    return Fitted(fitted, (*_warnings(edit, media, preset, canvas), *left_out))


def _without_sdr_parts(
    edit: Edit, *, keep_hdr: bool, overlay: bool
) -> tuple[Edit, tuple[str, ...]]:
    """``edit`` without what is only known in SDR, or what is no overlay, and what that was."""
    said: list[str] = []
    if not keep_hdr and not overlay:
        return edit, ()
    graphics = replace(edit.graphics, logo=None, intro=None, outro=None)
    if graphics != edit.graphics:
        why = "they are SDR" if keep_hdr else "only captions and cards are drawn on nothing"
        said.append(f"logo, intro and outro are left out: {why}")
    picture = edit.picture
    if keep_hdr and picture.grades:
        picture = replace(picture, grades=())
        said.append("exposure and white balance stay as filmed: they are corrected in SDR only")
    return replace(edit, graphics=graphics, picture=picture), tuple(said)


def _check_fit(edit: Edit, media: Media, preset: DeliveryPreset, hdr: bool) -> None:
    seconds = edit.time_map.duration
    if preset.hdr == "only" and not hdr:
        raise Unfit("the source is not HDR, and brightness that was not filmed is not invented")
    if not preset.pictured and media.audio is None:
        raise Unfit("the source has no sound")
    if preset.overlay and edit.captions is None:
        raise Unfit("there are no captions to put on an overlay")
    if seconds > preset.max_seconds:
        raise Unfit(f"{preset.label} takes at most {preset.max_seconds:g} s, this is {seconds:.1f}")
    if seconds < preset.min_seconds:
        raise Unfit(f"{preset.label} takes no less than {preset.min_seconds:g} s")
    if preset.pictured and edit.canvas.frame_rate < Fraction(preset.min_fps) - Fraction(1, 10):
        raise Unfit(
            f"{preset.label} takes {preset.min_fps:g} frames/s or more, this has "
            f"{float(edit.canvas.frame_rate):.3f}"
        )


def _canvas(canvas: Canvas, preset: DeliveryPreset) -> Canvas:
    rate = canvas.frame_rate
    while rate > Fraction(preset.max_fps) * Fraction(1001, 1000):
        rate /= 2
    scale = Fraction(1) if not preset.enlarge else Fraction(10**6)
    longest, shortest = sorted((canvas.width, canvas.height), reverse=True)
    if preset.long_side is not None:
        scale = min(scale, Fraction(preset.long_side, longest))
    if preset.short_side is not None:
        scale = min(scale, Fraction(preset.short_side, shortest))
    if scale < 1 or preset.enlarge:
        return Canvas(_even(canvas.width * scale), _even(canvas.height * scale), rate)
    return replace(canvas, frame_rate=rate)


def _whole_frames(kept: tuple[Span, ...], rate: Fraction) -> tuple[Span, ...]:
    """``kept`` without the rest of a frame that a halved rate leaves at its end."""
    seconds = sum(span.duration for span in kept)
    over = seconds - float(round(seconds * rate) / rate)
    if over <= 1e-6:
        return kept
    last = kept[-1]
    return (*kept[:-1], Span(last.start, last.end - over))


def _codec(preset: DeliveryPreset, media: Media) -> VideoCodec:
    if preset.video is VideoCodec.DNXHR_HQX and _source_depth(media) == 8:
        return VideoCodec.DNXHR_HQ
    return preset.video


def _depth(preset: DeliveryPreset, media: Media) -> int:
    return 8 if _codec(preset, media) is VideoCodec.DNXHR_HQ else preset.bit_depth


def _source_depth(media: Media) -> int:
    return 8 if media.video is None or media.video.bit_depth <= 8 else 10


def _most_kbps(preset: DeliveryPreset, seconds: float) -> int | None:
    limits = [] if preset.max_kbps is None else [preset.max_kbps]
    if preset.max_bytes is not None:
        whole = preset.max_bytes * 8 / 1000 * _SIZE_SHARE / max(seconds, 0.1)
        # Short clips cannot reach the limit, and encoders refuse rates beyond reason.
        if whole < _MOST_KBPS:
            limits.append(max(100, int(whole) - preset.audio_kbps))
    return min(limits, default=None)


def _loudness(chain: AudioChain | None, preset: DeliveryPreset) -> AudioChain | None:
    if chain is None:
        return None
    return replace(chain, target_lufs=preset.lufs, true_peak_dbtp=preset.true_peak)


def _warnings(edit: Edit, media: Media, preset: DeliveryPreset, canvas: Canvas) -> list[str]:
    if not preset.pictured:
        return []
    said = []
    shape = Fraction(canvas.width, canvas.height)
    wanted = [Fraction(name.replace(":", "/")) for name in preset.aspects]
    if wanted and all(abs(shape / aspect - 1) > Fraction(1, 50) for aspect in wanted):
        said.append(
            f"{preset.label} shows {canvas.width}x{canvas.height} with bars: make the clip with "
            f"--aspect {preset.aspects[0]}"
        )
    if min(canvas.width, canvas.height) < preset.min_side:
        said.append(f"{preset.label} wants {preset.min_side} pixels or more on the shorter side")
    grown = _enlargement(edit, media, canvas)
    if preset.enlarge and grown > 1.01:
        said.append(
            f"the source has fewer pixels: the picture is enlarged up to {grown:.1f} times, "
            "captions are drawn at full size"
        )
    if canvas.frame_rate != edit.canvas.frame_rate:
        said.append(f"every second frame is left out for {float(canvas.frame_rate):.3f} frames/s")
    return said


def _enlargement(edit: Edit, media: Media, canvas: Canvas) -> float:
    """How many canvas pixels the smallest crop's pixels become, along one side."""
    if media.video is None:
        return 1.0
    video, most = media.video, 0.0
    for layout in edit.layouts:
        share = 0.5 if layout.kind is LayoutKind.SPLIT else 1.0
        for path in layout.paths:
            left, top, right, bottom = path.keys[0].box
            across = canvas.width / max((right - left) * video.width, 1.0)
            down = canvas.height * share / max((bottom - top) * video.height, 1.0)
            fit = layout.kind is LayoutKind.FIT
            most = max(most, min(across, down) if fit else max(across, down))
    return most


def _even(value: Fraction | float) -> int:
    return max(2, 2 * round(value / 2))
