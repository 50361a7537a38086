"""The whole service in this process: the API under uvicorn, a worker, and a tenant's key."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from serving.accounts import create_key, create_tenant
from serving.api.app import create_app
from serving.jobs.worker import Worker
from serving.scoring.scores import Scorer
from serving.services import Services, open_services
from serving.settings import Settings
from serving.webhooks.deliverer import Deliverer
from tests.serving.edges.sites import until
from tests.serving.servers import START_SECONDS


@dataclass(frozen=True)
class Live:
    """A running server.

    Attributes:
        url: of the API.
        key: a tenant's.
        tenant: its id.
        services: what it runs on.
    """

    url: str
    key: str
    tenant: str
    services: Services

    @contextmanager
    def working(self) -> Iterator[None]:
        """A worker and a deliverer beside the API."""
        with _threads(Worker(self.services, "worker").run, Deliverer(self.services).run):
            yield


@contextmanager
def live(folder: Path, scorer: Scorer | None = None, **changes: Any) -> Iterator[Live]:
    settings = Settings(
        data=folder / "data",
        **{
            "lease_seconds": 2.0,
            "retry_seconds": 0.1,
            "min_free_bytes": 0,
            "allow_private_urls": True,
            **changes,
        },
    )
    services = open_services(settings, scorer)
    with services.database.write() as connection:
        tenant = create_tenant(connection, "acme", settings)
        key = create_key(connection, tenant, "test")
    app = create_app(services)
    # What is logged goes to standard error, which belongs to the commands under test.
    logging.getLogger("serving").setLevel(logging.CRITICAL)
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=0,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    try:
        with _threads(lambda stop: _serve(server, stop)):
            until(lambda: server.started, START_SECONDS)
            port = server.servers[0].sockets[0].getsockname()[1]
            yield Live(f"http://127.0.0.1:{port}", key, tenant, services)
    finally:
        logging.getLogger("serving").setLevel(logging.NOTSET)
        services.database.close()


def _serve(server: uvicorn.Server, stop: threading.Event) -> None:
    ender = threading.Thread(target=lambda: (stop.wait(), setattr(server, "should_exit", True)))
    ender.start()
    server.run()
    stop.set()
    ender.join()


@contextmanager
def _threads(*runs: Any) -> Iterator[None]:
    stop = threading.Event()
    threads = [threading.Thread(target=run, args=(stop,)) for run in runs]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
