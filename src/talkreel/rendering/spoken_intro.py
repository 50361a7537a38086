"""A still with a voice over it, as a video to be played before a clip."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from talkreel.core.edits import Canvas
from talkreel.core.jsonio import write_bytes
from talkreel.media.ffmpeg import run_ffmpeg

# The picture stands so long before the first word and after the last.
_LEAD_SECONDS, _REST_SECONDS = 0.15, 0.35
_TO_BT709 = "scale=out_color_matrix=bt709:out_range=tv,setsar=1,format=yuv420p"
_TAGS = ("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709")


def write_spoken_intro(
    picture: NDArray[np.uint8], wav: bytes, seconds: float, canvas: Canvas, path: Path
) -> int:
    """Write ``picture`` with ``wav`` over it.

    Args:
        picture: [H, W, 3] RGB.
        wav: a WAV file.
        seconds: its length.
        canvas: whose frame rate is taken.
        path: of a QuickTime file, which keeps the sound as it is.

    Returns:
        Its length in frames.

    Raises:
        RenderError: ffmpeg failed.
        OutputError: ``path`` cannot be written.
    """
    from PIL import Image

    frames = math.ceil((_LEAD_SECONDS + seconds + _REST_SECONDS) * canvas.frame_rate)
    length = float(frames / canvas.frame_rate)
    with tempfile.TemporaryDirectory(prefix="talkreel-intro-") as name:
        folder = Path(name)
        Image.fromarray(picture).save(folder / "still.png")
        (folder / "voice.wav").write_bytes(wav)
        run_ffmpeg(
            [
                *("-loop", "1", "-framerate", str(canvas.frame_rate), "-i", "still.png"),
                *("-i", "voice.wav", "-vf", _TO_BT709),
                *("-af", f"adelay={_LEAD_SECONDS}s:all=1,apad,atrim=end={length}"),
                *("-frames:v", str(frames), "-c:v", "libx264", "-crf", "10", "-threads", "1"),
                *("-preset", "veryfast", *_TAGS, "-c:a", "pcm_s16le", "-bitexact", "intro.mov"),
            ],
            timeout_seconds=300,
            cwd=folder,
        )
        write_bytes(path, (folder / "intro.mov").read_bytes())
    return frames
