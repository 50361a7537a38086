"""Imports by URL and webhooks: transfers to and from addresses that clients name.

Every connection goes through ``serving.net.guard``, and so does every redirect.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import NoReturn

import httpcore
import httpx

from serving.net.guard import BlockedUrl, GuardedBackend, GuardedTransport, TransferError, check_url

__all__ = ["BlockedUrl", "Downloaded", "Response", "TransferError", "check_url", "download", "post"]

MAX_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# A server silent for this long is gone.
_IDLE_SECONDS = 30.0
# Slower than this over such a window is a server that holds us up on purpose.
_SLOW_BYTES, _SLOW_SECONDS = 64 * 1024, 60.0
_MAX_NAME = 200


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A file that was fetched.

    Attributes:
        bytes: its size.
        sha256: of its content, hexadecimal.
        name: what the server calls it: a bare file name.
    """

    bytes: int
    sha256: str
    name: str


@dataclass(frozen=True, slots=True)
class Response:
    """What a webhook's receiver answered.

    Attributes:
        status: HTTP status.
        retry_after: seconds it asks to wait, if it does.
    """

    status: int
    retry_after: float | None


def download(
    url: str,
    target: Path,
    *,
    max_bytes: int,
    seconds: float,
    allow_private: bool = False,
    progress: Callable[[int, int | None], None] | None = None,
    backend: httpcore.NetworkBackend | None = None,
) -> Downloaded:
    """Fetch a file, through redirects, to ``target``; it appears there whole or not at all.

    Args:
        url: where it is.
        target: the file to write.
        max_bytes: more is refused.
        seconds: longest time in all.
        allow_private: also from this network.
        progress: called with the bytes so far and in all (None if not said); what it raises ends
            the transfer.
        backend: how connections are opened; guarded when not given.

    Raises:
        BlockedUrl: the URL, or one it redirects to, is not one that this server opens.
        TransferError: it cannot be fetched.
    """
    guarded = backend or GuardedBackend(seconds, allow_private=allow_private)
    part = target.with_name(f".part-{target.name}")
    for _ in range(MAX_REDIRECTS + 1):
        url = check_url(url, allow_private=allow_private)
        with _request("GET", url, guarded) as response:
            if response.status_code in _REDIRECTS:
                url = _next_url(response)
                continue
            _check_response(response, max_bytes)
            try:
                size, digest = _save(response, part, max_bytes, progress)
                part.replace(target)
            finally:
                part.unlink(missing_ok=True)
            return Downloaded(size, digest, _name(response))
    raise TransferError(f"more than {MAX_REDIRECTS} redirects", retryable=False)


def post(
    url: str,
    body: bytes,
    headers: dict[str, str],
    seconds: float,
    allow_private: bool = False,
    *,
    backend: httpcore.NetworkBackend | None = None,
) -> Response:
    """Send a body; redirects are not followed and the answer's body is not read.

    Raises:
        BlockedUrl: this server does not open the URL.
        TransferError: no answer came.
    """
    url = check_url(url, allow_private=allow_private)
    guarded = backend or GuardedBackend(seconds, allow_private=allow_private)
    with _request("POST", url, guarded, body, headers) as response:
        return Response(response.status_code, _retry_after(response))


@contextmanager
def _request(
    method: str,
    url: str,
    backend: httpcore.NetworkBackend,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> Iterator[httpx.Response]:
    # A client each: no cookies of one address reach another. No proxies, no .netrc either.
    with (
        httpx.Client(
            transport=GuardedTransport(backend), timeout=_IDLE_SECONDS, trust_env=False
        ) as client,
        client.stream(
            method,
            url,
            content=body,
            headers={"User-Agent": "talkreel", "Accept-Encoding": "identity", **(headers or {})},
        ) as response,
    ):
        yield response


def _next_url(response: httpx.Response) -> str:
    location = response.headers.get("location")
    if not location:
        raise TransferError("a redirect to nowhere", retryable=False)
    try:
        return str(response.request.url.join(location))
    except httpx.InvalidURL as error:
        raise BlockedUrl(f"a redirect to something that is no URL: {error}") from error


def _check_response(response: httpx.Response, max_bytes: int) -> None:
    host, status = response.request.url.host, response.status_code
    if status != 200:
        raise TransferError(
            f"{host} answered {status}", retryable=status >= 500 or status in (408, 425, 429)
        )
    encoding = response.headers.get("content-encoding", "identity")
    if encoding.lower() != "identity":
        raise TransferError(
            f"{host} sends the file as {encoding}: only plain ones are taken", retryable=False
        )
    size = _length(response)
    if size is not None and size > max_bytes:
        _too_large(max_bytes)


def _save(
    response: httpx.Response,
    part: Path,
    max_bytes: int,
    progress: Callable[[int, int | None], None] | None,
) -> tuple[int, str]:
    digest, size, total = hashlib.sha256(), 0, _length(response)
    pace = _Pace(response.request.url.host)
    part.parent.mkdir(parents=True, exist_ok=True)
    with part.open("wb") as file:
        # Not iter_bytes: that would unpack, and what is counted would not be what came.
        for piece in response.iter_raw():
            size += len(piece)
            if size > max_bytes:
                _too_large(max_bytes)
            file.write(piece)
            digest.update(piece)
            if progress:
                progress(size, total)
            pace.arrived(len(piece))
    return size, digest.hexdigest()


class _Pace:
    """Ends a transfer that crawls: a byte now and then would hold a worker for the longest time."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._since = time.monotonic()
        self._bytes = 0

    def arrived(self, size: int) -> None:
        self._bytes += size
        now = time.monotonic()
        if now - self._since < _SLOW_SECONDS:
            return
        if self._bytes < _SLOW_BYTES:
            raise TransferError(
                f"{self._host} sent {self._bytes} bytes in {_SLOW_SECONDS:.0f} s: too slow",
                retryable=True,
            )
        self._since, self._bytes = now, 0


def _too_large(max_bytes: int) -> NoReturn:
    raise TransferError(
        f"the file has more than {max_bytes} bytes, the most allowed", retryable=False
    )


def _length(response: httpx.Response) -> int | None:
    length = response.headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() else None


def _name(response: httpx.Response) -> str:
    """What to call the file: nothing but a bare, printable name ever comes out."""
    message = Message()
    message["content-disposition"] = response.headers.get("content-disposition", "")
    name = message.get_filename() or response.request.url.path
    name = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    name = "".join(character for character in name if character.isprintable()).strip(". ")
    return name[-_MAX_NAME:] or "download"


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds of a Retry-After header, given as seconds or as a date."""
    value = response.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None
