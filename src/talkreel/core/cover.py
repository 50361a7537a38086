"""What an edit says of its cover picture."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cover:
    """The still that stands for a clip.

    Attributes:
        title: set on it; empty for the picture alone.
        time: source second of the picture, or None to take the best one.
    """

    title: str = ""
    time: float | None = None
