"""Sitcom episodes with the seconds at which the audience laughs (research only)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from talkreel.core.arrays import FloatArray
from talkreel.data.talks import LAUGHTER, LabelledTalk, read_rows, unknown_labels

# Nobody laughs at a line in its first second; later laughs are at what is seen, not said.
_HEARD_SECONDS, _LATE_SECONDS = 1.0, 3.0


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


@dataclass(frozen=True, eq=False)
class Lines:
    """What else is known of the lines of an episode, for research.

    Attributes:
        talk: texts and labels, as ``read_sitcoms`` gives them.
        speakers: [N] as the subtitles name them; often wrong.
        spans: [N, 2] seconds of start and end.
        laughs: [M] seconds at which a laugh begins.
    """

    talk: LabelledTalk
    speakers: tuple[str, ...]
    spans: FloatArray
    laughs: FloatArray


def read_lines(path: Path) -> list[Lines]:
    """Episodes with speakers and times; what they give away is for the caller to leave out.

    Raises:
        InputError: the file is missing or damaged.
    """
    return read_rows(path, _lines)


def laughed_at(spans: FloatArray, laughs: FloatArray) -> FloatArray:
    """[N] 1 for the line at which the audience laughs, else 0.

    Args:
        spans: [N, 2] seconds of start and end, ascending.
        laughs: [M] seconds at which the audience laughs.
    """
    found = np.zeros(len(spans), dtype=np.float32)
    if not len(spans):
        return found
    line = np.searchsorted(spans[:, 0], laughs - _HEARD_SECONDS, side="right") - 1
    near = (line >= 0) & (laughs - spans[np.maximum(line, 0), 1] <= _LATE_SECONDS)
    found[line[near]] = 1
    return found


def _episode(row: dict[str, Any]) -> LabelledTalk:
    return _lines(row).talk


def _lines(row: dict[str, Any]) -> Lines:
    lines = sorted(row["lines"], key=lambda line: (line[1], line[2]))
    spans = np.array([(line[1], line[2]) for line in lines], dtype=np.float64).reshape(-1, 2)
    laughs = np.array(row["laughs"], dtype=np.float64)
    labels = unknown_labels(len(lines))
    labels[:, LAUGHTER] = laughed_at(spans, laughs)
    texts = tuple(str(line[3]) for line in lines)
    talk = LabelledTalk(f"{row['show']}/{row['episode']}", texts, labels)
    return Lines(talk, tuple(str(line[0]) for line in lines), spans, laughs)
