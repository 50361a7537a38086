"""The API on the servers it has at scale: PostgreSQL, Redis, and an S3 store (moto)."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from moto.server import ThreadedMotoServer
from sqlalchemy import update
from starlette.testclient import TestClient

from serving.api.app import create_app
from serving.housekeeping import Housekeeper
from serving.services import Services, open_services
from serving.settings import Settings
from serving.storage import database as db
from tests.serving.api.test_events import JSON
from tests.serving.api.test_projects import BODY, code
from tests.serving.api.test_uploads import DATA, begin, send
from tests.serving.api.world import PlainScorer, add_finished, add_tenant, clip_of
from tests.serving.servers import Postgres, free_port, missing, postgres

__all__ = ["postgres"]

_NUMBERS = itertools.count()


@pytest.fixture
def at_scale(postgres: Postgres, settings: Settings) -> Iterator[Services]:
    url = postgres.create(f"api{next(_NUMBERS)}")
    opened = open_services(settings.model_copy(update={"database_url": url}), PlainScorer())
    yield opened
    opened.database.close()


def test_a_project_from_upload_to_deletion(at_scale: Services, tmp_path: Path) -> None:
    tenant = add_tenant(at_scale, "mine")
    with TestClient(create_app(at_scale), headers=tenant.headers) as client:
        url = begin(client)
        assert send(client, url, 0, DATA).status_code == 204
        body = {"source": {"upload_id": url.rsplit("/", 1)[1]}}
        made = client.post("/v1/projects", json=body, headers={"Idempotency-Key": "one"})
        again = client.post("/v1/projects", json=body, headers={"Idempotency-Key": "one"})
        assert (again.json(), again.headers["idempotency-replayed"]) == (made.json(), "true")
        project = f"/v1/projects/{made.json()['id']}"
        query = {"source": made.json()["source"]["sha256"], "state": "queued"}
        listed = client.get("/v1/projects", params=query).json()["projects"]
        assert [found["id"] for found in listed] == [made.json()["id"]]
        assert client.post(f"{project}/cancel").json()["state"] == "cancelled"
        assert client.post(f"{project}/retry").json()["state"] == "queued"
        page = client.get(f"{project}/events", headers=JSON).json()
        assert [event["number"] for event in page["events"]] == [1, 2, 3]
        assert client.delete(project).status_code == 204
        assert code(client.get(project)) == (404, "project_not_found")
        assert code(client.get(url)) == (404, "upload_not_found")

        finished = add_finished(at_scale, tenant, tmp_path / "made")
        changed = client.patch(f"/v1/clips/{clip_of(finished)}", json={"spans": [[6.0, 14.0]]})
        assert (changed.status_code, changed.json()["revision"]) == (202, 2)
        assert client.get("/readyz").status_code == 200
        assert 'talkreel_jobs{kind="render",state="queued"} 1.0' in client.get("/metrics").text
        token = client.post("/v1/tokens", json={"api_key": tenant.key}).json()["access_token"]
        bearer = {"Authorization": f"Bearer {token}"}
        assert client.get("/v1/projects", headers=bearer).status_code == 200
    with at_scale.database.write() as connection:
        connection.execute(update(db.idempotency).values(expires_at=time.time() - 1))
        connection.execute(update(db.garbage).values(final_at=0.0))
    assert Housekeeper(at_scale).clean()["answers"] == 1


def test_of_many_at_once_in_several_processes_one_is_done(at_scale: Services) -> None:
    tenant = add_tenant(at_scale, "mine")
    apps = [create_app(at_scale) for _ in range(4)]
    start = threading.Barrier(8)

    def post(number: int) -> Any:
        with TestClient(apps[number % 4], headers=tenant.headers) as client:
            start.wait()
            return client.post("/v1/projects", json=BODY, headers={"Idempotency-Key": "race"})

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(post, range(8)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({a.json()["id"] for a in answers if a.status_code == 201}) == 1


@pytest.fixture
def redis_url() -> Iterator[str]:
    program = shutil.which("redis-server")
    if program is None:
        missing("redis-server")
    port = free_port()
    process = subprocess.Popen(
        [program, "--port", str(port), "--bind", "127.0.0.1", "--save", ""],
        stdout=subprocess.DEVNULL,
    )
    time.sleep(0.5)
    yield f"redis://127.0.0.1:{port}"
    process.terminate()
    process.wait()


def test_limits_are_shared_through_redis(scored: Services, redis_url: str) -> None:
    shared = scored.settings.model_copy(update={"redis_url": redis_url, "requests_per_minute": 3})
    tenant = add_tenant(scored, "mine")
    with ExitStack() as opened:
        apps = [create_app(replace(scored, settings=shared)) for _ in range(2)]
        clients = [opened.enter_context(TestClient(app, headers=tenant.headers)) for app in apps]
        statuses = [clients[number % 2].get("/v1/models").status_code for number in range(4)]
    assert statuses == [200, 200, 200, 429]


@pytest.fixture
def in_cloud(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    """Objects in an S3 bucket."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    environment = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ALLOW_HTTP": "true",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    httpx.put(f"{endpoint}/bucket").raise_for_status()
    url = settings.model_copy(update={"objects_url": "s3://bucket/talks"})
    opened = open_services(url, PlainScorer())
    yield opened
    opened.database.close()
    server.stop()


