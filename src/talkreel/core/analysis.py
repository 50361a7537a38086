"""Everything perceived in one media file."""

from __future__ import annotations

from dataclasses import dataclass, field

from talkreel.core.media import Media
from talkreel.core.signals import Signal
from talkreel.core.spans import Span
from talkreel.core.tracks import FaceTrack, Shot
from talkreel.core.transcript import Transcript

SCHEMA = "analysis/1"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Analysis:
    """What was perceived; faces only inside ``looked``.

    Attributes:
        media: the file.
        transcript: words; may be empty.
        shots: cover the picture without gaps; empty when there is none.
        signals: curves by name.
        looked: spans in which faces were searched, merged.
        faces: tracks found there.
        warnings: one line each, for the user.
    """

    media: Media
    transcript: Transcript
    shots: tuple[Shot, ...] = ()
    signals: dict[str, Signal] = field(default_factory=dict)
    looked: tuple[Span, ...] = ()
    faces: tuple[FaceTrack, ...] = ()
    warnings: tuple[str, ...] = ()
