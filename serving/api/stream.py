"""Server-sent events as a response that gives up on clients that no longer read."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from serving.storage.events import LoggedEvent

# A client that takes nothing for this long is gone; it comes back with Last-Event-ID.
_SEND_SECONDS = 30.0
_RETRY = b"retry: 2000\n\n"
_HEARTBEAT = b": heartbeat\n\n"

Batches = AsyncIterator[Sequence[LoggedEvent]]


class EventStream(Response):
    """Batches of events as ``text/event-stream``; an empty batch is sent as a comment.

    Args:
        batches: closed when the client is gone.
    """

    media_type = "text/event-stream"

    def __init__(self, batches: Batches) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._batches = batches

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the events end or the client is gone."""
        sender = asyncio.create_task(self._send(send))
        gone = asyncio.create_task(_gone(receive))
        try:
            await asyncio.wait({sender, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sender, gone):
                if not task.done():
                    task.cancel()
            await asyncio.gather(sender, gone, return_exceptions=True)
        if not sender.cancelled():
            error = sender.exception()
            if error is not None and not isinstance(error, (OSError, TimeoutError)):
                raise error

    async def _send(self, send: Send) -> None:
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        await _put(send, _RETRY)
        async with aclosing(self._batches) as batches:  # type: ignore[type-var]
            async for batch in batches:
                text = b"".join(as_sse(event) for event in batch) or _HEARTBEAT
                await _put(send, text)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def as_sse(event: LoggedEvent) -> bytes:
    """One event; its number is the id that ``Last-Event-ID`` brings back."""
    data = json.dumps(as_json(event), ensure_ascii=False)
    return f"id: {event.number}\nevent: {event.type}\ndata: {data}\n\n".encode()


def as_json(event: LoggedEvent) -> dict[str, object]:
    """One event as an object."""
    return {
        "number": event.number,
        "type": event.type,
        "at": event.at,
        "project_id": event.project_id,
        "data": dict(event.data),
    }


async def _put(send: Send, body: bytes) -> None:
    message = {"type": "http.response.body", "body": body, "more_body": True}
    await asyncio.wait_for(send(message), _SEND_SECONDS)


async def _gone(receive: Receive) -> None:
    with contextlib.suppress(OSError):
        while (await receive())["type"] != "http.disconnect":
            pass
