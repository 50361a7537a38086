"""The parts of tus 1.0: its headers, its checksums, and bytes on their way to the file."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Mapping
from email.utils import formatdate
from typing import Any

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from serving.api.problems import Problem
from serving.api.routing import STREAMED
from serving.storage.uploads import Writer

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,checksum,expiration,termination"
CHECKSUMS = {"sha256": hashlib.sha256, "sha1": hashlib.sha1}
_BLOCK = 1 << 20
# So much, or so long, is lost at most when the server dies in the middle of a request.
_COMMIT_BYTES, _COMMIT_SECONDS = 16 << 20, 5.0


async def receive(request: Request, writer: Writer, length: int, expected: Expected | None) -> None:
    """Write the body of a request; it counts up to where the connection broke, if it did.

    Raises:
        Problem: too many bytes, or others than their checksum says; then none of them count.
        ClientDisconnect: the connection broke.
    """
    intake = Intake(writer, length, expected)
    try:
        async for piece in request.stream():
            await intake.take(piece)
        await intake.end()
    except ClientDisconnect:
        await intake.give_up()
        raise
    except Problem:
        await run_in_threadpool(writer.undo)
        raise


class Expected:
    """The digest that a client sent."""

    def __init__(self, name: str, digest: bytes) -> None:
        self.running = CHECKSUMS[name]()
        self._digest = digest

    def fits(self) -> bool:
        """Whether the bytes so far have it."""
        return hmac.compare_digest(self.running.digest(), self._digest)


class Intake:
    """Bytes from the network to the file, a block at a time."""

    def __init__(self, writer: Writer, length: int, expected: Expected | None) -> None:
        self._writer = writer
        self._room = length - writer.offset
        self._expected = expected
        self._buffer = bytearray()
        self._uncommitted = 0
        self._committed_at = time.monotonic()

    async def take(self, piece: bytes) -> None:
        """Bytes from the network."""
        self._room -= len(piece)
        if self._room < 0:
            raise Problem(
                413, "upload_too_large", "more bytes than Upload-Length said: begin a new upload"
            )
        self._buffer += piece
        if len(self._buffer) >= _BLOCK:
            await run_in_threadpool(self._write)
        late = time.monotonic() - self._committed_at > _COMMIT_SECONDS
        if self._expected is None and (self._uncommitted >= _COMMIT_BYTES or late):
            await run_in_threadpool(self._commit)

    async def end(self) -> None:
        """All have come."""
        await run_in_threadpool(self._write)
        if self._expected is not None and not self._expected.fits():
            raise Problem(
                460,
                "checksum_mismatch",
                "the bytes do not have the checksum that was sent: they are thrown away, send "
                "them again",
            )
        await run_in_threadpool(self._commit)

    async def give_up(self) -> None:
        """Keep what came before the connection broke, if nothing stands against it."""
        if self._expected is None:
            await run_in_threadpool(self._commit)
        else:
            await run_in_threadpool(self._writer.undo)

    def _write(self) -> None:
        if self._expected is not None:
            self._expected.running.update(self._buffer)
        self._writer.write(bytes(self._buffer))
        self._uncommitted += len(self._buffer)
        self._buffer.clear()

    def _commit(self) -> None:
        self._write()
        self._writer.commit()
        self._uncommitted = 0
        self._committed_at = time.monotonic()


def expected_digest(request: Request) -> Expected | None:
    """What ``Upload-Checksum`` says."""
    header = request.headers.get("upload-checksum")
    if header is None:
        return None
    name, _, digest = header.strip().partition(" ")
    try:
        if name not in CHECKSUMS:
            raise ValueError(name)
        return Expected(name, base64.b64decode(digest, validate=True))
    except (ValueError, binascii.Error) as error:
        raise Problem(
            400,
            "bad_checksum",
            f"Upload-Checksum is one of {', '.join(CHECKSUMS)}, a blank and the digest in base64",
        ) from error


def file_name(metadata: str | None) -> str:
    """The name in ``Upload-Metadata``."""
    for pair in (metadata or "").split(","):
        key, _, value = pair.strip().partition(" ")
        if key == "filename":
            try:
                name = base64.b64decode(value, validate=True).decode("utf-8")
            except (ValueError, binascii.Error) as error:
                raise Problem(
                    400, "bad_metadata", "Upload-Metadata: filename is not UTF-8 in base64"
                ) from error
            # Kept to be shown; never part of a path.
            return "".join(c for c in name if c.isprintable())[:255] or "video"
    return "video"


def check_version(request: Request) -> None:
    """Refuse other versions of tus (412)."""
    if request.headers.get("tus-resumable") != VERSION:
        raise Problem(
            412,
            "tus_version",
            f"send Tus-Resumable: {VERSION}",
            headers={"Tus-Version": VERSION},
        )


def is_stream(request: Request) -> bool:
    """Whether the body is bytes of a file."""
    return request.headers.get("content-type", "").split(";")[0].strip().lower() == STREAMED


def headers_of(row: Mapping[str, Any]) -> dict[str, str]:
    """What every answer about an upload says."""
    return {
        "Tus-Resumable": VERSION,
        "Upload-Offset": str(row["received"]),
        "Upload-Expires": formatdate(row["expires_at"], usegmt=True),
    }
