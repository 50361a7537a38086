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
    """

    path: str
    digest: str
    licence: str = ""
    attribution: str = ""


class Placement(StrEnum):
    """Where a b-roll picture goes."""

    FULL = "full"  # over the whole canvas
    SPLIT = "split"  # the upper half; the speaker stays below
    INSET = "inset"  # a framed picture above the speaker


@dataclass(frozen=True, slots=True)
class Broll:
    """A picture or video shown while the speech goes on.

    Attributes:
        span: when.
        asset: what.
        start: second of the asset's own clock that is shown first; 0 for a still.
        placement: where.
        reason: the words it was chosen for and how near they are.
    """

    span: Span
    asset: Asset
    start: float = 0.0
    placement: Placement = Placement.FULL
    reason: str = ""
