"""The words that go out with a clip, ready to copy, and the chapters of the talk."""

from __future__ import annotations

from talkreel.core.clips import Clip, ClipSet
from talkreel.core.words import Phrasing
from talkreel.report.markup import clock, text


def texts(clip: Clip) -> str:
    """Titles, hook lines and posts of a clip; nothing where nobody speaks."""
    words = clip.words
    if words is None:
        return ""
    parts = [_choices("Titles", words.titles), _choices("Hook lines", words.hooks)]
    for post in words.posts:
        title = f"<p><b>{text(post.title)}</b></p>" if post.title else ""
        body = "".join(f'<p dir="auto">{text(p)}</p>' for p in post.text.split("\n\n") if p)
        parts.append(f"<h5>{text(post.platform)}</h5>{title}{body}")
    if words.refused:
        rows = "".join(f"<li>{text(r.text)}: {text(r.reason)}</li>" for r in words.refused)
        parts.append(f"<h5>Refused</h5><ul>{rows}</ul>")
    return f"<details><summary>Titles and posts</summary>{''.join(parts)}</details>"


def _choices(name: str, choices: tuple[Phrasing, ...]) -> str:
    if not choices:
        return ""
    rows = "".join(f'<li dir="auto">{text(c.text)}{_odds(c)}</li>' for c in choices)
    return f"<h5>{name}</h5><ol>{rows}</ol>"


def _odds(choice: Phrasing) -> str:
    """How the hook model sees it against the others."""
    if choice.wins is None:
        return ""
    close = ", too close to call" if choice.too_close else ""
    written = "" if choice.source == "talk" else f", by {text(choice.source)}"
    return f" <small>preferred {choice.wins:.0%} of the time{close}{written}</small>"


def chapter_list(clips: ClipSet) -> str:
    """The chapters as a list that platforms read; nothing where there are none."""
    if not clips.chapters:
        return ""
    rows = "".join(f"<li>{clock(c.start)} {text(c.title)}</li>" for c in clips.chapters)
    return f"<details><summary>Chapters of the talk</summary><ul>{rows}</ul></details>"
