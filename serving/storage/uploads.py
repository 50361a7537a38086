"""Uploads in pieces: what was acknowledged is on disk, and nothing else counts."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import delete, insert, select, update

from serving.services import Services
from serving.storage import database as db
from serving.storage.garbage import is_source
from serving.storage.objects import sync_folder

_SUFFIX = re.compile(r"\.[a-z0-9]{1,5}\Z")


class Incomplete(Exception):
    """Not all bytes are there yet."""


class TooLarge(Exception):
    """More was sent than an upload may have."""


class InUse(Exception):
    """Another request writes to the same upload, or a project is made of it."""


class UploadStore:
    """Uploads of all tenants.

    Bytes go to ``<data>/uploads/<id>``; when all are there the file becomes an object. The
    database says how many bytes count: it is written after they are on disk (fsync), so what a
    crash leaves beyond them is cut off.

    Args:
        services: database, objects and settings.
    """

    def __init__(self, services: Services) -> None:
        self._database = services.database
        self._objects = services.objects
        self._seconds = services.settings.upload_hours * 3600.0
        self._most = services.settings.max_upload_bytes
        self._folder = services.settings.data / "uploads"

    def create(
        self, tenant_id: str, upload_id: str, name: str, length: int, state: str = "open"
    ) -> Mapping[str, Any]:
        """Add an upload, or find the one of that id.

        Args:
            tenant_id: whose.
            upload_id: from ``new_id("upl")``.
            name: of the file at the client's.
            length: bytes in all; 0 when not known yet (presigned).
            state: ``open``, or ``presigned`` when the bytes go straight to the object store.
        """
        now = time.time()
        with self._database.write() as connection:
            row = connection.execute(select(db.uploads).where(db.uploads.c.id == upload_id))
            known = row.mappings().one_or_none()
            if known is not None:
                return dict(known)
            key = f"tenants/{tenant_id}/sources/{upload_id}/source{_suffix(name)}"
            connection.execute(
                insert(db.uploads).values(
                    id=upload_id,
                    tenant_id=tenant_id,
                    name=name,
                    length=length,
                    received=0,
                    state=state,
                    object_key=key,
                    created_at=now,
                    expires_at=now + self._seconds,
                )
            )
        return self.find(tenant_id, upload_id)

    def find(self, tenant_id: str, upload_id: str) -> Mapping[str, Any]:
        """The row of an upload.

        Raises:
            KeyError: this tenant has no such upload, or it has expired.
        """
        uploads = db.uploads
        with self._database.read() as connection:
            row = (
                connection.execute(
                    select(uploads).where(
                        uploads.c.id == upload_id, uploads.c.tenant_id == tenant_id
                    )
                )
                .mappings()
                .one_or_none()
            )
        if row is None or (row["state"] != "done" and row["expires_at"] <= time.time()):
            raise KeyError(upload_id)
        return dict(row)

    @contextmanager
    def writing(self, row: Mapping[str, Any]) -> Iterator[Writer]:
        """The upload's file, held against other writers.

        Raises:
            InUse: somebody else writes.
            KeyError: it is no longer open.
        """
        with self._locked(row["id"]):
            now = self.find(row["tenant_id"], row["id"])
            if now["state"] != "open":
                raise KeyError(row["id"])
            with self.path(row["id"]).open("ab") as file:
                yield Writer(self, row["id"], now["received"], file)

    def record(self, upload_id: str, received: int) -> None:
        """Let the first ``received`` bytes count."""
        with self._database.write() as connection:
            connection.execute(
                update(db.uploads)
                .where(db.uploads.c.id == upload_id, db.uploads.c.state == "open")
                .values(received=received)
            )

    def finish(self, tenant_id: str, upload_id: str) -> Mapping[str, Any]:
        """Make an object of a whole upload; the row afterwards. Doing it again changes nothing.

        Raises:
            KeyError: no such upload.
            Incomplete: bytes are missing.
            TooLarge: more bytes than allowed were sent to a presigned address.
        """
        row = self.find(tenant_id, upload_id)
        if row["state"] == "done":
            return row
        if row["state"] == "presigned":
            return self._finish_presigned(row)
        if row["received"] < row["length"]:
            raise Incomplete(
                f"{row['received']} of {row['length']} bytes are here: send the rest first"
            )
        with self._locked(upload_id):
            row = self.find(tenant_id, upload_id)
            if row["state"] == "open":
                self._close(upload_id, row["length"], self._into_store(row))
                self._lock(upload_id).unlink(missing_ok=True)
        return self.find(tenant_id, upload_id)

    def _into_store(self, row: Mapping[str, Any]) -> str:
        """Make the file an object; returns its sha256."""
        path, key = self.path(row["id"]), row["object_key"]
        if path.exists():
            digest = _sha256(path)
            self._objects.adopt(key, path)
            return digest
        # It was an object already when a crash came in between.
        running = hashlib.sha256()
        for piece in self._objects.read(key):
            running.update(piece)
        return running.hexdigest()

    def remove(self, row: Mapping[str, Any]) -> None:
        """Forget an upload and its bytes.

        Raises:
            InUse: a project is made of it.
        """
        with self._database.write() as connection:
            if is_source(connection, row["tenant_id"], row["object_key"]):
                raise InUse(row["id"])
            connection.execute(delete(db.uploads).where(db.uploads.c.id == row["id"]))
        self.path(row["id"]).unlink(missing_ok=True)
        self._lock(row["id"]).unlink(missing_ok=True)
        self._objects.delete(row["object_key"])

    def path(self, upload_id: str) -> Path:
        """Where the bytes of an open upload are."""
        return self._folder / upload_id

    def _finish_presigned(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            size = self._objects.size(row["object_key"])
        except FileNotFoundError as error:
            raise Incomplete("nothing was sent to the presigned address yet") from error
        if size > self._most:
            # The address took as much as was sent; what may not stay is removed.
            self._objects.delete(row["object_key"])
            raise TooLarge(f"{size} bytes were sent, and an upload has at most {self._most}")
        # Nobody read the bytes on their way; the job does, and takes the digest then.
        self._close(row["id"], size, None)
        return self.find(row["tenant_id"], row["id"])

    def _close(self, upload_id: str, length: int, digest: str | None) -> None:
        with self._database.write() as connection:
            connection.execute(
                update(db.uploads)
                .where(db.uploads.c.id == upload_id)
                .values(state="done", length=length, received=length, sha256=digest)
            )

    @contextmanager
    def _locked(self, upload_id: str) -> Iterator[None]:
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._lock(upload_id).open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise InUse(upload_id) from error
            yield

    def _lock(self, upload_id: str) -> Path:
        return self._folder / f"{upload_id}.lock"


class Writer:
    """The open file of one upload."""

    def __init__(self, store: UploadStore, upload_id: str, offset: int, file: BinaryIO) -> None:
        self._store = store
        self._id = upload_id
        self._file = file
        self._pending = 0
        self.offset = offset
        # What a crash left beyond the bytes that count.
        file.truncate(offset)

    def write(self, data: bytes) -> None:
        """Add bytes; they do not count yet."""
        self._file.write(data)
        self._pending += len(data)

    def commit(self) -> int:
        """Let everything written so far count; returns the new offset."""
        self._file.flush()
        os.fsync(self._file.fileno())
        if self.offset == 0:
            # The file is new: its name must be on disk too.
            sync_folder(Path(self._file.name).parent)
        self.offset += self._pending
        self._pending = 0
        self._store.record(self._id, self.offset)
        return self.offset

    def undo(self) -> None:
        """Forget what was written since the last commit."""
        self._file.flush()
        self._file.truncate(self.offset)
        self._pending = 0


def _sha256(path: Path) -> str:
    with path.open("rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _suffix(name: str) -> str:
    found = _SUFFIX.search(name.lower())
    return found[0] if found else ".bin"
