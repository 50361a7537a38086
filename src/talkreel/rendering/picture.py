"""Filters that mend the picture, at the size of the source, before it is scaled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from talkreel.core.picture import Grade, PictureChain

# hqdn3d's strengths for noise of deviation 1, found by PSNR against the clean picture
# (experiments/benchmarks/craft/picture.md).
_SPATIAL, _TEMPORAL = 0.6, 1.2
_CHROMA = 0.75


def mending(chain: PictureChain, times: NDArray[np.float64], matrix: str) -> str:
    """Filters with a comma after each; empty where nothing is to be done.

    Args:
        chain: what is to be done.
        times: [N] source second of every frame that comes by.
        matrix: of luma and chroma, by ffmpeg's name.
    """
    parts = []
    if chain.denoise > 0:
        spatial, temporal = _SPATIAL * chain.denoise, _TEMPORAL * chain.denoise
        parts.append(
            f"hqdn3d={spatial:.2f}:{_CHROMA * spatial:.2f}:{temporal:.2f}:{_CHROMA * temporal:.2f}"
        )
    parts += _grading(chain.grades, times, matrix)
    if chain.sharpen > 0:
        parts.append(f"unsharp=5:5:{chain.sharpen:.2f}:5:5:0")
    return "".join(f"{part}," for part in parts)


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
