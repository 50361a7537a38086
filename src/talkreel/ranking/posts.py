"""Description and posts of a clip, put together from its own sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from talkreel.core.words import ClipWords, Post
from talkreel.ranking import lexicon
from talkreel.ranking.headlines import sentence_text
from talkreel.ranking.platforms import PLATFORMS, Platform
from talkreel.ranking.talk import Unit
from talkreel.ranking.wording import content, ends_with_mark

DESCRIPTION_LIMIT = 300  # characters: what a reader takes in at a glance
_MOST_SENTENCES = 3
_LEAST_WORDS = 5
# A sentence of this many words or more is too long to be a description.
_MANY_WORDS = 45


def describe(units: Sequence[Unit], limit: int = DESCRIPTION_LIMIT) -> str:
    """The sentences that share most words with the rest of the clip, in their order.

    The first one can be followed by a stranger where any can. Empty where nothing fits.
    """
    often = Counter(word for unit in units for word in set(content(unit.bare)))
    texts = [sentence_text(unit) for unit in units]

    def central(index: int) -> float:
        words = set(content(units[index].bare))
        shared = sum(often[word] - 1 for word in words) / max(len(words), 4)
        return shared + 0.1 * min(len(words), 8) + (0.3 if index == 0 else 0.0)

    usable = [
        i
        for i, unit in enumerate(units)
        if unit.opens
        and unit.closes
        and _LEAST_WORDS <= len(unit.words) < _MANY_WORDS
        and len(texts[i]) <= limit
        and unit.words[-1].ends_sentence
    ]
    chosen: list[int] = []
    for index in sorted(usable, key=lambda i: (-central(i), i)):
        trial = sorted([*chosen, index])
        if len(" ".join(texts[i] for i in trial)) > limit or len(trial) > _MOST_SENTENCES:
            continue
        if _stands_alone(units[trial[0]]):
            chosen = trial
    if not chosen and usable:
        chosen = usable[:1]
    return " ".join(texts[i] for i in chosen)


def _stands_alone(unit: Unit) -> bool:
    first = next((w for w in unit.bare if w and w not in lexicon.FILLERS), "")
    return first not in lexicon.DANGLING | lexicon.POINTING


def compose(title: str, hook: str, description: str, tags: Sequence[str]) -> tuple[Post, ...]:
    """A post for every platform, within its limits.

    Args:
        title: the favourite.
        hook: the favourite line; leads the text, for feeds show little more.
        description: of the clip.
        tags: hashtags, the most telling first.
    """
    return tuple(_post(p, title, hook, description, tags) for p in PLATFORMS.values())


def _post(platform: Platform, title: str, hook: str, description: str, tags: Sequence[str]) -> Post:
    shown = " ".join(tags[: platform.hashtags])
    lead = hook if hook and not platform.title else ""
    if lead and not ends_with_mark(lead):
        lead += "."
    if lead.rstrip(".?!").lower() in description.lower():
        lead = ""
    room = platform.text - (len(shown) + 2 if shown else 0)
    body = cut_to("\n\n".join(part for part in (lead, description) if part), room)
    text = "\n\n".join(part for part in (body, shown) if part)
    return Post(platform.name, text, cut_to(title, platform.title) if platform.title else "")


def as_text(words: ClipWords) -> str:
    """All words of a clip as a plain text to copy from, ending with a newline."""
    parts = [f"Title: {words.titles[0].text}"]
    parts += ["Other titles:\n" + "\n".join(f"- {t.text}" for t in words.titles[1:])]
    if words.hooks:
        parts.append(f"Hook line: {words.hooks[0].text}")
    for post in words.posts:
        title = f"{post.title}\n\n" if post.title else ""
        parts.append(f"--- {post.platform} ---\n{title}{post.text}")
    return "\n\n".join(part for part in parts if not part.endswith(":\n")) + "\n"


def cut_to(text: str, limit: int) -> str:
    """``text`` within ``limit`` characters: at the last sentence that fits, else at a word."""
    if len(text) <= limit:
        return text
    part = text[: limit + 1]
    ends = [i + 1 for i, c in enumerate(part[:-1]) if c in ".?!" and part[i + 1].isspace()]
    if ends and ends[-1] >= limit // 3:
        return part[: ends[-1]].strip()
    return part[: limit - 1].rsplit(" ", 1)[0].rstrip(" ,;:—–-") + "…"
