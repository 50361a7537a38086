"""What could be changed about a clip, and what the scorer says it would change."""

from __future__ import annotations

from dataclasses import dataclass

from talkreel.core.candidates import Reason
from talkreel.core.spans import Span

SCHEMA = "optimize/1"


@dataclass(frozen=True, slots=True)
class PartChange:
    """One part of the score, before and after; both 0..1."""

    name: str
    before: float
    after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A changed clip.

    Attributes:
        id: a letter; ``A`` is the clip as it is.
        kinds: what is changed: ``start later``, ``shorten``, ``drop a line``, ``cut pauses``,
            ``swap the hook``, ``other title``; empty for A.
        text: one plain sentence: what is changed.
        title: its title.
        kept: what is played, source clock.
        duration: seconds.
        score: 0..99 by the scorer that chose the clip, on the changed words and sound.
        change: of the score against A; a prediction of the score, not of views.
        parts: of the score that change.
        reasons: evidence of the part that gains most.
        title_wins: probability by the hook model that its title is preferred to A's; None where
            the title stays or no model read it.
        too_close: whether that is too close to call.
        edit: path of its edit document, once written.
        video: path of its video, once rendered.
    """

    id: str
    kinds: tuple[str, ...]
    text: str
    title: str
    kept: tuple[Span, ...]
    duration: float
    score: int
    change: int
    parts: tuple[PartChange, ...] = ()
    reasons: tuple[Reason, ...] = ()
    title_wins: float | None = None
    too_close: bool = True
    edit: str | None = None
    video: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimization:
    """Variants of one clip, A first, then by predicted score.

    Attributes:
        clip: id of the clip.
        scorer: what predicted the scores.
        variants: A and its alternatives.
        tried: how many changes were scored.
        shared: share of the frames of all rendered variants that were encoded once for
            several of them; None when nothing was rendered.
    """

    clip: str
    scorer: str
    variants: tuple[Variant, ...]
    tried: int
    shared: float | None = None
