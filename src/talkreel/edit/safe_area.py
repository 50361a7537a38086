"""Where captions may stand: clear of what the platforms draw over a video, and off the face.

TikTok, Instagram Reels and YouTube Shorts draw their title, buttons and captions over the
picture. The margins below are the union of what they cover on a 9:16 canvas, rounded up: the
tab row and search above (TikTok 7 %, Reels 11 %, Shorts 9 % of the height), account name, text
and music line below (about 17 to 21 %), and the column of buttons on the right (10 to 12 % of
the width). Text is centred, so the right margin is kept free on the left as well.
"""

from __future__ import annotations

from dataclasses import dataclass

from talkreel.core.edits import Canvas


@dataclass(frozen=True, slots=True)
class SafeArea:
    """Margins that stay free, as shares of the canvas."""

    top: float
    bottom: float
    sides: float

    @property
    def width(self) -> float:
        """Share of the canvas' width that text may take."""
        return 1.0 - 2.0 * self.sides

    @property
    def lowest(self) -> float:
        """Share of the height below which nothing may reach."""
        return 1.0 - self.bottom


_PHONE = SafeArea(top=0.12, bottom=0.22, sides=0.12)
# Feeds show squarer videos with their controls outside; only players draw over the edge.
_FEED = SafeArea(top=0.06, bottom=0.10, sides=0.06)
_TALL = 1.5


def safe_area(canvas: Canvas) -> SafeArea:
    """The margins for a canvas: the platforms' own for tall ones, a title-safe frame else."""
    return _PHONE if canvas.height >= _TALL * canvas.width else _FEED


def caption_bands(canvas: Canvas, block_height: float, edge: float = 0.0) -> tuple[float, ...]:
    """Upper edges (shares of the height) a text block may have, the preferred one first.

    The lower third, the middle, and under the top margin; each keeps a block of
    ``block_height`` with an outline or plate of ``edge`` around it inside the safe area.

    Raises:
        ValueError: the block is higher than the safe area.
    """
    area = safe_area(canvas)
    first, last = area.top + edge, area.lowest - block_height - edge
    if last < first:
        raise ValueError(f"a caption block of {block_height:.2f} does not fit the safe area")
    low = min(last, 0.66) if area is _PHONE else last
    middle = min(max(first, 0.5 - block_height / 2), last)
    return (low, middle, first)
