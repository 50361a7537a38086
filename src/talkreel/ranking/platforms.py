"""What platforms take beside a clip, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Platform:
    """Limits of one platform's texts, as its makers state them (looked up in November 2026).

    Attributes:
        name: as in ``Post.platform``.
        text: characters of the post or description, hashtags included.
        title: characters of the title; 0 where there is none.
        shown: characters of the text that a feed shows before "more".
        hashtags: how many we set; platforms allow more and reward fewer.
    """

    name: str
    text: int
    title: int
    shown: int
    hashtags: int


PLATFORMS: Mapping[str, Platform] = {
    p.name: p
    for p in (
        Platform("youtube", text=5000, title=100, shown=100, hashtags=3),
        Platform("tiktok", text=2200, title=0, shown=100, hashtags=4),
        Platform("instagram", text=2200, title=0, shown=125, hashtags=5),
        Platform("x", text=280, title=0, shown=280, hashtags=2),
        Platform("linkedin", text=3000, title=0, shown=210, hashtags=3),
    )
}
