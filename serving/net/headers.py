"""Headers by which a client could steer Ray Serve, and their removal."""

from __future__ import annotations

import re
from collections.abc import Iterable

Header = tuple[bytes, bytes]

# What Serve's HTTP proxy obeys (ray.serve._private.proxy and http_util of 2.60): how long a request
# may take, whether it goes on without its client, which model answers and which replica.
_STEERING = frozenset(
    {
        b"x-request-timeout-seconds",
        b"x-request-disconnect-disabled",
        b"serve-multiplexed-model-id",
        b"x-session-id",
    }
)
_STEERING_PREFIX = b"x-serve-router-"
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")


def harmless(headers: Iterable[Header]) -> list[Header]:
    """Those of ``headers`` that choose nothing; a request id only if it can be logged as it is."""
    return [pair for pair in headers if not _steers(*pair)]


def _steers(name: bytes, value: bytes) -> bool:
    # Serve takes some names with either sign, as other proxies rewrite one into the other.
    known = name.lower().replace(b"_", b"-")
    if known == b"x-request-id":
        return not REQUEST_ID.match(value.decode("latin-1"))
    return known in _STEERING or known.startswith(_STEERING_PREFIX)
