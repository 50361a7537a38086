"""Results of stages on disk, found again by content.

A key is made of the media digest, the stage's name and version and its parameters, so a
killed run resumes at the stage it was in, and a changed option recomputes only what it touches.
Every entry is one file that appears by rename: whole or not at all, safe with several
processes.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from talkreel.core.errors import OutputError, SchemaError
from talkreel.core.jsonio import Arrays, decode, encode, write_bytes

T = TypeVar("T")

DEFAULT_LIMIT_GB = 20.0


def default_root() -> Path:
    """``$TALKREEL_CACHE``, else the user's cache folder."""
    folder = os.environ.get("TALKREEL_CACHE")
    if folder:
        return Path(folder)
    import platformdirs

    return Path(platformdirs.user_cache_dir("talkreel"))


@dataclass(frozen=True, slots=True)
class StageKey:
    """What a stage's result depends on.

    Attributes:
        media: digest of the source.
        stage: name of the stage.
        version: raised whenever the stage gives another result.
        parameters: everything else that matters, as JSON values or records.
    """

    media: str
    stage: str
    version: int
    parameters: Mapping[str, Any]

    def path(self, root: Path, suffix: str) -> Path:
        """Where the result lies under ``root``."""
        text = json.dumps(encode(dict(self.parameters)), sort_keys=True)
        digest = hashlib.sha256(f"{self.version}|{text}".encode()).hexdigest()[:20]
        return root / self.media[:24] / f"{self.stage}-{digest}{suffix}"


class StageCache:
    """Stage results under one folder.

    Args:
        root: made when the first result is written.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def record(self, key: StageKey, kind: type[T], produce: Callable[[], T]) -> T:
        """The stored record of ``key``, or what ``produce`` gives, stored for the next time.

        An entry that does not read (cut off, older shape) counts as absent. A fresh result is
        read back too, so that a resumed run works on exactly the same numbers.
        """
        found = self.peek(key, kind)
        if found is not None:
            return found
        data = _pack(produce())
        write_bytes(key.path(self.root, ".npz"), data)
        return _unpack(data, kind)

    def peek(self, key: StageKey, kind: type[T]) -> T | None:
        """The stored record of ``key``, or None."""
        path = key.path(self.root, ".npz")
        try:
            value = _unpack(path.read_bytes(), kind)
            os.utime(path)
        except (OSError, EOFError, SchemaError, ValueError, KeyError, zipfile.BadZipFile):
            return None
        return value

    def file(self, key: StageKey, suffix: str, produce: Callable[[Path], None]) -> Path:
        """The stored file of ``key``; ``produce`` writes it to the path it is given."""
        path = key.path(self.root, suffix)
        if path.exists():
            os.utime(path)
            return path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(dir=path.parent, prefix=".part-"))
        except OSError as error:
            raise OutputError(
                f"cannot write the cache in {self.root}: {error.strerror}; set TALKREEL_CACHE to "
                "a folder you can write to"
            ) from error
        try:
            produce(folder / path.name)
            os.replace(folder / path.name, path)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return path

    def prune(self, limit_bytes: float) -> int:
        """Delete the least recently used entries until at most ``limit_bytes`` stay.

        Leftovers of killed runs older than a day go first. Returns the bytes that were freed.
        """
        entries = []
        for path in self.root.glob("*/*"):
            try:
                status = path.stat()
            except OSError:
                continue
            size = status.st_size if path.is_file() else 0
            entries.append((status.st_mtime, size, path))
        total, freed = sum(size for _, size, _ in entries), 0
        newest = max((when for when, _, _ in entries), default=0.0)
        for when, size, path in sorted(entries):
            stale = path.name.startswith(".part-") and when < newest - 86400
            if total - freed <= limit_bytes and not stale:
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
            freed += size
        return freed

    @property
    def size_bytes(self) -> int:
        """Bytes on disk."""
        return sum(path.stat().st_size for path in self.root.glob("*/*") if path.is_file())


def limit_bytes() -> float:
    """The cache's size limit: ``$TALKREEL_CACHE_GB`` or 20 GB."""
    try:
        return float(os.environ.get("TALKREEL_CACHE_GB", DEFAULT_LIMIT_GB)) * 1e9
    except ValueError:
        return DEFAULT_LIMIT_GB * 1e9


def _pack(value: object) -> bytes:
    arrays: Arrays = {}
    text = json.dumps(encode(value, arrays), ensure_ascii=False)
    buffer = io.BytesIO()
    packed: dict[str, Any] = {"json": np.frombuffer(text.encode(), dtype=np.uint8), **arrays}
    np.savez(buffer, **packed)
    return buffer.getvalue()


def _unpack(data: bytes, kind: type[T]) -> T:
    with np.load(io.BytesIO(data), allow_pickle=False) as packed:
        arrays = {name: packed[name] for name in packed.files if name != "json"}
        value = json.loads(packed["json"].tobytes().decode())
    return decode(kind, value, arrays)
