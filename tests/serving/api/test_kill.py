"""The API's process is killed while clients ask; what they repeat is done once."""

from __future__ import annotations

import multiprocessing
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.process import BaseProcess
from pathlib import Path

import httpx
import uvicorn
from sqlalchemy import func, select

from serving.api import idempotency
from serving.api.app import create_app
from serving.services import open_services
from serving.settings import Settings
from serving.storage import database as db
from tests.serving.api.test_projects import BODY
from tests.serving.api.world import add_tenant
from tests.serving.servers import await_api, free_port

KILLS = 3
CLIENTS = 4


def serve(folder: Path, port: int) -> None:
    # A real server waits a minute before it takes over; here half a second is long enough.
    idempotency.STALE_SECONDS = 0.5
    services = open_services(Settings(data=folder, port=port, min_free_bytes=0))
    config = uvicorn.Config(create_app(services), port=port, log_level="error")
    uvicorn.Server(config).run()


def test_repeated_requests_are_done_once_through_kills(tmp_path: Path) -> None:
    folder, port = tmp_path / "data", free_port()
    services = open_services(Settings(data=folder, port=port, min_free_bytes=0))
    tenant = add_tenant(services, "mine")
    enough = threading.Event()

    def ask(number: int) -> dict[str, str]:
        """Post until told to stop, each request until it is answered; key to project."""
        done: dict[str, str] = {}
        with httpx.Client(base_url=services.settings.url, headers=tenant.headers) as client:
            while not enough.is_set():
                key = f"{number}-{len(done)}"
                done[key] = _insist(client, key)
        return done

    with ThreadPoolExecutor(CLIENTS) as pool:
        asking = [pool.submit(ask, number) for number in range(CLIENTS)]
        try:
            last = _kill_often(folder, port)
        finally:
            enough.set()
        answers = {key: made for one in asking for key, made in one.result(60).items()}
    last.kill()
    last.join()
    with services.database.read() as connection:
        projects = connection.execute(select(func.count()).select_from(db.projects)).scalar_one()
        jobs = connection.execute(select(func.count()).select_from(db.jobs)).scalar_one()
    services.database.close()
    assert len(answers) > KILLS
    assert len(set(answers.values())) == len(answers) == projects == jobs


def _insist(client: httpx.Client, key: str) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            answer = client.post("/v1/projects", json=BODY, headers={"Idempotency-Key": key})
        except httpx.TransportError:
            time.sleep(0.05)
            continue
        if answer.status_code == 201:
            return str(answer.json()["id"])
        assert answer.status_code == 409, answer.text
        time.sleep(0.1)
    raise AssertionError(f"{key} was never answered")


def _kill_often(folder: Path, port: int) -> BaseProcess:
    """Serve, kill, and serve again; returns the last process, which lives."""
    chance = random.Random(3)
    context = multiprocessing.get_context("spawn")
    for number in range(KILLS + 1):
        process = context.Process(target=serve, args=(folder, port), daemon=True)
        process.start()
        await_api(f"http://127.0.0.1:{port}")
        time.sleep(chance.uniform(0.05, 0.6))
        if number < KILLS:
            process.kill()
            process.join()
    return process
