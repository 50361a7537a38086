"""What every reader of talks returns: units of text, in order, and what is known about each."""

from __future__ import annotations

import json
import lzma
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from talkreel.core.arrays import FloatArray, check_shape
from talkreel.core.errors import InputError
from talkreel.core.signals import Signal

T = TypeVar("T")

LABELS = ("applause", "laughter", "importance")
APPLAUSE, LAUGHTER, IMPORTANCE = range(3)
CLOSING_SHARE = 0.05  # of a talk: applause at its end says nothing about its content


@dataclass(frozen=True, eq=False)
class LabelledTalk:
    """A talk, lecture or episode with what an audience or an editor made of it.

    Attributes:
        id: unique in its data set; splits are made by it.
        texts: [N] units in order, sentences or subtitle lines.
        labels: [N, 3] in the order of ``LABELS``, each 0..1; NaN where it is not known.
        times: [N, 2] seconds of start and end, or None where the data have none.
        segments: [N] number of the slide each unit belongs to; zeros without slides.
        signals: curves of the sound by name; empty where there is none.
        visual: [N, V] picture embeddings, or None.
        mel: [N, MEL_SIZE] log-mel energies of ``sentence_mel``, or None.
    """

    id: str
    texts: tuple[str, ...]
    labels: FloatArray
    times: FloatArray | None = None
    segments: FloatArray | None = None
    signals: Mapping[str, Signal] = field(default_factory=dict)
    visual: FloatArray | None = None
    mel: NDArray[np.float16] | None = None

    def __post_init__(self) -> None:
        check_shape("labels", self.labels, (len(self.texts), len(LABELS)))
        if self.times is not None:
            check_shape("times", self.times, (len(self.texts), 2))

    @property
    def reaction(self) -> FloatArray:
        """[N] 1 where the room laughed or clapped; NaN where neither is known."""
        known = self.labels[:, :IMPORTANCE]
        return np.where(np.isnan(known).all(axis=1), np.nan, np.nan_to_num(known).max(axis=1))


def unknown_labels(count: int) -> FloatArray:
    """[count, 3] NaN."""
    return np.full((count, len(LABELS)), np.nan, dtype=np.float32)


def read_rows(path: Path, build: Callable[[dict[str, Any]], T]) -> list[T]:
    """What ``build`` makes of every row of a ``.jsonl.xz`` file.

    Raises:
        InputError: the file is missing, cut short, or holds a row of another shape.
    """
    try:
        with lzma.open(path, "rt", encoding="utf-8") as file:
            return [build(json.loads(line)) for line in file]
    except OSError as error:
        raise InputError(
            f"cannot read {path}: {error.strerror or error}; set TALKREEL_DATA to the data folder"
        ) from error
    except (lzma.LZMAError, EOFError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{path} is damaged ({error}): get it again") from error
    except (KeyError, TypeError) as error:
        raise InputError(f"{path} holds a row of another shape: {error!r}") from error
