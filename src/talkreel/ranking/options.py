"""What the caller wants ranked."""

from __future__ import annotations

import math
from dataclasses import dataclass

from talkreel.core.spans import Span


@dataclass(frozen=True)
class RankOptions:
    """Wishes for the candidates.

    Attributes:
        clips: how many at most; None lets the material decide (see ``choose.auto_count``).
        min_seconds: shortest span.
        max_seconds: longest span.
        range: only spans inside this part of the talk.
        query: rank by closeness to this topic; needs ``query_embedding`` in ``rank``.

    Raises:
        ValueError: a number is not positive and finite, ``min_seconds > max_seconds``, an
            empty range or a blank query.
    """

    clips: int | None = None
    min_seconds: float = 15.0
    max_seconds: float = 60.0
    range: Span | None = None
    query: str | None = None

    def __post_init__(self) -> None:
        if self.clips is not None and self.clips < 1:
            raise ValueError(f"clips is at least 1 or left out, got {self.clips}")
        for name in ("min_seconds", "max_seconds"):
            value = getattr(self, name)
            if not math.isfinite(value) or value <= 0:
                raise ValueError(f"{name} is a positive number of seconds, got {value}")
        if self.min_seconds > self.max_seconds:
            raise ValueError(
                f"min_seconds ({self.min_seconds:g}) is above max_seconds ({self.max_seconds:g}); "
                "swap them or widen the window"
            )
        if self.range is not None and self.range.duration <= 0:
            raise ValueError("range needs an end after its start")
        if self.query is not None and not self.query.strip():
            raise ValueError("query is blank; name a topic or leave it out")
