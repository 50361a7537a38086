"""What stands over the picture beside captions: cards, lower thirds, a logo, an intro, an outro.

Places and lengths are shares of the canvas (its height, where one length is named alone).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from talkreel.core.craft import Asset
from talkreel.core.spans import Span

Box = tuple[float, float, float, float]


class CardKind(StrEnum):
    """What a card is for."""

    TITLE = "title card"
    LOWER_THIRD = "lower third"


@dataclass(frozen=True, slots=True)
class CardLine:
    """One line of a card."""

    text: str
    size: float
    colour: str = "#FFFFFF"

    def __post_init__(self) -> None:
        if not self.text or not 0 < self.size < 0.5:
            raise ValueError("a card's line has text, and a size that is a share of the height")


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """Text on a plate.

    Attributes:
        kind: what for.
        span: source clock.
        lines: first one on top.
        font: family name as libass finds it.
        font_file: see ``media.fonts``.
        box: of the plate.
        padding: from the plate's edge to the text.
        plate_colour: ``#RRGGBB``.
        plate_opacity: 0..1.
        accent: colour of a bar along the plate's left edge, or None for no bar.
        centred: whether the lines stand in the middle of the plate, not at its left.
        font_digest: sha256 of a font named by path.
    """

    kind: CardKind
    span: Span
    lines: tuple[CardLine, ...]
    font: str
    font_file: str
    box: Box
    padding: float
    plate_colour: str = "#101014"
    plate_opacity: float = 0.86
    accent: str | None = None
    centred: bool = True
    font_digest: str = ""

    def __post_init__(self) -> None:
        if not self.lines:
            raise ValueError("a card needs a line of text")
        check_box(self.box)


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture that stands over the whole clip.

    Attributes:
        asset: PNG, JPEG or WebP.
        box: where; of the picture's own shape.
        opacity: 0..1.
    """

    asset: Asset
    box: Box
    opacity: float = 1.0

    def __post_init__(self) -> None:
        check_box(self.box)
        if not 0 < self.opacity <= 1:
            raise ValueError(f"a logo's opacity is above 0, up to 1, got {self.opacity}")


@dataclass(frozen=True, slots=True)
class Sticker:
    """An emoji.

    Attributes:
        text: what is drawn.
        span: source clock.
        font: colour font it is drawn from.
        box: where.
    """

    text: str
    span: Span
    font: Asset
    box: Box

    def __post_init__(self) -> None:
        check_box(self.box)


@dataclass(frozen=True, slots=True)
class Bookend:
    """A video that is played before or after the clip, whole.

    Attributes:
        asset: the file.
        frames: how long, in frames of the canvas.
    """

    asset: Asset
    frames: int

    def __post_init__(self) -> None:
        if self.frames < 1:
            raise ValueError(f"an intro or outro has at least one frame, got {self.frames}")


@dataclass(frozen=True, slots=True)
class Graphics:
    """Everything over and around the picture of an edit."""

    cards: tuple[Card, ...] = ()
    logo: Logo | None = None
    intro: Bookend | None = None
    outro: Bookend | None = None
    stickers: tuple[Sticker, ...] = ()


NO_GRAPHICS = Graphics()


def check_box(box: Box) -> None:
    """Raise ``ValueError`` unless ``box`` lies inside the canvas and is not empty."""
    left, top, right, bottom = box
    if not (-1e-6 <= left < right <= 1 + 1e-6 and -1e-6 <= top < bottom <= 1 + 1e-6):
        raise ValueError(f"a box lies inside the canvas, got {box}")
