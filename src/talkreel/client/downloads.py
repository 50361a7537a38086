"""Files from the server: what breaks goes on where it was, also in another run."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from talkreel.client.errors import ApiError
from talkreel.client.requests import ATTEMPTS, problem, retry_after, wait_seconds
from talkreel.client.steps import Broken, Call, More, Reply, Sleep, Steps, Work

DownloadProgress = Callable[[int, int], None]

_WORTH_WAITING = frozenset({429, 502, 503, 504})
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)\Z")


def download(
    call: Call,
    target: Path,
    *,
    size: int | None = None,
    progress: DownloadProgress | None = None,
) -> Steps[Path]:
    """Fetch a file to ``target``; it appears there whole or not at all.

    Args:
        call: the request.
        target: the file to write; a part of it is kept beside it until it is whole.
        size: bytes that it must have, if known.
        progress: called with the bytes that are here and in all; what it raises ends the transfer.

    Raises:
        ApiError: there is no such file, or it cannot be had.
        OSError: the file cannot be written.
    """
    part = _Part(target)
    yield Work(part.open)
    failures = 0
    while True:
        before = part.size
        try:
            yield from _fetch(call, part, progress)
            break
        except Broken as error:
            failures = 1 if part.size > before else failures + 1
            if failures == ATTEMPTS:
                message = f"{target.name} cannot be fetched: {error}"
                raise ApiError("unreachable", message) from error
        yield Sleep(wait_seconds(failures))
    if size is not None and part.size != size:
        part.forget()
        raise ApiError(
            "download_damaged",
            f"{target.name} has {part.size} bytes instead of {size}: fetch it again",
        )
    yield Work(part.finish)
    return target


def _fetch(call: Call, part: _Part, progress: DownloadProgress | None) -> Steps[None]:
    """One request, from where the part ends; ``Broken`` when more of them are needed."""
    headers = dict(call.headers)
    if part.size and part.tag:
        headers |= {"Range": f"bytes={part.size}-", "If-Range": part.tag}
    reply: Reply = yield replace(call, headers=headers, streamed=True)
    total = yield from _begin(reply, part)
    while piece := (yield More()):
        yield Work(partial(part.add, piece))
        if progress:
            progress(part.size, total)
    if part.size < total:
        raise Broken(f"{part.size} of {total} bytes came")


def _begin(reply: Reply, part: _Part) -> Steps[int]:
    """Get ready for what comes; returns the bytes in all."""
    tag = reply.headers.get("etag", "")
    place = _RANGE.match(reply.headers.get("content-range", ""))
    if reply.status == 200:
        yield Work(lambda: part.restart(tag))
        length = reply.headers.get("content-length", "")
        return int(length) if length.isdecimal() else 0
    if reply.status == 206 and place and int(place[1]) == part.size and tag == part.tag:
        return int(place[2])
    if reply.status in (206, 416):
        yield Work(lambda: part.restart(""))
        raise Broken("the file has changed meanwhile")
    body = b""
    while piece := (yield More()):
        body += piece
    error = problem(Reply(reply.status, reply.headers, body))
    if reply.status not in _WORTH_WAITING:
        raise error
    yield Sleep(retry_after(reply))
    raise Broken(str(error))


class _Part:
    """A file that is not whole yet, and the tag of what it is a part of.

    Attributes:
        size: bytes that are here.
        tag: of the whole, as the server gives it; empty when it gives none.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self._path = target.with_name(f".part-{target.name}")
        self._note = target.with_name(f".part-{target.name}.tag")
        self.size = 0
        self.tag = ""

    def open(self) -> None:
        self._target.parent.mkdir(parents=True, exist_ok=True)
        if self._path.exists() and self._note.exists():
            self.size, self.tag = self._path.stat().st_size, self._note.read_text(encoding="utf-8")

    def restart(self, tag: str) -> None:
        self.size, self.tag = 0, tag
        self._path.write_bytes(b"")
        self._note.write_text(tag, encoding="utf-8")

    def add(self, data: bytes) -> None:
        with self._path.open("ab") as file:
            file.write(data)
        self.size += len(data)

    def finish(self) -> None:
        self._path.replace(self._target)
        self._note.unlink(missing_ok=True)

    def forget(self) -> None:
        self._path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)
