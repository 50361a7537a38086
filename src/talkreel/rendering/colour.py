"""Any source colour to 8 bit BT.709 limited range, the one every player gets right."""

from __future__ import annotations

import re
from dataclasses import dataclass

from talkreel.core.media import Colour, VideoStream
from talkreel.rendering.pixels import PLAIN, Pixels

LUT_NAME = "hdr.cube"
# Untagged video of more lines than this is BT.709 to every player, else BT.601.
_SD_LINES = 576
_STREAM = re.compile(r"Stream #0:(\d+)[^\n]*?: Video: [^\n]*?, (\w+)\(([^)]*)\)")
_MATRICES = {
    "bt709": "bt709",
    "smpte170m": "bt601",
    "bt470bg": "bt601",
    "fcc": "fcc",
    "smpte240m": "smpte240m",
    "bt2020nc": "bt2020nc",
    "bt2020c": "bt2020nc",
}
_PRIMARIES = {"bt709", "bt470m", "bt470bg", "smpte170m", "smpte240m", "bt2020"}


@dataclass(frozen=True, slots=True)
class SourceColour:
    """What the stream says of its colours; ``unknown`` where it says nothing.

    Attributes:
        matrix: of luma and chroma.
        primaries: of the light.
        interlaced: whether frames hold two fields.
    """

    matrix: str = "unknown"
    primaries: str = "unknown"
    interlaced: bool = False


def read_colour(ffmpeg_log: str, stream: int) -> SourceColour:
    """The colours of a stream from what ffmpeg printed when it opened the file."""
    for index, _, inside in _STREAM.findall(ffmpeg_log):
        if int(index) != stream:
            continue
        parts = [part.strip() for part in inside.split(",")]
        interlaced = any(part in ("top first", "bottom first") for part in parts)
        for part in parts:
            triple = part.split("/") if "/" in part else [part] * 3
            if len(triple) == 3 and triple[0] in {*_MATRICES, "unknown", "gbr"}:
                return SourceColour(triple[0], triple[1], interlaced)
        return SourceColour(interlaced=interlaced)
    return SourceColour()


@dataclass(frozen=True, slots=True)
class Conversion:
    """Filters that bring a cut picture to a size and to BT.709; ``{size}`` is that size.

    Attributes:
        enlarging: where the picture is the smaller one.
        shrinking: where the size is.
        kernel: by which it is enlarged, by ffmpeg's name; empty for the default.
    """

    enlarging: str
    shrinking: str
    kernel: str = ""

    def to_size(self, cut_pixels: int, width: int, height: int) -> str:
        """The cheaper way for a cut of so many pixels."""
        if width * height < cut_pixels:
            return self.shrinking.format(size=f"{width}:{height}")
        kernel = f":flags={self.kernel}" if self.kernel else ""
        return self.enlarging.format(size=f"{width}:{height}{kernel}")


def matrix_of(video: VideoStream, found: SourceColour) -> str:
    """The matrix of luma and chroma, by the name that scaling knows it by."""
    return _MATRICES.get(found.matrix) or ("bt709" if video.height > _SD_LINES else "bt601")


def conversion(video: VideoStream, found: SourceColour, pixels: Pixels = PLAIN) -> Conversion:
    """How pictures of ``video`` become BT.709, or stay BT.2020 where HDR is kept."""
    matrix = matrix_of(video, found)
    if video.colour is not Colour.SDR:
        matrix = _MATRICES.get(found.matrix, "bt2020nc")
        if pixels.colour is not Colour.SDR:
            kept = f"scale={{size}}:in_color_matrix={matrix}:out_color_matrix=bt2020nc"
            return Conversion(*[f"{kept}:out_range=limited"] * 2)
        given = f"in_color_matrix={matrix}:out_range=full,format=gbrp10le,"
        looked_up = f"lut3d={LUT_NAME}:interp=tetrahedral,format={pixels.rgb},scale="
        wanted = "out_color_matrix=bt709:out_range=limited"
        return Conversion(
            f"scale={given}{looked_up}{{size}}:{wanted}",
            f"scale={{size}}:{given}{looked_up}{wanted}",
        )
    to_709 = "scale={size}" + f":in_color_matrix={matrix}:out_color_matrix=bt709:out_range=limited"
    if found.primaries in _PRIMARIES - {"bt709"}:
        given = f"in_color_matrix={matrix}:in_primaries={found.primaries}"
        to_709 = f"scale={given}:out_primaries=bt709:out_color_matrix=bt709," + (
            "scale={size}:out_color_matrix=bt709:out_range=limited"
        )
    return Conversion(to_709, to_709)
