"""What is done to the picture before it is laid out.

Strengths are data that were measured and decided before; nothing is on unless asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

from talkreel.core.spans import Span


@dataclass(frozen=True, slots=True)
class Grade:
    """Factors on red, green and blue, as coded (0 is black), over ``span`` (source clock)."""

    span: Span
    gains: tuple[float, float, float]

    def __post_init__(self) -> None:
        if not all(0.25 <= gain <= 4.0 for gain in self.gains):
            raise ValueError(f"the gains of a grade are 0.25 to 4, got {self.gains}")


@dataclass(frozen=True, slots=True)
class Upscale:
    """A network that enlarges the picture.

    Attributes:
        path: of its weights (.safetensors), absolute.
        digest: sha256 of that file.
        scale: how many pixels across become of one, as the network was made.
    """

    path: str
    digest: str
    scale: int

    def __post_init__(self) -> None:
        if not 2 <= self.scale <= 8:
            raise ValueError(f"a network enlarges 2 to 8 times, got {self.scale}")


@dataclass(frozen=True, slots=True)
class PictureChain:
    """What happens to the picture, in this order.

    A network comes after what mends the picture and before it is cut and brought to size.

    Attributes:
        denoise: standard deviation of the noise to be taken away, of 255; 0 for none.
        grades: exposure and white balance, in order, not overlapping.
        sharpen: amount of unsharp masking, 0 for none.
        steady: whether shake is taken out; only where one shot is played without a join.
        lanczos: whether it is enlarged by Lanczos' kernel instead of a bicubic one.
        upscale: network by which it is enlarged, or None; it does not go with sharpening.
    """

    denoise: float = 0.0
    grades: tuple[Grade, ...] = ()
    sharpen: float = 0.0
    steady: bool = False
    lanczos: bool = False
    upscale: Upscale | None = None

    def __post_init__(self) -> None:
        if not (0 <= self.denoise <= 30 and 0 <= self.sharpen <= 2):
            raise ValueError(
                f"denoise is 0 to 30 and sharpen 0 to 2, got {self.denoise} and {self.sharpen}"
            )
