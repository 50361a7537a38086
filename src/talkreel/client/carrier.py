"""What both clients share in carrying out steps: addresses, headers, failures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from talkreel.client.errors import ApiError
from talkreel.client.steps import Broken, Call

TIMEOUT_SECONDS = 30.0


def settings(server: str, api_key: str, timeout_seconds: float) -> dict[str, Any]:
    """Arguments of httpx's clients.

    Raises:
        ValueError: ``server`` is not an address, or the key is no header.
    """
    try:
        url = httpx.URL(server)
    except httpx.InvalidURL as error:
        raise ValueError(f"{server!r} is not an address: {error}") from error
    if url.scheme not in ("http", "https") or not url.host or url.query or url.userinfo:
        raise ValueError(f"a server is given as http(s)://host[:port], got {server!r}")
    if not api_key.isascii() or not api_key.isprintable() or not api_key.strip():
        raise ValueError("the API key is empty or holds characters that no key has")
    return {
        "base_url": url,
        "headers": {
            "Authorization": f"Bearer {api_key.strip()}",
            "User-Agent": "talkreel-client",
        },
        "timeout": timeout_seconds,
        "follow_redirects": False,
    }


def request_of(http: httpx.Client | httpx.AsyncClient, call: Call) -> httpx.Request:
    """The request of a call.

    Raises:
        ApiError: it would go to another server, with our key.
    """
    if not call.path.startswith("/") or call.path.startswith("//"):
        raise ApiError(
            "unexpected_answer", f"the server names an address elsewhere: {call.path[:200]!r}"
        )
    return http.build_request(
        call.method,
        call.path,
        params=_given(call.params) or None,
        headers=dict(call.headers),
        json=call.json,
        content=call.content,
    )


@contextmanager
def broken(server: httpx.URL) -> Iterator[None]:
    """Turn failures of the network into ``Broken``."""
    try:
        yield
    except (httpx.TransportError, httpx.DecodingError) as error:
        what = str(error) or type(error).__name__
        raise Broken(f"{str(server).rstrip('/')} cannot be reached: {what}") from error


def _given(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value is not None}
