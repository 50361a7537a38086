"""Objects by key: files on disk, or S3, Google Cloud Storage and Azure through one client."""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import obstore
from obstore.store import LocalStore, from_url
from obstore.store import ObjectStore as Store

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What is known of an object without reading it.

    Attributes:
        size: bytes.
        etag: another one for other bytes; without quotes.
    """

    size: int
    etag: str


class ObjectStore:
    """Objects under one URL.

    Keys are ours alone (``tenants/<id>/…``): no part of one comes from a client.

    Args:
        url: ``file:///folder``, ``s3://bucket/prefix``, ``gs://…`` or ``az://…``; credentials come
            from the environment, as each cloud's tools read them.
    """

    def __init__(self, url: str, **options: Any) -> None:
        parts = urlsplit(url)
        self._folder: Path | None = None
        if parts.scheme == "file":
            self._folder = Path(parts.path)
            self._store: Store = LocalStore(prefix=self._folder, mkdir=True)
        else:
            self._store = from_url(url, **options)

    def put(self, key: str, source: Path) -> int:
        """Store a file; returns its size in bytes. An object appears whole or not at all."""
        with source.open("rb") as file:
            obstore.put(self._store, key, file)
        if self._folder is not None:
            _clear_parts(self._folder / key)
        return source.stat().st_size

    def adopt(self, key: str, source: Path) -> None:
        """Store a file and take it away: on the same disk it is only renamed."""
        if self._folder is not None:
            target = self._folder / key
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.replace(source, target)
                sync_folder(target.parent)
                return
            except OSError:
                # Another disk: copied below.
                pass
        self.put(key, source)
        source.unlink(missing_ok=True)

    def info(self, key: str) -> ObjectInfo:
        """Size and tag of an object.

        Raises:
            FileNotFoundError: there is none.
        """
        meta = obstore.head(self._store, key)
        tag = f"{meta['e_tag']}/{meta['size']}/{meta['last_modified'].isoformat()}"
        return ObjectInfo(int(meta["size"]), hashlib.sha256(tag.encode()).hexdigest()[:32])

    def size(self, key: str) -> int:
        """Bytes of an object.

        Raises:
            FileNotFoundError: there is none.
        """
        return self.info(key).size

    @property
    def can_sign(self) -> bool:
        """Whether clients can send to the store themselves."""
        return self._folder is None

    def sign_put(self, key: str, seconds: float) -> str:
        """A URL that takes the object's bytes by PUT for a while; ``can_sign`` must hold."""
        store: Any = self._store
        return str(obstore.sign(store, "PUT", key, timedelta(seconds=seconds)))

    def is_reachable(self) -> bool:
        """Whether the store answers."""
        if self._folder is not None:
            return self._folder.is_dir() and os.access(self._folder, os.W_OK)
        try:
            next(iter(obstore.list(self._store, "health/")), None)
        except (OSError, obstore.exceptions.BaseError):
            return False
        return True

    def read(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Bytes ``start`` to ``end`` (half-open) of an object, in pieces."""
        stop = self.size(key) if end is None else end
        while start < stop:
            piece = obstore.get_range(self._store, key, start=start, end=min(stop, start + _CHUNK))
            yield bytes(piece)
            start += _CHUNK

    def fetch(self, key: str, target: Path, progress: Callable[[int], None] | None = None) -> Path:
        """A file with the object's bytes: the object itself where it is one, else ``target``.

        ``progress`` is called with the bytes so far; what it raises ends the transfer.
        """
        if self._folder is not None:
            return self._folder / key
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".part-{target.name}")
        with part.open("wb") as file:
            for piece in self.read(key):
                file.write(piece)
                if progress:
                    progress(file.tell())
        part.replace(target)
        return target

    def delete(self, key: str) -> None:
        """Remove an object; nothing happens when there is none."""
        try:
            obstore.delete(self._store, key)
        except FileNotFoundError:
            return

    def delete_under(self, prefix: str) -> None:
        """Remove every object whose key starts with ``prefix`` (ends with ``/``)."""
        for batch in obstore.list(self._store, prefix):
            obstore.delete(self._store, [item["path"] for item in batch])

    def bytes_under(self, prefix: str) -> int:
        """Bytes of every object whose key starts with ``prefix`` (ends with ``/``)."""
        return sum(item["size"] for batch in obstore.list(self._store, prefix) for item in batch)


def _clear_parts(path: Path) -> None:
    """Remove what writers of the same object left when they were killed.

    The store writes to ``<name>#<number>`` and renames that; it never lists or removes such files.
    """
    for part in path.parent.glob(f"{glob.escape(path.name)}#*"):
        part.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
