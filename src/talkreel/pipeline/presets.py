"""What ``--preset`` means: canvas, encoder effort and pace in one typed place."""

from __future__ import annotations

from dataclasses import dataclass

from talkreel.core.edits import Encoding


@dataclass(frozen=True, slots=True)
class Preset:
    """A bundle of delivery settings.

    Attributes:
        long_side: pixels of the canvas's longer side, where the source allows it.
        encoding: x264 and AAC settings.
        tighten: whether pauses over .7 s are shortened.
        upscale_limit: how much a crop may be enlarged before the canvas shrinks instead.
    """

    long_side: int
    encoding: Encoding
    tighten: bool
    upscale_limit: float


PRESETS: dict[str, Preset] = {
    "fast": Preset(1280, Encoding("superfast", 23, 128), tighten=True, upscale_limit=2.0),
    "default": Preset(1920, Encoding("veryfast", 21, 160), tighten=False, upscale_limit=3.0),
    "high_quality": Preset(1920, Encoding("medium", 18, 192), tighten=False, upscale_limit=3.0),
}
