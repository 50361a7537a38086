"""HDR to SDR as one 3D table: exact per colour, and as cheap as a lookup while rendering."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from talkreel.core.media import Colour, Media
from talkreel.media.ffmpeg import input_options, run_ffmpeg
from talkreel.rendering.schedule import Schedule

Array = NDArray[np.float64]

# ITU-R BT.2408: diffuse white is 203 cd/m2 in HDR, and full white in SDR. Pictures that stay
# below it were graded with white at 100 to 203, and are shown so that their white is white.
WHITE_NITS = 203.0
DIMMEST_WHITE_NITS = 100.0
# Nominal peak of an HLG display (BT.2100), and the brightest that HDR10 is mastered at.
HLG_PEAK_NITS = 1000.0
BRIGHTEST_NITS = 4000.0
# The brightest spot is searched in a picture this small, so that specks do not count.
_SEARCH_WIDTH = 160
_YMAX = re.compile(r"lavfi\.signalstats\.YMAX=(\d+)")
DISPLAY_GAMMA = 2.4  # ITU-R BT.1886
# 33 points, tetrahedral: code values are perceptual, so the error stays below one 8 bit step.
_POINTS = 33
# ITU-R BT.2087, linear light.
_2020_TO_709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]
)
_LUMA_2020 = np.array([0.2627, 0.6780, 0.0593])
# SMPTE ST 2084.
_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
# ARIB STD-B67.
_A, _B, _C = 0.17883277, 0.28466892, 0.55991073


def pq_to_nits(code: Array) -> Array:
    """PQ code values 0..1 as cd/m2 (SMPTE ST 2084)."""
    power = np.power(np.clip(code, 0, 1), 1 / _M2)
    return np.asarray(1e4 * np.power(np.maximum(power - _C1, 0) / (_C2 - _C3 * power), 1 / _M1))


def nits_to_pq(nits: Array) -> Array:
    """The inverse of ``pq_to_nits``."""
    power = np.power(np.clip(nits, 0, 1e4) / 1e4, _M1)
    return np.asarray(np.power((_C1 + _C2 * power) / (1 + _C3 * power), _M2))


def hlg_to_nits(code: Array) -> Array:
    """[..., 3] HLG code values 0..1 as cd/m2 on a 1000 cd/m2 display (BT.2100)."""
    code = np.clip(code, 0, 1)
    scene = np.where(code <= 0.5, code**2 / 3, (np.exp((code - _C) / _A) + _B) / 12)
    luma = (scene @ _LUMA_2020)[..., None]
    return np.asarray(HLG_PEAK_NITS * np.power(np.maximum(luma, 1e-9), 0.2) * scene)


def nits_to_hlg(nits: Array) -> Array:
    """The inverse of ``hlg_to_nits``."""
    shown = np.clip(nits, 0, HLG_PEAK_NITS) / HLG_PEAK_NITS
    luma = (shown @ _LUMA_2020)[..., None]
    scene = shown * np.power(np.maximum(luma, 1e-9), 1 / 1.2 - 1)
    low = np.sqrt(3 * scene)
    high = _A * np.log(np.maximum(12 * scene - _B, 1e-9)) + _C
    return np.asarray(np.where(scene <= 1 / 12, low, high))


def roll_off(nits: Array, peak_nits: float, white_nits: float) -> Array:
    """Brightness up to ``peak_nits`` for a display of ``white_nits`` (BT.2390-10 §5.4).

    It is untouched below a knee and eased towards white above it.
    """
    if peak_nits <= white_nits:
        return np.minimum(nits, white_nits)
    top = nits_to_pq(np.array(peak_nits))
    white = nits_to_pq(np.array(white_nits)) / top
    knee = 1.5 * white - 0.5
    code = np.minimum(nits_to_pq(nits) / top, 1.0)
    t = (code - knee) / (1 - knee)
    eased = (
        (2 * t**3 - 3 * t**2 + 1) * knee
        + (t**3 - 2 * t**2 + t) * (1 - knee)
        + (-2 * t**3 + 3 * t**2) * white
    )
    return pq_to_nits(np.where(code < knee, code, eased) * top)


def to_sdr(code: Array, colour: Colour, peak_nits: float) -> Array:
    """[..., 3] BT.2020 code values of ``colour`` as BT.709 code values 0..1.

    Args:
        code: 0..1.
        colour: HDR10 or HLG.
        peak_nits: brightest that the pictures get, in cd/m2.
    """
    white = min(max(peak_nits, DIMMEST_WHITE_NITS), WHITE_NITS)
    nits = pq_to_nits(code) if colour is Colour.HDR10 else hlg_to_nits(code)
    # Scaling all three by what the strongest needs keeps the hue and never clips a channel.
    strongest = np.maximum(nits.max(axis=-1, keepdims=True), 1e-6)
    mapped = nits * (roll_off(strongest, peak_nits, white) / strongest) / white
    linear = np.clip(mapped @ _2020_TO_709.T, 0, 1)
    return np.asarray(np.power(linear, 1 / DISPLAY_GAMMA))


def find_peak(media: Media, schedule: Schedule, timeout_seconds: float) -> float:
    """The brightest that the keyframes of the kept spans get, in cd/m2.

    Raises:
        RenderError: ffmpeg failed.
    """
    assert media.video is not None
    brightest = 0.0
    for stretch in schedule.stretches:
        first, last = stretch.spans[0].start, stretch.spans[-1].end
        arguments = ["-noaccurate_seek", "-skip_frame", "nokey", "-t", f"{last - first:.3f}"]
        arguments += [*input_options(media, seek_seconds=first), "-map", f"0:{media.video.index}"]
        look = f"scale={_SEARCH_WIDTH}:-2:flags=area,signalstats,metadata=print"
        log = run_ffmpeg(
            [*arguments, "-vf", look, "-f", "null", "-"], timeout_seconds=timeout_seconds
        ).stderr
        codes = [int(found) for found in _YMAX.findall(log)]
        depth = media.video.bit_depth
        top = max(codes, default=0) / (1 << (depth - 8))
        code = np.full(3, (top / 255) if media.video.full_range else (top - 16) / 219)
        nits = pq_to_nits(code) if media.video.colour is Colour.HDR10 else hlg_to_nits(code)
        brightest = max(brightest, float(nits[0]))
    return min(brightest or HLG_PEAK_NITS, BRIGHTEST_NITS)


def write_lut(path: Path, colour: Colour, peak_nits: float) -> None:
    """Write the table of ``colour`` as a ``.cube`` file (red runs fastest)."""
    grid = np.linspace(0, 1, _POINTS)
    blue, green, red = np.meshgrid(grid, grid, grid, indexing="ij")
    rows = to_sdr(np.stack([red, green, blue], axis=-1), colour, peak_nits).reshape(-1, 3)
    lines = "\n".join(f"{r:.5f} {g:.5f} {b:.5f}" for r, g, b in rows.tolist())
    path.write_text(f"LUT_3D_SIZE {_POINTS}\n{lines}\n", encoding="ascii")
