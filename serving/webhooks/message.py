"""One webhook message: its body, its signature, and how a receiver took it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from serving.net import transfer as net
from serving.webhooks import signing

MAX_BODY = 20_000
SEND_SECONDS = 20.0
Send = Callable[[str, bytes, dict[str, str], float, bool], net.Response]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt went.

    Attributes:
        status: HTTP status, or None when there was no answer.
        error: why it does not count as received, or None when it does.
        retry_after: seconds the receiver asks to wait.
    """

    status: int | None
    error: str | None
    retry_after: float | None = None


def event_body(type_: str, at: float, data: Mapping[str, Any]) -> bytes:
    """What is sent for an event: ``type``, ``timestamp`` and ``data``, below ``MAX_BODY`` bytes.

    Of data that is too long only the names of the project and the event are left, to be asked for.
    """
    body = _json(type_, at, data)
    if len(body) >= MAX_BODY:
        kept = {key: data[key] for key in ("project_id", "number", "clip_id") if key in data}
        body = _json(type_, at, {**kept, "truncated": True})
    return body


def send_signed(
    send: Send, url: str, message_id: str, body: bytes, keys: list[str], allow_private: bool
) -> Outcome:
    """Sign and send a body once; never raises for what the other side does."""
    if not keys:
        return Outcome(None, "the endpoint is gone")
    timestamp = int(time.time())
    headers = {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signing.sign(keys, message_id, timestamp, body),
    }
    try:
        answer = send(url, body, headers, SEND_SECONDS, allow_private)
    except (net.BlockedUrl, net.TransferError) as error:
        return Outcome(None, str(error))
    if 200 <= answer.status < 300:
        return Outcome(answer.status, None)
    return Outcome(answer.status, f"answered {answer.status}", answer.retry_after)


def _json(type_: str, at: float, data: Mapping[str, Any]) -> bytes:
    timestamp = datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
    document = {"type": type_, "timestamp": timestamp, "data": dict(data)}
    return json.dumps(document, separators=(",", ":")).encode()
