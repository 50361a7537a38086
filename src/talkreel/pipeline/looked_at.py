"""Pictures of a library by what they show, looked at once by a model of the user's own."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from talkreel.core.arrays import FloatArray
from talkreel.core.errors import MediaError
from talkreel.features.cached import cached_embeddings
from talkreel.media.frames import FrameReader
from talkreel.media.probe import probe
from talkreel.models.picture_text import PictureText
from talkreel.store.library import PICTURES, Listed

# A sentence fits a picture from this share against sentences that say nothing special on.
LEAST_FIT = 0.5
_WIDTH = 512


@lru_cache(maxsize=1)
def picture_model(folder: Path) -> PictureText:
    """The model in ``folder``, opened once.

    Raises:
        ModelMissing: the folder holds no such model.
    """
    return PictureText(folder)


def picture_fit(model: PictureText, texts: Sequence[str], listed: Sequence[Listed]) -> FloatArray:
    """[texts, files] 0..1; a file that cannot be opened fits nothing.

    Each file is looked at once, ever, as long as neither it nor the model changes.
    """
    # By size and time of change: hashing a library of videos for every clip would take minutes.
    stats = [item.path.stat() for item in listed]
    keys = [
        f"{stat.st_size}:{stat.st_mtime_ns} {item.path}"
        for stat, item in zip(stats, listed, strict=True)
    ]
    return model.fit(texts, cached_embeddings(keys, _Looker(model)).astype(np.float64))


class _Looker:
    """Embeds files by their keys."""

    def __init__(self, model: PictureText) -> None:
        self._model = model
        self.name, self.version = model.name, model.version

    def __call__(self, texts: Sequence[str]) -> FloatArray:
        seen = [_look(Path(key.partition(" ")[2])) for key in texts]
        images = [image for image in seen if image is not None]
        vectors = self._model.pictures(images or [np.zeros((8, 8, 3), np.uint8)])
        rows = np.zeros((len(seen), vectors.shape[1]))
        rows[[image is not None for image in seen]] = vectors[: len(images)]
        return rows


def _look(path: Path) -> NDArray[np.uint8] | None:
    """[H, W, 3] a picture, or the middle of a video."""
    from PIL import Image, UnidentifiedImageError

    try:
        if path.suffix.lower() in PICTURES:
            with Image.open(path) as image:
                image.thumbnail((_WIDTH, _WIDTH))
                return np.array(image.convert("RGB"))  # a copy that torch may write to
        media = probe(path)
        with FrameReader(media, width=_WIDTH) as reader:
            return reader.at([media.duration / 2])[0].image
    except (OSError, UnidentifiedImageError, MediaError, IndexError):
        return None
