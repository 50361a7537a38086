"""What an engine proposed for a clip and got through the containment."""

from __future__ import annotations

from dataclasses import dataclass

from talkreel.core.words import Refused
from talkreel.ranking.headlines import Line


@dataclass(frozen=True, slots=True)
class Draft:
    """Proposals of an engine.

    Attributes:
        titles: accepted ones.
        hooks: accepted ones.
        description: the accepted one, or empty.
        refused: what was not let through, and why.
    """

    titles: tuple[Line, ...] = ()
    hooks: tuple[Line, ...] = ()
    description: str = ""
    refused: tuple[Refused, ...] = ()
