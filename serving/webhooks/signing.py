"""Secrets and signatures of Standard Webhooks 1.0: https://www.standardwebhooks.com."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_PREFIX = "whsec_"
_SECRET_BYTES = 32
# Receivers get this long to learn a new secret: both sign until then.
ROTATION_SECONDS = 24 * 3600.0
# Every signature is a header's worth of bytes; who rotates in a hurry keeps the newest.
_MAX_SECRETS = 3


def new_secret() -> str:
    """A secret for one endpoint, such as ``whsec_…``."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def sign(keys: Iterable[str], message_id: str, timestamp: int, body: bytes) -> str:
    """The ``webhook-signature`` header: one signature for each secret.

    Args:
        keys: secrets.
        message_id: ``webhook-id``, the same at every attempt.
        timestamp: ``webhook-timestamp``, seconds since 1970 at this attempt.
        body: as sent, byte by byte.
    """
    signed = f"{message_id}.{timestamp}.".encode() + body
    return " ".join(
        "v1,"
        + base64.b64encode(
            hmac.new(base64.b64decode(key.removeprefix(_PREFIX)), signed, hashlib.sha256).digest()
        ).decode()
        for key in keys
    )


def stored(secret: str) -> list[dict[str, Any]]:
    """The ``secrets`` column of an endpoint that has one secret."""
    return [{"secret": secret, "expires_at": None}]


def rotated(column: Sequence[Mapping[str, Any]], secret: str, now: float) -> list[dict[str, Any]]:
    """The column with a new secret first; the others go on signing for a while."""
    expires_at = now + ROTATION_SECONDS
    older = [
        {"secret": entry["secret"], "expires_at": entry["expires_at"] or expires_at}
        for entry in column
        if _is_live(entry, now)
    ]
    return [*stored(secret), *older][:_MAX_SECRETS]


def live(column: Sequence[Mapping[str, Any]], now: float) -> list[str]:
    """Secrets that sign now, newest first."""
    return [entry["secret"] for entry in column if _is_live(entry, now)]


def _is_live(entry: Mapping[str, Any], now: float) -> bool:
    expires_at = entry["expires_at"]
    return expires_at is None or bool(expires_at > now)
