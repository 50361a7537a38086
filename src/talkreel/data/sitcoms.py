"""Sitcom episodes with the seconds at which the audience laughs (research only)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from talkreel.core.arrays import FloatArray
from talkreel.data.talks import LAUGHTER, LabelledTalk, read_rows, unknown_labels

# A room begins to laugh while the line still stands on the screen; later laughs are at what is
# seen, not said.
_EARLY_SECONDS, _LATE_SECONDS = 0.8, 3.0


def read_sitcoms(path: Path) -> list[LabelledTalk]:
    """Episodes by subtitle line; a line is positive where a laugh follows it.

    No times are given away: actors wait for a laugh to end, so the gap before a line tells of the
    previous laugh and the gap after it is the label itself.

    Args:
        path: of ``sitcom_laughs.jsonl.xz``.

    Raises:
        InputError: the file is missing or damaged.
    """
    return read_rows(path, _episode)


def laughed_at(ends: FloatArray, laughs: FloatArray) -> FloatArray:
    """[N] 1 for the line after which each laugh comes, else 0.

    Args:
        ends: [N] seconds, ascending.
        laughs: [M] seconds at which the audience laughs.
    """
    found = np.zeros(len(ends), dtype=np.float32)
    if not len(ends):
        return found
    line = np.searchsorted(ends, laughs + _EARLY_SECONDS, side="right") - 1
    near = (line >= 0) & (laughs - ends[np.maximum(line, 0)] <= _LATE_SECONDS)
    found[line[near]] = 1
    return found


def _episode(row: dict[str, Any]) -> LabelledTalk:
    lines = sorted(row["lines"], key=lambda line: (line[2], line[1]))
    labels = unknown_labels(len(lines))
    ends = np.array([line[2] for line in lines], dtype=np.float64)
    labels[:, LAUGHTER] = laughed_at(ends, np.array(row["laughs"], dtype=np.float64))
    texts = tuple(str(line[3]) for line in lines)
    return LabelledTalk(f"{row['show']}/{row['episode']}", texts, labels)
