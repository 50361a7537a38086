"""What a user may choose about an edit."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from talkreel.core.edits import Encoding
from talkreel.edit.styles import STYLES

# Width over height; ``source`` keeps the shape of the source picture.
ASPECTS: dict[str, Fraction | None] = {
    "9:16": Fraction(9, 16),
    "4:5": Fraction(4, 5),
    "1:1": Fraction(1),
    "16:9": Fraction(16, 9),
    "source": None,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EditOptions:
    """Choices for every edit of one job.

    Attributes:
        aspect: one of ``ASPECTS``.
        captions: name of a caption style, or None for no captions.
        tighten: whether long pauses are shortened.
        fillers: whether fillers and false starts go as well, and jump cuts are hidden.
        height: longest side of the canvas in pixels, at most.
        encoding: encoder settings, passed on to the edit.
        pre_roll: seconds kept before the first word where the pause allows it.
        post_roll: seconds kept after the last word where the pause allows it.
        upscale_limit: how many canvas pixels may be made of one source pixel, along a side.

    Raises:
        ValueError: an unknown aspect or style, or a number out of range.
    """

    aspect: str = "9:16"
    captions: str | None = "bold"
    tighten: bool = False
    fillers: bool = False
    height: int = 1920
    encoding: Encoding = field(default_factory=Encoding)
    pre_roll: float = 0.25
    post_roll: float = 0.6
    upscale_limit: float = 2.0

    def __post_init__(self) -> None:
        if self.aspect not in ASPECTS:
            raise ValueError(f"aspect is one of {', '.join(ASPECTS)}, got {self.aspect!r}")
        if self.captions is not None and self.captions not in STYLES:
            known = ", ".join(STYLES)
            raise ValueError(f"captions is one of {known}, or None, got {self.captions!r}")
        if self.height < 320:
            raise ValueError(f"a canvas is at least 320 pixels long, got height={self.height}")
        if min(self.pre_roll, self.post_roll) < 0:
            raise ValueError("pre-roll and post-roll are seconds >= 0")
        if self.upscale_limit < 1:
            raise ValueError(f"an upscale limit is at least 1, got {self.upscale_limit}")
