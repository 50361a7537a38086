"""The door for addresses that clients name: what may be opened, and for how long.

A name is resolved once, every address it has is checked, and the connection goes to a checked
address; TLS and the Host header keep the name. What the name resolves to later does not matter.
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from ipaddress import ip_address
from typing import Any, NoReturn

import httpcore
import httpx

from serving.net.addresses import Address, is_allowed, literal

MAX_URL = 4096
# A name, an IPv4 address, or an IPv6 address without its brackets.
_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")

Resolve = Callable[[str, int], Sequence[str]]


class BlockedUrl(ValueError):
    """A URL that this server does not open, and why."""


class TransferError(Exception):
    """A transfer that failed.

    Args:
        message: for people.
        retryable: whether it may work later.
    """

    def __init__(self, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.retryable = retryable


def check_url(url: str, *, allow_private: bool = False) -> str:
    """Check what a URL says, before anything is resolved; returns it in its normal form.

    Raises:
        BlockedUrl: it is not one that this server would open.
    """
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, TypeError) as error:
        raise BlockedUrl(f"not a URL: {error}") from error
    host = parsed.raw_host.decode("ascii")
    _check_form(url, parsed, host, allow_private)
    address = literal(host)
    if address is not None:
        _check_address(host, address, allow_private)
    return str(parsed.copy_with(fragment=None))


def resolve(host: str, port: int) -> Sequence[str]:
    """Addresses of a host, as the system gives them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


class GuardedBackend(httpcore.NetworkBackend):
    """Opens connections only to checked addresses, and only until a deadline.

    Args:
        seconds: all connections together may take this long.
        allow_private: also connect to this network.
        resolve: addresses of a name.
        connect: opens a connection to an address.
    """

    def __init__(
        self,
        seconds: float,
        *,
        allow_private: bool = False,
        resolve: Resolve | None = None,
        connect: httpcore.NetworkBackend | None = None,
    ) -> None:
        self._deadline = time.monotonic() + seconds
        self._allow_private = allow_private
        self._resolve = resolve
        self._connect = connect or httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of ``host`` that answers, if all of them are allowed."""
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in self._addresses(host, port):
            try:
                stream = self._connect.connect_tcp(
                    address,
                    port,
                    timeout=_left(self._deadline, timeout, httpcore.ConnectTimeout),
                    local_address=local_address,
                    socket_options=socket_options,
                )
            except httpcore.ConnectError as error:
                failure = error
            else:
                return _TimedStream(stream, self._deadline)
        raise failure

    def _addresses(self, host: str, port: int) -> list[str]:
        try:
            # Looked up here, not in the signature: one place to replace it.
            found = (self._resolve or resolve)(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"{host} cannot be found: {error}") from error
        addresses = [ip_address(address) for address in dict.fromkeys(found)]
        # One inner address among public ones is no accident: refuse them all.
        for address in addresses:
            _check_address(host, address, self._allow_private)
        return [str(address) for address in addresses]


class GuardedTransport(httpx.BaseTransport):
    """What httpx sends requests through, on a guarded backend."""

    def __init__(
        self, backend: httpcore.NetworkBackend, context: ssl.SSLContext | None = None
    ) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=context or _context(), network_backend=backend
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request."""
        url = request.url
        with _transfer_errors(url.host):
            response = self._pool.handle_request(
                httpcore.Request(
                    method=request.method,
                    url=httpcore.URL(
                        scheme=url.raw_scheme,
                        host=url.raw_host,
                        port=url.port,
                        target=url.raw_path,
                    ),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        return httpx.Response(
            response.status,
            headers=response.headers,
            stream=_Body(response, url.host),
            extensions=response.extensions,
        )

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()


class _TimedStream(httpcore.NetworkStream):
    """A connection of which no wait goes beyond the deadline: a byte a second buys no time."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left = _left(self._deadline, timeout, httpcore.ReadTimeout)
        return self._stream.read(max_bytes, left)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(self._deadline, timeout, httpcore.WriteTimeout))

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(self._deadline, timeout, httpcore.ConnectTimeout)
        secured = self._stream.start_tls(ssl_context, server_hostname, left)
        return _TimedStream(secured, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def close(self) -> None:
        self._stream.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, response: httpcore.Response, host: str) -> None:
        self._response = response
        self._host = host

    def __iter__(self) -> Iterator[bytes]:
        with _transfer_errors(self._host):
            yield from self._response.iter_stream()

    def close(self) -> None:
        self._response.close()


@contextmanager
def _transfer_errors(host: str) -> Iterator[None]:
    try:
        yield
    except httpcore.TimeoutException as error:
        raise TransferError(f"{host} took too long", retryable=True) from error
    except (httpcore.NetworkError, httpcore.ProtocolError, ssl.SSLError) as error:
        raise TransferError(f"{host}: {error or type(error).__name__}", retryable=True) from error


def _check_form(url: str, parsed: httpx.URL, host: str, allow_private: bool) -> None:
    schemes = ("https", "http") if allow_private else ("https",)
    ports = range(1, 65536) if allow_private else (80, 443)
    if parsed.scheme not in schemes:
        allowed = " or ".join(f"{scheme}:" for scheme in schemes)
        _blocked(f"the URL starts with {parsed.scheme or 'nothing'}:, allowed is {allowed}")
    if parsed.userinfo:
        _blocked("the URL carries a user or password: leave it out")
    if not _HOST.fullmatch(host):
        _blocked(f"the URL names the host {host[:80]!r}, which is none: give a name or an address")
    if len(url) > MAX_URL:
        _blocked(f"the URL has {len(url)} characters, allowed are {MAX_URL}")
    if parsed.port is not None and parsed.port not in ports:
        allowed = "1 to 65535" if allow_private else "80 and 443"
        _blocked(f"the URL names port {parsed.port}, allowed are {allowed}")


def _check_address(host: str, address: Address, allow_private: bool) -> None:
    if not is_allowed(address, allow_private=allow_private):
        where = host if host == str(address) else f"{host} ({address})"
        _blocked(f"{where} is not a public address: give one that is on the internet")


def _blocked(why: str) -> NoReturn:
    raise BlockedUrl(why)


def _left(deadline: float, timeout: float | None, late: type[Exception]) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise late("out of time")
    return left if timeout is None else min(left, timeout)


@cache
def _context() -> ssl.SSLContext:
    # Loading the certificates takes longer than a request; SSL_CERT_FILE names others.
    return httpx.create_ssl_context()
