"""Where b-roll may go, and which picture goes there: pure given what each picture fits.

Not over the opening, which has to hold the viewer by the speaker's face; not over a face that
emotes; on phrase borders, two to five seconds at a time, never more than a third of a clip.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from talkreel.core.arrays import FloatArray
from talkreel.core.craft import Placement
from talkreel.core.edits import Box, Canvas, Edit, LayoutKind
from talkreel.core.spans import Span
from talkreel.core.transcript import Word
from talkreel.edit.phrases import break_cost
from talkreel.edit.safe_area import safe_area

MOST_SHARE = 0.35
SHORTEST_SECONDS = 2.0
LONGEST_SECONDS = 5.0
# Between two pictures the viewer comes back to the speaker.
APART_SECONDS = 3.0
# The first sentence is the hook; it is over after this long at the latest, and never before.
_LONGEST_HOOK_SECONDS = 8.0
_SHORTEST_HOOK_SECONDS = 3.0
_ENDING_SECONDS = 1.5
_BORDER_COST = 0.5
_BORDER_PAUSE = 0.2
_LEAD = 0.1
_INSET_SIDES = 0.08
_INSET_ASPECT = 16 / 9
_CLEARANCE = 0.02
# Captions begin here at the highest where they stand low.
_CAPTIONS_FROM = 0.62
# Hair above a face's box, in heights of it.
_HAIR = 0.45


@dataclass(frozen=True, slots=True)
class Moment:
    """A stretch of speech that a picture could be shown over.

    Attributes:
        span: source clock, inside one kept span.
        text: what is said in it.
        keywords: words of it that carry meaning.
    """

    span: Span
    text: str
    keywords: tuple[str, ...]


def find_moments(
    edit: Edit,
    words: Sequence[Word],
    content: Callable[[Sequence[str]], Sequence[str]],
    avoid: Sequence[Span] = (),
) -> tuple[Moment, ...]:
    """Every stretch from phrase border to phrase border that may carry a picture; they overlap.

    Args:
        edit: the clip; pictures keep to layouts that show one region of a person's size.
        words: of the transcript.
        content: the words of a text that carry meaning.
        avoid: source spans that stay free, e.g. where a face emotes.
    """
    found: list[Moment] = []
    clip = edit.time_map
    hook_ends = _hook_ends(edit, words)
    ending = max(clip.duration - _ENDING_SECONDS, hook_ends)
    for kept in edit.kept:
        inside = [word for word in words if kept.overlap(word.span) > 0.5 * word.span.duration]
        for first, last in _windows(inside):
            span = _around(inside, first, last, kept)
            at = clip.span_to_clip(span)
            if at is None or at.start < hook_ends or at.end > ending:
                continue
            if any(span.overlap(other) > 0 for other in avoid) or not _coverable(edit, span):
                continue
            said = inside[first:last]
            keywords = tuple(content([word.text for word in said]))
            if keywords:
                found.append(Moment(span, " ".join(word.text for word in said), keywords))
    return tuple(found)


def choose(
    edit: Edit, moments: Sequence[Moment], fit: FloatArray, least: float
) -> tuple[tuple[int, int], ...]:
    """(moment, picture) pairs in order of time: the best fits first, as long as there is room.

    Args:
        edit: the clip.
        moments: from ``find_moments``.
        fit: [moments, pictures] how near each picture is to what is said.
        least: of ``fit`` that a picture needs.
    """
    room = MOST_SHARE * edit.time_map.duration
    chosen: list[tuple[int, int]] = []
    used: set[int] = set()
    for flat in np.argsort(-fit, axis=None, kind="stable"):
        moment, picture = (int(i) for i in np.unravel_index(int(flat), fit.shape))
        if fit[moment, picture] < least:
            break
        span = moments[moment].span
        near = any(
            moments[other].span.pad(APART_SECONDS, APART_SECONDS).overlap(span) > 0
            for other, _ in chosen
        )
        if picture in used or near or span.duration > room:
            continue
        chosen.append((moment, picture))
        used.add(picture)
        room -= span.duration
    return tuple(sorted(chosen, key=lambda pair: moments[pair[0]].span.start))


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a picture goes: see ``Broll`` for the fields."""

    placement: Placement
    box: Box
    below: float = 0.25


