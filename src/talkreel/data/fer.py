"""FER2013 faces with the votes of FER+: pictures, labels, splits and duplicates.

FER2013 (Goodfellow et al. 2013) gives one of seven labels per face; FER+ (Barsoum et al. 2016)
asked ten people each. The pictures come as 1536x1536 mosaics of 32x32 faces, row by row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from talkreel.core.errors import InputError
from talkreel.data.manifest import open_dataset
from talkreel.features.faces import SIDE_PX

DATASET = "fer2013plus"
FOLDER = "emotion/fer2013_48_mosaics"
SPLITS = ("train", "valid", "test")
PLUS_LABELS = (
    "neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt",
)  # fmt: skip
FER_LABELS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
_PER_SIDE = 32
_KEYS = ("votes", "split", "fer_label", "fer_label_sure", "dup_of_train")


@dataclass(frozen=True, slots=True, eq=False)
class FerFaces:
    """Faces of one or all splits.

    Attributes:
        images: [N, 48, 48] uint8.
        votes: [N, 10] of the crowd: ``PLUS_LABELS``, then "unknown" and "no face".
        fer_label: [N] place in ``FER_LABELS``.
        sure: [N] whether that label was recovered beyond doubt.
        split: [N] place in ``SPLITS``.
        duplicate: [N] the same picture also occurs in the training split.
    """

    images: NDArray[np.uint8]
    votes: NDArray[np.uint8]
    fer_label: NDArray[np.int64]
    sure: NDArray[np.bool_]
    split: NDArray[np.uint8]
    duplicate: NDArray[np.bool_]

    def __post_init__(self) -> None:
        count = len(self.images)
        if any(len(getattr(self, name)) != count for name in self.__slots__):
            raise ValueError("faces and labels differ in number")

    def take(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> FerFaces:
        """Some of the faces."""
        return FerFaces(*(getattr(self, name)[rows] for name in self.__slots__))

    def of(self, split: str) -> FerFaces:
        """The faces of an official split.

        Raises:
            ValueError: an unknown split.
        """
        if split not in SPLITS:
            raise ValueError(f"unknown split {split!r}; known are {', '.join(SPLITS)}")
        return self.take(self.split == SPLITS.index(split))

    @property
    def targets(self) -> NDArray[np.float32]:
        """[N, 8] shares of the votes for each emotion; rows without any are zero.

        Single votes count as slips and are left out, as in Barsoum et al. 2016.
        """
        votes = _settled(self.votes)[:, : len(PLUS_LABELS)]
        total = votes.sum(axis=1, keepdims=True)
        return np.asarray(votes / np.maximum(total, 1), dtype=np.float32)

    @property
    def majority(self) -> NDArray[np.int64]:
        """[N] emotion with more than half the votes (single ones left out), -1 where none has.

        This is the "majority voting" set of Barsoum et al. 2016.
        """
        votes = _settled(self.votes)
        top = votes.argmax(axis=1)
        clear = (votes.max(axis=1) * 2 > votes.sum(axis=1)) & (top < len(PLUS_LABELS))
        return np.where(clear, top, -1).astype(np.int64)

    @property
    def plurality(self) -> NDArray[np.int64]:
        """[N] emotion with the most votes, -1 on a tie or where "unknown" has the most."""
        top = self.votes.argmax(axis=1)
        ordered = np.sort(self.votes, axis=1)
        clear = (ordered[:, -1] > ordered[:, -2]) & (top < len(PLUS_LABELS))
        return np.where(clear, top, -1).astype(np.int64)


def load_fer(root: Path | None = None, *, cache: Path | None = None) -> FerFaces:
    """All 35,710 faces; every file is checked against the manifest.

    Args:
        root: of the data; see ``open_dataset``.
        cache: folder for the decoded pictures; without one they are decoded each time (3 s).

    Raises:
        DataError: a file is missing or was changed.
        InputError: a mosaic or the labels do not have the layout described above.
    """
    dataset = open_dataset(DATASET, root)
    with np.load(dataset.path(f"{FOLDER}/labels.npz"), allow_pickle=False) as file:
        missing = [key for key in _KEYS if key not in file]
        if missing:
            raise InputError(f"the labels of {DATASET} lack {', '.join(missing)}: copy them again")
        labels = {key: file[key] for key in _KEYS}
    count = len(labels["votes"])
    stored = None if cache is None else cache / f"{DATASET}-{dataset.source.sha256[:16]}.npy"
    return FerFaces(
        images=_images(count, stored, lambda name: dataset.path(f"{FOLDER}/{name}")),
        votes=labels["votes"],
        fer_label=labels["fer_label"].astype(np.int64),
        sure=labels["fer_label_sure"],
        split=labels["split"],
        duplicate=labels["dup_of_train"],
    )


def read_mosaic(path: Path) -> NDArray[np.uint8]:
    """[1024, 48, 48] faces of a mosaic.

    Raises:
        InputError: not a picture, or one of another size.
    """
    import cv2

    mosaic = cv2.imdecode(np.fromfile(path, dtype=np.uint8), cv2.IMREAD_GRAYSCALE)
    side = _PER_SIDE * SIDE_PX
    if mosaic is None or mosaic.shape != (side, side):
        found = "no picture" if mosaic is None else f"{mosaic.shape[1]}x{mosaic.shape[0]}"
        raise InputError(
            f"{path.name} must be a {side}x{side} mosaic, found {found}: copy it again"
        )
    tiles = mosaic.reshape(_PER_SIDE, SIDE_PX, _PER_SIDE, SIDE_PX).swapaxes(1, 2)
    return np.asarray(tiles.reshape(-1, SIDE_PX, SIDE_PX), dtype=np.uint8)


def _images(count: int, stored: Path | None, path: Callable[[str], Path]) -> NDArray[np.uint8]:
    if stored is not None and stored.is_file():
        images = np.load(stored, allow_pickle=False)
        if images.shape == (count, SIDE_PX, SIDE_PX):
            return np.asarray(images, dtype=np.uint8)
    mosaics = range(-(-count // _PER_SIDE**2))
    images = np.concatenate([read_mosaic(path(f"faces_{i:02d}.webp")) for i in mosaics])[:count]
    if stored is not None:
        stored.parent.mkdir(parents=True, exist_ok=True)
        part = stored.with_suffix(".part.npy")
        np.save(part, images, allow_pickle=False)
        part.replace(stored)
    return images


def _settled(votes: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Votes without single ones."""
    return np.where(votes > 1, votes, 0).astype(np.int64)
