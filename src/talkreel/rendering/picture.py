"""Filters that mend the picture, at the size of the source, before it is scaled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from talkreel.core.picture import Grade, PictureChain

# Strengths for noise of deviation 1, found by PSNR and VMAF against the clean picture: a pixel
# is averaged with its like in the frames around, up to so many deviations away, and so many in
# all. Stronger, or in space as well, gains up to 3 dB more and loses detail that VMAF misses.
_OVER_TIME, _OVER_TIME_IN_ALL, _FRAMES = 3.0, 6.0, 5
_SHARPEN_PX = 7
# Frames that the way of the camera is smoothed over, to each side.
_STEADY_FRAMES = 20
STEADY_NAME = "steady.trf"


def mending(chain: PictureChain, times: NDArray[np.float64], matrix: str) -> str:
    """Filters with a comma after each; empty where nothing is to be done.

    Args:
        chain: what is to be done.
        times: [N] source second of every frame that comes by.
        matrix: of luma and chroma, by ffmpeg's name.
    """
    parts = []
    if chain.denoise > 0:
        parts.append(_denoising(chain.denoise))
    parts += _grading(chain.grades, times, matrix)
    if chain.sharpen > 0:
        parts.append(f"unsharp={_SHARPEN_PX}:{_SHARPEN_PX}:{chain.sharpen:.2f}:5:5:0")
    return "".join(f"{part}," for part in parts)


def finding_shake() -> str:
    """The filter of the pass that writes how the camera shakes into ``STEADY_NAME``."""
    return f"vidstabdetect=result={STEADY_NAME}:shakiness=6:accuracy=15"


def steadying() -> str:
    """The filter that takes the shake out; it enlarges by what it needs to keep the edges out."""
    return (
        f"vidstabtransform=input={STEADY_NAME}:smoothing={_STEADY_FRAMES}:optzoom=1:"
        "interpol=bicubic"
    )


def _denoising(noise: float) -> str:
    near, total = (round(k * noise / 255, 4) for k in (_OVER_TIME, _OVER_TIME_IN_ALL))
    thresholds = ":".join(f"{plane}a={near}:{plane}b={total}" for plane in (0, 1, 2))
    return f"atadenoise={thresholds}:s={_FRAMES}"


def _grading(grades: tuple[Grade, ...], times: NDArray[np.float64], matrix: str) -> list[str]:
    mixers = []
    for grade in grades:
        inside = np.flatnonzero((times >= grade.span.start) & (times < grade.span.end))
        if len(inside):
            red, green, blue = grade.gains
            mixers.append(
                f"colorchannelmixer=rr={red:.3f}:gg={green:.3f}:bb={blue:.3f}:"
                f"enable='between(n,{inside[0]},{inside[-1]})'"
            )
    if not mixers:
        return []
    to_rgb = f"scale=in_color_matrix={matrix}:out_range=full,format=gbrp"
    back = f"scale=out_color_matrix={matrix}:out_range=limited,format=yuv420p"
    return [to_rgb, *mixers, back]
