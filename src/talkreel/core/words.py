"""The words that go out with a clip: titles, hook line, description, hashtags, posts, chapters."""

from __future__ import annotations

from dataclasses import dataclass

from talkreel.core.spans import Span

FROM_TALK = "talk"


@dataclass(frozen=True, slots=True)
class Phrasing:
    """One of several texts that compete for the same place.

    Attributes:
        text: as shown.
        span: where its words are said, source clock.
        source: ``talk`` for the talk's own words, else the engine that wrote it.
        wins: probability, by the hook model, to be preferred to another of the texts it competes
            with (mean over them); None where no model read it or there is no other.
        too_close: whether the favourite's lead over this text is too small to call; of the
            favourite itself, whether its lead over the next is.
    """

    text: str
    span: Span
    source: str = FROM_TALK
    wins: float | None = None
    too_close: bool = True


@dataclass(frozen=True, slots=True)
class Post:
    """The text for one platform, hashtags included.

    Attributes:
        platform: e.g. ``instagram``.
        text: at most as long as the platform takes.
        title: for platforms that have one beside the text; empty elsewhere.
    """

    platform: str
    text: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """A text of a language model that was not let through.

    Attributes:
        text: its beginning.
        reason: which rule it broke.
    """

    text: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipWords:
    """All words of one clip, favourites first.

    Attributes:
        titles: short enough for every feed.
        hooks: lines of the clip that stand for it, e.g. on a title card.
        description: one to three sentences.
        hashtags: with ``#``.
        posts: one per platform.
        refused: what a language model wrote and why it is not used.
    """

    titles: tuple[Phrasing, ...]
    hooks: tuple[Phrasing, ...] = ()
    description: str = ""
    hashtags: tuple[str, ...] = ()
    posts: tuple[Post, ...] = ()
    refused: tuple[Refused, ...] = ()


@dataclass(frozen=True, slots=True)
class Chapter:
    """A part of the talk and what it is about; the first one starts at 0.

    Attributes:
        start: seconds, source clock.
        title: from the talk's own words.
    """

    start: float
    title: str