def find_spot(wanted: Placement, canvas: Canvas, faces: Sequence[Box]) -> Spot:
    """A place of the wanted kind that leaves faces whole, or else the next one that does.

    An inset goes above the faces or under them; where neither has room, the canvas is split.
    A split moves the faces into the lower half; faces too tall for it are covered with the rest.

    Args:
        wanted: kind of place.
        canvas: what is filled.
        faces: on the canvas while the picture is shown, in shares of it.
    """
    top = min((face[1] for face in faces), default=1.0)
    bottom = max((face[3] for face in faces), default=0.0)
    if wanted is Placement.INSET:
        area = safe_area(canvas)
        width = 1.0 - 2.0 * _INSET_SIDES
        tall = width * canvas.width / _INSET_ASPECT / canvas.height
        for edge in (area.top, bottom + _CLEARANCE):
            clear = edge + tall <= top - _CLEARANCE or edge >= bottom + _CLEARANCE
            if clear and edge >= area.top and edge + tall <= _CAPTIONS_FROM:
                return Spot(wanted, (_INSET_SIDES, edge, 1.0 - _INSET_SIDES, edge + tall))
        return find_spot(Placement.SPLIT, canvas, faces)
    hair = _HAIR * (bottom - top)
    if wanted is Placement.SPLIT and (not faces or bottom - top + hair <= 0.5):
        below = min(max(top - hair, bottom - 0.5, 0.0), 0.5) if faces else 0.25
        return Spot(wanted, (0.0, 0.0, 1.0, 0.5), below)
    return Spot(Placement.FULL, (0.0, 0.0, 1.0, 1.0))


def _hook_ends(edit: Edit, words: Sequence[Word]) -> float:
    """Clip second at which the opening sentence is over."""
    clip = edit.time_map
    for word in words:
        at = clip.span_to_clip(word.span)
        if at is not None and word.text.rstrip("\"')”’").endswith((".", "?", "!", "…")):
            return min(max(at.end, _SHORTEST_HOOK_SECONDS), _LONGEST_HOOK_SECONDS)
    return _LONGEST_HOOK_SECONDS


def _windows(words: Sequence[Word]) -> list[tuple[int, int]]:
    """(first, last) word runs between phrase borders that last 2 to 5 seconds."""
    borders = [0]
    for i, (before, after) in enumerate(pairwise(words), start=1):
        pause = after.span.start - before.span.end
        if pause >= _BORDER_PAUSE or break_cost(before.text, after.text) <= _BORDER_COST:
            borders.append(i)
    borders.append(len(words))
    return [
        (a, b)
        for i, a in enumerate(borders)
        for b in borders[i + 1 :]
        if SHORTEST_SECONDS
        <= words[b - 1].span.end - words[a].span.start
        <= LONGEST_SECONDS - _LEAD
    ]


def _around(words: Sequence[Word], first: int, last: int, kept: Span) -> Span:
    """The words' span, begun a little before them where the pause allows it."""
    before = words[first - 1].span.end if first else kept.start
    start = max(words[first].span.start - _LEAD, before, kept.start)
    return Span(start, min(words[last - 1].span.end, kept.end))


def _coverable(edit: Edit, span: Span) -> bool:
    """Whether one layout of one cropped region holds all through; slides are never covered."""
    layout = next((x for x in edit.layouts if x.span.overlap(span) > 0), None)
    if layout is None or layout.kind is not LayoutKind.CROP:
        return False
    return layout.span.start <= span.start and layout.span.end >= span.end
