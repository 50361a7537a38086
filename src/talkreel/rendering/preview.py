"""A caption style on one picture, drawn as a clip's captions are drawn."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from talkreel.core.edits import Canvas, Captions
from talkreel.core.errors import OutputError
from talkreel.core.spans import Span, TimeMap
from talkreel.media.ffmpeg import run_ffmpeg
from talkreel.media.fonts import gather_fonts
from talkreel.rendering.ass import ass_script, caption_fonts

_TIMEOUT_SECONDS = 60.0


def backdrop(canvas: Canvas) -> NDArray[np.uint8]:
    """[H, W, 3]: a made picture from dark to light, with bars, to judge captions on."""
    down = np.linspace(0.0, 1.0, canvas.height)[:, None]
    across = np.linspace(0.0, 1.0, canvas.width)[None, :]
    light = 40 + 130 * down + 30 * np.sin(2 * np.pi * 5 * across)
    tint = np.array([0.82, 0.95, 1.1])
    return np.asarray(np.clip(light[:, :, None] * tint, 0, 255), dtype=np.uint8)


def draw_preview(
    captions: Captions, canvas: Canvas, picture: NDArray[np.uint8], seconds: float, path: Path
) -> None:
    """Write ``picture`` with ``captions`` as they stand at ``seconds`` as PNG.

    Args:
        captions: laid out for ``canvas``, times from 0.
        canvas: of the picture.
        picture: [H, W, 3] RGB of the canvas' size.
        seconds: which moment.
        path: existing files are replaced.

    Raises:
        OutputError: ``path`` cannot be written.
    """
    from PIL import Image

    frame = round(seconds * canvas.frame_rate)
    span = Span(0.0, float((frame + 1) / canvas.frame_rate))
    script = ass_script(captions, canvas, TimeMap((span,)), frame + 1)
    with tempfile.TemporaryDirectory(prefix="talkreel-style-") as name:
        folder = Path(name)
        Image.fromarray(picture).save(folder / "in.png")
        (folder / "c.ass").write_text(script, encoding="utf-8")
        gather_fonts(folder / "fonts", caption_fonts(captions))
        graph = (
            f"loop=loop={frame + 1}:size=1,fps={canvas.frame_rate},format=gbrp,"
            f"ass=c.ass:fontsdir=fonts,select=eq(n\\,{frame})"
        )
        run_ffmpeg(
            ["-i", "in.png", "-vf", graph, "-frames:v", "1", "-fps_mode", "passthrough", "out.png"],
            timeout_seconds=_TIMEOUT_SECONDS,
            cwd=folder,
        )
        try:
            path.write_bytes((folder / "out.png").read_bytes())
        except OSError as error:
            raise OutputError(f"cannot write {str(path)!r}: {error.strerror}") from error
