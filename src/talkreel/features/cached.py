"""Sentence embeddings on disk, found again by content.

Each flush writes one pair of files, ``<digest>.keys.npy`` and ``<digest>.vectors.npy``, and nothing
is ever rewritten: a killed run keeps what it had, and several processes may share a folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from talkreel.core.arrays import FloatArray
from talkreel.core.errors import OutputError
from talkreel.core.stage import Progress, silent

_KEY = np.dtype("S32")
_FLUSH = 2048  # texts in one file: some ten seconds of work, the most a killed run loses
_BLOCK = 256  # texts given to the embedder at once, so that progress is seen

HalfArray = NDArray[np.float16]


class Embedder(Protocol):
    """What turns texts into vectors, e.g. ``talkreel.models.text.TextEmbedder``."""

    name: str
    version: int

    def __call__(self, texts: Sequence[str]) -> FloatArray:
        """[N, D] vectors of ``texts``."""
        ...


def features_folder() -> Path:
    """``$TALKREEL_CACHE/features``, else the same inside the user's cache folder."""
    folder = os.environ.get("TALKREEL_CACHE")
    if folder:
        return Path(folder) / "features"
    import platformdirs

    return Path(platformdirs.user_cache_dir("talkreel")) / "features"


def cached_embeddings(
    texts: Sequence[str],
    embedder: Embedder,
    *,
    folder: Path | None = None,
    progress: Progress = silent,
) -> HalfArray:
    """[N, D] vectors of ``texts``; each distinct text is embedded once, ever.

    Args:
        texts: in any order, repeats allowed.
        embedder: its name and version are part of the key.
        folder: of the cache; default ``features_folder()``.
        progress: told the share of the missing texts that is done.

    Returns:
        float16, rounded whether or not the vector was cached, so that both give the same result.

    Raises:
        TypeError: one string instead of a sequence of strings.
        OutputError: the cache cannot be written.
    """
    if isinstance(texts, str):
        raise TypeError("cached_embeddings takes a sequence of texts, got one string")
    home = (folder or features_folder()) / f"{embedder.name}-{embedder.version}"
    keys = np.array([_key(text) for text in texts], dtype=_KEY)
    distinct, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    found = _read(home, distinct)
    missing = [i for i, vector in enumerate(found) if vector is None]
    # Short texts first: little padding inside a block, and an estimate that errs on one side.
    missing.sort(key=lambda i: len(texts[int(first[i])]))
    for begin in range(0, len(missing), _FLUSH):
        part = missing[begin : begin + _FLUSH]
        vectors: list[HalfArray] = []
        for at in range(0, len(part), _BLOCK):
            block = part[at : at + _BLOCK]
            vectors += list(embedder([texts[int(first[i])] for i in block]).astype(np.float16))
            progress((begin + at + len(block)) / len(missing))
        _write(home, distinct[part], np.stack(vectors))
        for i, vector in zip(part, vectors, strict=True):
            found[i] = vector
    progress(1.0)
    if not len(texts):
        return np.asarray(embedder([]), dtype=np.float16)
    return np.stack([vector for vector in found if vector is not None])[inverse]


def _key(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8"), digest_size=16).hexdigest().encode("ascii")


def _read(home: Path, wanted: NDArray[np.bytes_]) -> list[HalfArray | None]:
    """The vectors of ``wanted`` (sorted, distinct); None where there is none yet."""
    found: list[HalfArray | None] = [None] * len(wanted)
    if not len(wanted):
        return found
    for file in sorted(home.glob("*.keys.npy")):
        try:
            keys = np.load(file, allow_pickle=False)
            vectors = np.load(_vectors_file(file), mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError):
            continue  # a damaged pair is computed again
        place = np.minimum(np.searchsorted(wanted, keys), len(wanted) - 1)
        rows = np.flatnonzero(wanted[place] == keys)
        rows = rows[rows < len(vectors)]
        for row, vector in zip(rows, np.asarray(vectors[rows]), strict=True):
            found[place[row]] = vector
    return found


def _vectors_file(keys_file: Path) -> Path:
    return keys_file.with_name(keys_file.name.replace(".keys.", ".vectors."))


def _write(home: Path, keys: NDArray[np.bytes_], vectors: HalfArray) -> None:
    """Both files by rename, vectors first: whoever sees the keys sees the vectors."""
    digest = hashlib.blake2b(keys.tobytes(), digest_size=12).hexdigest()
    target = home / f"{digest}.keys.npy"
    scratch = home / f".part-{uuid.uuid4().hex}.npy"
    try:
        home.mkdir(parents=True, exist_ok=True)
        for file, array in ((_vectors_file(target), vectors), (target, keys)):
            np.save(scratch, array, allow_pickle=False)
            scratch.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            scratch.unlink(missing_ok=True)
        raise OutputError(
            f"cannot write the feature cache {home}: {error.strerror}; "
            "set TALKREEL_CACHE to a folder with space"
        ) from error
