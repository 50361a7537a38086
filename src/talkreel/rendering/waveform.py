"""The canvas of a clip without a picture: the sound as bars that pass a playhead."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from talkreel.core.edits import Canvas

WAVE_NAME = "wave.yuv"
# Y, Cb, Cr (BT.709, limited range).
_BACKGROUND = (30, 132, 126)
_AHEAD = (98, 134, 124)
_PLAYED = (170, 108, 150)
_BARS_SHOWN = 48
_SECONDS_SHOWN = 7.0
_BAR_SHARE = 0.56
_HEIGHT_SHARE = 0.22
_TOP_SHARE = 0.39
_LEAST = 0.04
_LOUDEST_PERCENTILE = 98


def _pitch(canvas: Canvas) -> int:
    return max(4, 2 * round(canvas.width / _BARS_SHOWN / 2))


def _speed(canvas: Canvas) -> int:
    """Pixels a frame; even, so that luma and chroma move alike and every step is the same."""
    return max(2, 2 * round(canvas.width / (_SECONDS_SHOWN * float(canvas.frame_rate)) / 2))


def _strip_height(canvas: Canvas) -> int:
    return max(4, 2 * round(canvas.height * _HEIGHT_SHARE / 2))


def strip_size(canvas: Canvas, frames: int) -> tuple[int, int]:
    """Width and height of the drawn strip: bars ahead above, bars played below."""
    width = canvas.width + frames * _speed(canvas)
    return width + width % 2, 2 * _strip_height(canvas)


def draw_waveform(raw_sound: Path, canvas: Canvas, frames: int, target: Path) -> None:
    """Draw the bars of a raw 48 kHz stereo file as one 4:2:0 picture into ``target``.

    The picture's left half canvas and right half canvas are empty, so that the first and the
    last instant can stand at the playhead in the middle.
    """
    width, height = strip_size(canvas, frames)
    tall = height // 2
    bars = _bars(raw_sound, canvas, frames)
    shape = np.zeros((tall, width), dtype=bool)
    pitch, middle = _pitch(canvas), tall // 2
    thick = max(2, round(pitch * _BAR_SHARE))
    across = np.arange(thick) - (thick - 1) / 2
    cap = np.sqrt(np.maximum((thick / 2) ** 2 - across**2, 0))
    for i, bar in enumerate(bars):
        left = canvas.width // 2 + i * pitch
        for x, round_end in enumerate(cap):
            half = int(max(0.0, bar * tall / 2 - thick / 2) + round_end)
            if left + x < width:
                shape[max(0, middle - half) : middle + half + 1, left + x] = True
    _write(shape, target)


def _bars(raw_sound: Path, canvas: Canvas, frames: int) -> NDArray[np.float64]:
    """Heights 0..1, one a bar."""
    samples = np.memmap(raw_sound, dtype=np.float32, mode="r").reshape(-1, 2)
    count = max(1, frames * _speed(canvas) // _pitch(canvas))
    edges = np.linspace(0, len(samples), count + 1).astype(np.int64)
    levels = np.zeros(count)
    for i in range(count):
        block = samples[edges[i] : edges[i + 1]].astype(np.float64)
        levels[i] = np.sqrt(np.square(block).mean()) if block.size else 0.0
    loudest = float(np.percentile(levels, _LOUDEST_PERCENTILE))
    if loudest <= 0:
        return np.full(count, _LEAST)
    return np.asarray(np.clip((levels / loudest) ** 0.7, _LEAST, 1.0))


def _write(shape: NDArray[np.bool_], target: Path) -> None:
    with open(target, "wb") as file:
        for plane in range(3):
            cells = shape if plane == 0 else shape[::2, ::2]
            for colour in (_AHEAD, _PLAYED):
                drawn = np.where(cells, colour[plane], _BACKGROUND[plane])
                file.write(drawn.astype(np.uint8).tobytes())


def waveform_filters(canvas: Canvas, first: int, name: str) -> str:
    """Filters from the looped strip to the canvas, from delivered frame ``first`` on.

    ``name`` makes the labels inside unique.
    """
    tall, half, speed = _strip_height(canvas), canvas.width // 2, _speed(canvas)
    half -= half % 2
    rest = canvas.width - half
    at = f"(n+{first})*{speed}"
    top = 2 * round(canvas.height * _TOP_SHARE / 2)
    y, u, v = _BACKGROUND
    # Limited-range BT.709 to RGB, as the pad filter wants its colour.
    red = 1.164 * (y - 16) + 1.793 * (v - 128)
    green = 1.164 * (y - 16) - 0.213 * (u - 128) - 0.533 * (v - 128)
    blue = 1.164 * (y - 16) + 2.112 * (u - 128)
    colour = "0x" + "".join(f"{min(255, max(0, round(c))):02X}" for c in (red, green, blue))
    return (
        f"setparams=colorspace=bt709:range=tv,split=2[{name}a][{name}b];"
        f"[{name}a]crop={half}:{tall}:'{at}':{tall}[{name}l];"
        f"[{name}b]crop={rest}:{tall}:'{at}+{half}':0[{name}r];"
        f"[{name}l][{name}r]hstack,pad={canvas.width}:{canvas.height}:0:{top}:{colour},setsar=1"
    )
