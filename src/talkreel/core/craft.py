"""What craft adds to an edit: files beside the source, and what became of each feature.

Every record is data that the renderer follows; what is measured and decided lies before it, in
``edit`` and ``pipeline.craft``. Times are seconds on the *source* clock unless a field says
otherwise. Files are named by path and sha256, so that a changed one is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from talkreel.core.spans import Span


@dataclass(frozen=True, slots=True)
class Note:
    """What became of a feature that was asked for.

    Attributes:
        feature: its option, e.g. ``enhance voice``.
        applied: whether it is in the edit.
        text: one plain sentence: what was done, or why it was left out.
    """

    feature: str
    applied: bool
    text: str


@dataclass(frozen=True, slots=True)
class Asset:
    """A file beside the source: music, a logo, a picture.

    Attributes:
        path: absolute.
        digest: sha256.
        licence: as its library states it; empty when nothing is stated.
        attribution: whom to name and how; empty for nobody.
        made_by: the model that generated it; empty for none.
    """

    path: str
    digest: str
    licence: str = ""
    attribution: str = ""
    made_by: str = ""


class Placement(StrEnum):
    """Where a b-roll picture goes."""

    FULL = "full"  # over the whole canvas
    SPLIT = "split"  # the upper half; what was in the middle of the canvas stays below
    INSET = "inset"  # a framed picture above the speaker


@dataclass(frozen=True, slots=True)
class Broll:
    """A picture or video shown while the speech goes on.

    Attributes:
        span: when.
        asset: what.
        box: left, top, right, bottom as shares of the canvas: what it fills.
        start: second of the asset's own clock that is shown first; 0 for a still.
        placement: what kind of place ``box`` is.
        below: SPLIT only: upper edge (share of the canvas) of what is moved into the lower half.
        reason: the words it was chosen for and how near they are.
    """

    span: Span
    asset: Asset
    box: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)
    start: float = 0.0
    placement: Placement = Placement.FULL
    below: float = 0.25
    reason: str = ""

    def __post_init__(self) -> None:
        left, top, right, bottom = self.box
        if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
            raise ValueError(f"a b-roll picture fills a box inside the canvas, got {self.box}")
        if self.start < 0 or not 0 <= self.below <= 0.5:
            raise ValueError("b-roll starts at 0 s or later, and moves a half of the canvas")