def _refuse_too_much(in_cloud: Services, client: TestClient) -> None:
    """The address takes whatever is sent; the project is refused and the bytes go."""
    least = in_cloud.settings.model_copy(update={"max_upload_bytes": 10})
    with TestClient(
        create_app(replace(in_cloud, settings=least)), headers=client.headers
    ) as strict:
        refused = strict.post("/v1/uploads/presign", json={"name": "a.mp4", "length": 11})
        assert code(refused) == (413, "upload_too_large")
        address = strict.post("/v1/uploads/presign", json={"name": "a.mp4"}).json()
        httpx.put(address["url"], content=DATA).raise_for_status()
        made = strict.post("/v1/projects", json={"source": {"upload_id": address["upload_id"]}})
        assert code(made) == (413, "upload_too_large")
        with pytest.raises(FileNotFoundError):
            in_cloud.objects.size(address["object_key"])


def test_a_presigned_address_takes_the_bytes(in_cloud: Services, tmp_path: Path) -> None:
    mine, other = add_tenant(in_cloud, "mine"), add_tenant(in_cloud, "other")
    app = create_app(in_cloud)
    with TestClient(app, headers=mine.headers) as client:
        assert client.get("/readyz").status_code == 200
        asked = client.post("/v1/uploads/presign", json={"name": "a.mp4"})
        address = asked.json()
        assert (asked.status_code, address["protocol"]) == (201, "put")
        source = {"source": {"object_key": address["object_key"]}}
        assert code(client.post("/v1/projects", json=source)) == (409, "upload_incomplete")
        httpx.put(address["url"], content=DATA).raise_for_status()
        theirs = client.post("/v1/projects", json=source, headers=other.headers)
        assert code(theirs) == (404, "object_not_found")
        made = client.post("/v1/projects", json=source).json()
        assert made["source"]["bytes"] == len(DATA)
        _refuse_too_much(in_cloud, client)

        url = begin(client)
        assert send(client, url, 0, DATA).status_code == 204
        key = f"tenants/{mine.id}/sources/{url.rsplit('/', 1)[1]}/source.mp4"
        assert b"".join(in_cloud.objects.read(key)) == DATA
        assert list((in_cloud.settings.data / "uploads").iterdir()) == []

        finished = add_finished(in_cloud, mine, tmp_path / "made")
        part = client.get(f"/v1/clips/{clip_of(finished)}/download", headers={"Range": "bytes=5-9"})
        assert (part.status_code, len(part.content)) == (206, 5)
        title = client.patch(f"/v1/clips/{clip_of(finished)}", json={"title": "New"})
        assert title.status_code == 202
        assert client.delete(f"/v1/projects/{finished}").status_code == 204
        with pytest.raises(FileNotFoundError):
            in_cloud.objects.size(f"tenants/{mine.id}/projects/{finished}/report.html")
