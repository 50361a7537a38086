"""Colour difference, and how far a rendered tone map is from the same one computed exactly."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from talkreel.core.edits import Edit
from talkreel.core.exports import ColourError
from talkreel.core.media import Media
from talkreel.media.ffmpeg import input_options, run_ffmpeg
from talkreel.rendering.colour import LUT_NAME, SourceColour, conversion
from talkreel.rendering.schedule import make_schedule
from talkreel.rendering.tonemap import DISPLAY_GAMMA, find_peak, to_sdr, write_lut

Array = NDArray[np.float64]

_WIDTH, _PICTURES = 256, 6
_TIMEOUT_SECONDS = 120.0
# IEC 61966-2-1, linear BT.709 to XYZ; white is D65.
_TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
_WHITE = np.array([0.95047, 1.0, 1.08883])


def to_lab(rgb: Array) -> Array:
    """[..., 3] BT.709 code values 0..1 (BT.1886 display) as CIE L*a*b* under D65."""
    xyz = np.power(np.clip(rgb, 0, 1), DISPLAY_GAMMA) @ _TO_XYZ.T / _WHITE
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.stack(
        [116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1
    )


def ciede2000(first: Array, second: Array) -> Array:
    """[...] colour difference of [..., 3] L*a*b* (CIE 142-2001; Sharma, Wu, Dalal 2005)."""
    l1, a1, b1 = np.moveaxis(first, -1, 0)
    l2, a2, b2 = np.moveaxis(second, -1, 0)
    c7 = ((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2) ** 7
    g = 1.5 - 0.5 * np.sqrt(c7 / (c7 + 25.0**7))
    c1, c2 = np.hypot(a1 * g, b1), np.hypot(a2 * g, b2)
    h1, h2 = (np.degrees(np.arctan2(b, a * g)) % 360 for a, b in ((a1, b1), (a2, b2)))
    grey = c1 * c2 == 0
    turn = (h2 - h1 + 180) % 360 - 180
    dh = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(np.where(grey, 0, turn)) / 2)
    mean_h = np.where(grey, h1 + h2, (h1 + turn / 2) % 360)
    mean_l, mean_c = (l1 + l2) / 2, (c1 + c2) / 2
    t = 1 - 0.17 * _cos(mean_h - 30) + 0.24 * _cos(2 * mean_h)
    t += 0.32 * _cos(3 * mean_h + 6) - 0.20 * _cos(4 * mean_h - 63)
    sl = 1 + 0.015 * (mean_l - 50) ** 2 / np.sqrt(20 + (mean_l - 50) ** 2)
    sc, sh = 1 + 0.045 * mean_c, 1 + 0.015 * mean_c * t
    turned = 60 * np.exp(-(((mean_h - 275) / 25) ** 2))
    rt = -np.sin(np.radians(turned)) * 2 * np.sqrt(mean_c**7 / (mean_c**7 + 25.0**7))
    dl, dc, dh = (l2 - l1) / sl, (c2 - c1) / sc, dh / sh
    return np.asarray(np.sqrt(np.maximum(dl**2 + dc**2 + dh**2 + rt * dc * dh, 0)))


def _cos(degrees: Array) -> Array:
    return np.asarray(np.cos(np.radians(degrees)))


def tone_map_error(edit: Edit, media: Media) -> ColourError:
    """How far the rendered tone map of ``edit`` is from the same curve without tables and 8 bit.

    Pictures of the source go once through the renderer's filters to 8 bit 4:2:0 and once, as 16
    bit code values, through BT.2390 in floating point. Coding and captions play no part.

    Raises:
        RenderError: ffmpeg failed.
    """
    assert media.video is not None
    schedule = make_schedule(edit, media)
    colour = media.video.colour
    peak = find_peak(media, schedule, _TIMEOUT_SECONDS)
    marks = np.linspace(0, schedule.frames - 1, _PICTURES + 2)[1:-1].astype(int)
    differences = []
    with tempfile.TemporaryDirectory(prefix="talkreel-") as name:
        folder = Path(name)
        write_lut(folder / LUT_NAME, colour, peak)
        for second in schedule.times[marks].tolist():
            hdr, shown = _both(media, max(second, 0.0), folder)
            exact = to_sdr(hdr, colour, peak)
            differences.append(ciede2000(to_lab(exact), to_lab(shown)).ravel())
    found = np.concatenate(differences)
    return ColourError(
        mean=float(found.mean()), p95=float(np.percentile(found, 95)), pictures=len(marks)
    )


def _both(media: Media, second: float, folder: Path) -> tuple[Array, Array]:
    """[N, 3] code values of a small picture: as in the source, and as rendered to BT.709."""
    assert media.video is not None
    video = media.video
    height = max(2, round(_WIDTH * video.coded_height / video.coded_width / 2) * 2)
    source = SourceColour("bt2020nc", "bt2020")
    # Sampled, not averaged, so that both paths see the same colours.
    small = f"scale={_WIDTH}:{height}:flags=neighbor"
    mapped = conversion(video, source).to_size(1, _WIDTH, height)
    graph = (
        f"[0:{video.index}]{small},format=yuv444p16le,split[a][b];"
        "[a]scale=in_color_matrix=bt2020nc,format=gbrp16le[hdr];"
        f"[b]{mapped},format=yuv420p,scale=in_color_matrix=bt709:out_range=full,format=gbrp[sdr]"
    )
    still = ["-frames:v", "1", "-f", "rawvideo"]
    arguments = [*input_options(media, seek_seconds=second or None), "-filter_complex", graph]
    arguments += ["-map", "[hdr]", *still, "hdr.raw", "-map", "[sdr]", *still, "sdr.raw"]
    run_ffmpeg(arguments, timeout_seconds=_TIMEOUT_SECONDS, cwd=folder)
    hdr = np.fromfile(folder / "hdr.raw", dtype="<u2").reshape(3, -1) / 65535
    sdr = np.fromfile(folder / "sdr.raw", dtype=np.uint8).reshape(3, -1) / 255
    # Planar RGB is stored green, blue, red.
    return hdr[[2, 0, 1]].T, sdr[[2, 0, 1]].T
