"""A tenant of the service that never gives up, and its receiver of webhooks."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TypeVar

import httpx
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from experiments.benchmarks.serving.load import TEXT
from talkreel.client import ApiError, Client, Event, Upload
from tests.serving.edges.sites import Site, reply
from tests.serving.jobs.talk import OPTIONS

T = TypeVar("T")
_JOBS_AT_ONCE = 64
_PAUSE_SECONDS = 0.5


class Receiver:
    """Takes webhooks, slowly enough that some are cut off in the middle.

    Args:
        secret: that signs them.

    Attributes:
        bodies: ``webhook-id`` to the bodies that came under it.
        forged: how many were not signed with the secret.
    """

    def __init__(self, secret: str, seed: int = 0) -> None:
        self.bodies: dict[str, list[bytes]] = defaultdict(list)
        self.forged = 0
        self._webhook = Webhook(secret)
        self._chance = random.Random(seed)
        self._site = Site()
        self._site.answer = self._take
        self.url = self._site.url + "/hook"
        self.close = self._site.close

    def _take(self, handler: BaseHTTPRequestHandler, number: int) -> None:
        _, _, headers, body = self._site.calls[number - 1]
        try:
            self._webhook.verify(body, headers)
        except WebhookVerificationError:
            self.forged += 1
        self.bodies[headers["webhook-id"]].append(body)
        time.sleep(self._chance.uniform(0.0, 0.4))
        reply(handler, 200)


@dataclass
class Order:
    """One job as its customer saw it.

    Attributes:
        project: its id.
        repeats: ids that the same request got when it was sent again under its key.
        events: of its log, as they came.
        state: how it ended.
    """

    project: str = ""
    repeats: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    state: str = ""


class Customer:
    """Uploads pieces, orders clips of them and watches, each in a thread of its own.

    Args:
        url: of the server.
        key: the tenant's.
        webhook_url: of every project.

    Attributes:
        orders: by number of the piece.
        trouble: why requests had to be sent again, beyond what the client does by itself.
    """

    def __init__(self, url: str, key: str, webhook_url: str) -> None:
        self.orders: dict[int, Order] = {}
        self.trouble = Counter[str]()
        self._client = Client(url, key)
        self._webhook_url = webhook_url
        self._pool = ThreadPoolExecutor(_JOBS_AT_ONCE)
        self._waiting: dict[int, Future[None]] = {}
        self._closed = threading.Event()

    def close(self) -> None:
        """Give up what is not done."""
        self._closed.set()
        self._pool.shutdown(cancel_futures=True)
        self._client.close()

    def send(self, number: int, piece: Path) -> None:
        """Order clips of a piece; returns at once."""
        self.orders[number] = Order()
        self._waiting[number] = self._pool.submit(self._see_through, number, piece)

    def waiting(self) -> int:
        """How many orders have not ended.

        Raises:
            ApiError: the server refused one.
        """
        for future in self._waiting.values():
            if future.done():
                future.result()
        return sum(not future.done() for future in self._waiting.values())

    def videos(self, number: int, folder: Path) -> list[tuple[str, bytes]]:
        """Names and bytes of an order's clips, in order of rank."""
        project, found = self.orders[number].project, []
        for clip in self._insist(lambda: self._client.clips(project)):
            path = folder / f"{clip.id}.mp4"
            self._insist(lambda clip=clip, path=path: self._client.download(clip, path))
            found.append((clip.id.rpartition("_")[2], path.read_bytes()))
            path.unlink()
        return found

    def _see_through(self, number: int, piece: Path) -> None:
        order, begun = self.orders[number], list[str]()

        def upload() -> Upload:
            known = begun[-1] if begun else None
            return self._client.upload(piece, upload_id=known, begun=begun.append)

        sent = self._insist(upload)

        def create() -> str:
            return self._client.create_project(
                sent,
                OPTIONS,
                webhook_url=self._webhook_url,
                idempotency_key=f"piece-{number}",
            ).id

        order.project = self._insist(create)
        self._insist(lambda: self._watch(order))
        # As a client does that has lost the answer.
        order.repeats.append(self._insist(create))
        order.state = self._insist(lambda: self._client.project(order.project)).state

    def _watch(self, order: Order) -> None:
        while True:
            after = order.events[-1].number if order.events else 0
            for event in self._client.events(order.project, after=after):
                order.events.append(event)
            if self._client.project(order.project).ended:
                return

    def _insist(self, ask: Callable[[], T]) -> T:
        while True:
            try:
                return ask()
            except ApiError as error:
                # Serve's proxy has pages of its own while the API is away.
                ours = error.code not in ("unexpected_answer", "unreachable", "request_in_progress")
                if ours and (error.status or 500) < 500:
                    raise
                self.trouble[f"{error.status or ''} {error.code}".strip()] += 1
                if self._closed.wait(_PAUSE_SECONDS):
                    raise


class Asker:
    """Asks for a score once a second, and never twice: counts how it was answered."""

    def __init__(self, url: str, key: str) -> None:
        self.answers = Counter[str]()
        self._url, self._key = url, key
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Asker:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        headers = {"Authorization": f"Bearer {self._key}"}
        with httpx.Client(base_url=self._url, headers=headers, timeout=60) as client:
            while not self._stop.wait(1.0):
                with suppress(httpx.TransportError):
                    answer = client.post("/v1/score", json={"text": TEXT})
                    self.answers[str(answer.status_code)] += 1
