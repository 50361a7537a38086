"""At which height captions stand: off the faces, and still."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from talkreel.core.edits import Box
from talkreel.core.spans import Span

# Order of taste, far below what covering a face costs.
_TASTE = 0.02
# Moving the text costs as much as covering this share of a face; at a change of the picture
# it is hardly noticed.
_MOVE = 5.0
_MOVE_AT_CHANGE = 0.08
# A change this near to a cue's start belongs to it, seconds.
_NEAR_CHANGE = 0.5


@dataclass(frozen=True, slots=True)
class CueBlock:
    """A cue as a block of text: when, how many lines, how wide (share of the canvas)."""

    span: Span
    lines: int
    width: float


def choose_bands(
    blocks: Sequence[CueBlock],
    bands: Sequence[float],
    line_height: float,
    faces_at: Callable[[float], Sequence[Box]] | None,
    changes: Sequence[float],
) -> list[float]:
    """The upper edge for each block: least face covered, moved only when the picture changes.

    Args:
        blocks: in order of time.
        bands: allowed upper edges, the preferred one first.
        line_height: share of the canvas height.
        faces_at: visible faces on the canvas at a source second; None when not known.
        changes: source seconds at which the picture changes.
    """
    if not blocks:
        return []
    best: list[list[tuple[float, int]]] = []
    for i, block in enumerate(blocks):
        free = i > 0 and _changes_between(blocks[i - 1].span, block.span, changes)
        move = _MOVE_AT_CHANGE if free else _MOVE
        row = []
        for j, top in enumerate(bands):
            cost = _covered(block, top, line_height, faces_at) + _TASTE * j
            before = (
                min((best[-1][k][0] + (move if k != j else 0.0), k) for k in range(len(bands)))
                if best
                else (0.0, j)
            )
            row.append((cost + before[0], before[1]))
        best.append(row)
    index = min(range(len(bands)), key=lambda j: best[-1][j][0])
    chosen = []
    for row in reversed(best):
        chosen.append(bands[index])
        index = row[index][1]
    return chosen[::-1]


def _changes_between(before: Span, after: Span, changes: Sequence[float]) -> bool:
    return any(before.start < c <= after.start + _NEAR_CHANGE for c in changes)


def _covered(
    block: CueBlock,
    top: float,
    line_height: float,
    faces_at: Callable[[float], Sequence[Box]] | None,
) -> float:
    """Mean share of the most covered face while the block shows."""
    if faces_at is None:
        return 0.0
    text = (
        0.5 - block.width / 2,
        top,
        0.5 + block.width / 2,
        top + block.lines * line_height,
    )
    times = [block.span.start, block.span.middle, block.span.end]
    worst = [max([_overlap(face, text) for face in faces_at(t)], default=0.0) for t in times]
    return sum(worst) / len(worst)


def _overlap(face: Box, text: Box) -> float:
    """Share of the face under the text, or half the share of the text over the face.

    The latter counts for faces so large that no text can cover much of them.
    """
    across = max(0.0, min(face[2], text[2]) - max(face[0], text[0]))
    down = max(0.0, min(face[3], text[3]) - max(face[1], text[1]))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (face, text)]
    if min(areas) <= 0:
        return 0.0
    return across * down * max(1.0 / areas[0], 0.5 / areas[1])
