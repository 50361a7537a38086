"""Files to the server by tus 1.0, each piece with its checksum; what breaks goes on."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from talkreel.client.errors import ApiError
from talkreel.client.records import Upload
from talkreel.client.requests import (
    address,
    checked,
    json_of,
    post,
    problem,
    retry_after,
    wait_seconds,
)
from talkreel.client.steps import Broken, Call, Reply, Sleep, Steps, Work

PIECE_BYTES = 8 << 20
# A piece counts whole or, its checksum being over all of it, not at all: where connections break
# early only small ones get through.
_LEAST_BYTES = 64 << 10
_ATTEMPTS = 12
_TUS = {"Tus-Resumable": "1.0.0"}
# The offset is another than we think, somebody else writes, or the bytes came damaged: look again.
_LOOK_AGAIN = frozenset({409, 423, 429, 460, 500, 502, 503, 504})

UploadProgress = Callable[[int, int], None]


def upload(
    path: Path,
    *,
    name: str | None = None,
    upload_id: str | None = None,
    progress: UploadProgress | None = None,
    begun: Callable[[str], None] | None = None,
) -> Steps[Upload]:
    """Send a file.

    Args:
        path: the file.
        name: what the server calls it; the file's own name when not given.
        upload_id: an upload that was begun with the same file, to go on with.
        progress: called with the bytes that are there and in all; what it raises ends the upload.
        begun: called with the upload's id once it has one.

    Raises:
        ApiError: the server refuses it, cannot be reached, or got other bytes than were sent.
        OSError: the file cannot be read.
    """
    length: int = yield Work(lambda: path.stat().st_size)
    sent = None
    if upload_id is not None:
        sent = yield from _offset(upload_id)
    if upload_id is None or sent is None:
        upload_id, sent = (yield from _begin(name or path.name, length)), 0
    if begun:
        begun(upload_id)
    failures, size = 0, PIECE_BYTES
    while sent < length:
        if progress:
            progress(sent, length)
        piece: bytes = yield Work(partial(_read, path, sent, size))
        if not piece:
            raise ApiError("file_changed", f"{path} has become shorter while it was sent")
        got, wait = yield from _send(upload_id, sent, piece)
        if got is None:
            failures, size = failures + 1, max(_LEAST_BYTES, size // 2)
            if failures == _ATTEMPTS:
                raise ApiError("unreachable", f"{path.name} cannot be sent: the connection breaks")
            yield Sleep(max(wait_seconds(failures), wait))
            got = (yield from _offset(upload_id)) or 0
        else:
            failures, size = 0, min(PIECE_BYTES, size * 2)
        sent = got
    if progress:
        progress(length, length)
    yield from _check_digest(upload_id, path)
    return Upload(upload_id, length, length)


def _begin(name: str, length: int) -> Steps[str]:
    encoded = base64.b64encode(name.encode()).decode()
    call = post("/v1/uploads")
    headers = {
        **call.headers,
        **_TUS,
        "Upload-Length": str(length),
        "Upload-Metadata": f"filename {encoded}",
    }
    reply = yield from checked(Call("POST", call.path, headers=headers))
    return reply.headers.get("location", "").rstrip("/").rpartition("/")[2]


def _offset(upload_id: str) -> Steps[int | None]:
    """Bytes that are there; None when the upload is gone."""
    try:
        reply = yield from checked(Call("HEAD", address("uploads", upload_id), headers=_TUS))
    except ApiError as error:
        if error.status in (404, 410):
            return None
        raise
    return int(reply.headers.get("upload-offset", "0"))


def _send(upload_id: str, offset: int, piece: bytes) -> Steps[tuple[int | None, float]]:
    """Send a piece; returns the new offset (None: ask for it) and how long to wait first."""
    digest = base64.b64encode(hashlib.sha256(piece).digest()).decode()
    headers = {
        **_TUS,
        "Content-Type": "application/offset+octet-stream",
        "Upload-Offset": str(offset),
        "Upload-Checksum": f"sha256 {digest}",
    }
    path = address("uploads", upload_id)
    try:
        reply: Reply = yield Call("PATCH", path, headers=headers, content=piece)
    except Broken:
        return None, 0.0
    if reply.status < 300:
        return int(reply.headers.get("upload-offset", offset + len(piece))), 0.0
    if reply.status in _LOOK_AGAIN:
        return None, retry_after(reply)
    raise problem(reply)


def _check_digest(upload_id: str, path: Path) -> Steps[None]:
    reply = yield from checked(Call("GET", address("uploads", upload_id)))
    there: Any = json_of(reply).get("sha256")
    here: str = yield Work(lambda: _sha256(path))
    if there is not None and there != here:
        raise ApiError(
            "upload_damaged",
            f"the server has other bytes than {path}: it has changed; send it again",
        )


def _read(path: Path, offset: int, size: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(size)


def _sha256(path: Path) -> str:
    with path.open("rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
