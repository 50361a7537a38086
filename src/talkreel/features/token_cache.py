"""Token states on disk, a block of texts at a time, found again by content."""

from __future__ import annotations

import contextlib
import hashlib
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from talkreel.core.errors import OutputError
from talkreel.core.stage import Progress, silent
from talkreel.features.cached import features_folder

_BLOCK = 1024  # texts in one pair of files: the most that a killed run computes again

HalfArray = NDArray[np.float16]


class TokenSource(Protocol):
    """What turns texts into token states, e.g. ``talkreel.models.text.TokenEmbedder``."""

    name: str
    version: int

    def tokens(self, texts: Sequence[str]) -> list[NDArray[np.float32]]:
        """[T, D] of each text."""
        ...


def cached_tokens(
    texts: Sequence[str],
    source: TokenSource,
    *,
    folder: Path | None = None,
    progress: Progress = silent,
) -> list[HalfArray]:
    """[T, D] float16 states of each text, read from disk when they are asked for.

    Args:
        texts: in a fixed order: a block is found again when all its texts are the same.
        source: its name and version are part of the key.
        folder: of the cache; default ``features_folder()``.
        progress: told the share that is done.

    Raises:
        OutputError: the cache cannot be written.
    """
    home = (folder or features_folder()) / f"{source.name}-{source.version}"
    found: list[HalfArray] = []
    for begin in range(0, len(texts), _BLOCK):
        block = texts[begin : begin + _BLOCK]
        digest = block_digest(block)
        states = _read(home, digest)
        if states is None:
            _write(home, digest, source.tokens(block))
            states = _read(home, digest)
            assert states is not None
        found += states
        progress((begin + len(block)) / len(texts))
    return found


def block_digest(texts: Sequence[str]) -> str:
    """Key of a block: what its texts are, in order."""
    whole = hashlib.blake2b(digest_size=16)
    for text in texts:
        whole.update(text.encode("utf-8") + b"\0")
    return whole.hexdigest()


def _read(home: Path, digest: str) -> list[HalfArray] | None:
    try:
        ends = np.load(home / f"{digest}.ends.npy", allow_pickle=False)
        states = np.load(home / f"{digest}.states.npy", mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None  # missing or damaged: computed again
    return np.split(states, ends[:-1]) if len(states) == ends[-1] else None


def _write(home: Path, digest: str, rows: Sequence[NDArray[np.float32]]) -> None:
    """Both files by rename."""
    ends = np.cumsum([len(row) for row in rows])
    scratch = home / f".part-{uuid.uuid4().hex}.npy"
    try:
        home.mkdir(parents=True, exist_ok=True)
        states = np.concatenate(rows).astype(np.float16)
        for name, array in (("states", states), ("ends", ends)):
            np.save(scratch, array, allow_pickle=False)
            scratch.replace(home / f"{digest}.{name}.npy")
    except OSError as error:
        with contextlib.suppress(OSError):
            scratch.unlink(missing_ok=True)
        raise OutputError(
            f"cannot write the feature cache {home}: {error.strerror}; "
            "set TALKREEL_CACHE to a folder with space"
        ) from error
