"""The pixels a clip is made of: depth, chroma, and what their code values mean."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from talkreel.core.delivery import Delivery, VideoCodec
from talkreel.core.edits import Edit
from talkreel.core.media import Colour, Media

_MASTERS = (VideoCodec.PRORES_422_HQ, VideoCodec.DNXHR_HQ, VideoCodec.DNXHR_HQX)
# As ffmpeg names them: matrix, primaries, transfer.
_TAGS = {
    Colour.SDR: ("bt709", "bt709", "bt709"),
    Colour.HDR10: ("bt2020nc", "bt2020", "smpte2084"),
    Colour.HLG: ("bt2020nc", "bt2020", "arib-std-b67"),
}


@dataclass(frozen=True)
class Pixels:
    """How the graph stores pictures.

    Attributes:
        depth: bits, 8 or 10.
        half_chroma: 4:2:0; otherwise 4:2:2.
        colour: what is delivered; SDR is BT.709, the others are BT.2020.
    """

    depth: int = 8
    half_chroma: bool = True
    colour: Colour = Colour.SDR

    @classmethod
    def of(cls, edit: Edit, media: Media) -> Pixels:
        """Of the file that ``edit`` wants."""
        wanted: Delivery = edit.encoding.delivery
        colour = media.video.colour if media.video and wanted.keep_hdr else Colour.SDR
        return cls(wanted.bit_depth, wanted.video not in _MASTERS, colour)

    @property
    def name(self) -> str:
        """Ffmpeg's name of the format."""
        return f"yuv{'420' if self.half_chroma else '422'}p{self._bits}"

    @property
    def whole(self) -> str:
        """The same with a colour for every pixel."""
        return f"yuv444p{self._bits}"

    @property
    def overlaid(self) -> str:
        """The overlay filter's name of the format."""
        return f"yuv{'420' if self.half_chroma else '422'}{'' if self.depth == 8 else 'p10'}"

    @property
    def rgb(self) -> str:
        """Planar RGB of the same depth."""
        return "gbrp" if self.depth == 8 else "gbrp10le"

    @property
    def black(self) -> int:
        """Code value of black luma."""
        return 16 << (self.depth - 8)

    @cached_property
    def tags(self) -> str:
        """``setparams`` options."""
        matrix, primaries, transfer = _TAGS[self.colour]
        return f"colorspace={matrix}:color_primaries={primaries}:color_trc={transfer}:range=tv"

    @property
    def stream_tags(self) -> list[str]:
        """Arguments that write the same into a stream."""
        matrix, primaries, transfer = _TAGS[self.colour]
        colours = ["-colorspace", matrix, "-color_primaries", primaries, "-color_trc", transfer]
        return [*colours, "-color_range", "tv"]

    @property
    def _bits(self) -> str:
        return "" if self.depth == 8 else "10le"


PLAIN = Pixels()
