from __future__ import annotations

import shutil
import time
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, select, update
from starlette.testclient import TestClient

from serving.services import Services
from serving.storage import database as db
from tests.serving.api.world import Tenant, add_finished, add_queued, clip_of

BODY = {"source": {"url": "https://example.com/dir/talk%20one.mp4"}}


def code(response: Any) -> tuple[int, str]:
    assert response.headers["content-type"] == "application/problem+json"
    document = response.json()
    assert document["status"] == response.status_code
    assert document["type"].endswith(document["code"])
    assert len(document["detail"]) > 10
    return response.status_code, document["code"]


def test_made_project_is_queued_and_shown(client: TestClient, scored: Services) -> None:
    made = client.post("/v1/projects", json=BODY | {"options": {"clips": 3, "query": "time"}})
    assert made.status_code == 201
    project = made.json()
    assert made.headers["location"] == f"/v1/projects/{project['id']}"
    assert project["state"] == "queued"
    assert project["source"] == {
        "kind": "url",
        "name": "talk one.mp4",
        "url": BODY["source"]["url"],
    }
    assert project["options"]["clips"] == 3
    assert client.get(made.headers["location"]).json() == project
    with scored.database.read() as connection:
        job = connection.execute(select(db.jobs)).one()
    assert (job.project_id, job.kind, job.state) == (project["id"], "clip", "queued")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"min_seconds": 1}, "min_seconds is 3 to 600"),
        ({"min_seconds": 50, "max_seconds": 40}, "lower the one"),
        ({"aspect": "2:1"}, "aspect is one of"),
        ({"captions": "comic"}, "choose one of bold"),
        ({"preset": "best"}, "preset is one of"),
        ({"scorer": "guess"}, "scorer is one of"),
        ({"language": "english"}, "language is a code"),
        ({"range": [20, 10]}, "start before its end"),
        ({"transcript": {"format": "srt", "text": "no times"}}, "words with times"),
        ({"transcript": {"format": "json", "text": "{"}}, "not JSON"),
    ],
)
def test_bad_options_are_refused_with_what_is_allowed(
    client: TestClient, options: dict[str, Any], said: str
) -> None:
    refused = client.post("/v1/projects", json=BODY | {"options": options})
    assert code(refused) == (422, "invalid_options")
    assert said in refused.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"source": {}},
        {"source": {"url": "https://a.com/x", "upload_id": "upl_1"}},
        {"source": {"url": "https://a.com/x"}, "oops": 1},
        {"source": {"url": "https://a.com/x"}, "options": {"clips": 0}},
        {"source": {"url": "https://a.com/x", "name": "a\u0000b"}},
        [],
        "text",
    ],
)
def test_malformed_bodies_are_refused(client: TestClient, body: Any) -> None:
    assert code(client.post("/v1/projects", json=body)) == (422, "invalid_request")


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/a", "https://169.254.169.254/latest", "file:///etc/passwd", "ftp://a/b"],
)
def test_addresses_of_inner_networks_are_refused(client: TestClient, url: str) -> None:
    assert code(client.post("/v1/projects", json={"source": {"url": url}})) == (422, "blocked_url")
    hooked = client.post("/v1/projects", json=BODY | {"webhook_url": url})
    assert code(hooked) == (422, "blocked_url")


def test_unknown_uploads_and_keys_are_refused(client: TestClient, other: Tenant) -> None:
    upload = client.post("/v1/projects", json={"source": {"upload_id": "upl_1"}})
    assert code(upload) == (404, "upload_not_found")
    key = f"tenants/{other.id}/sources/upl_1/source.mp4"
    assert code(client.post("/v1/projects", json={"source": {"object_key": key}})) == (
        404,
        "object_not_found",
    )


def test_list_pages_newest_first(client: TestClient, scored: Services, mine: Tenant) -> None:
    made = [add_queued(scored, mine, f"{number}.mp4") for number in range(5)]
    seen, cursor = [], None
    while True:
        page = client.get(
            "/v1/projects", params={"limit": 2} | ({"cursor": cursor} if cursor else {})
        ).json()
        seen += [project["id"] for project in page["projects"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == made[::-1]


def test_list_finds_by_source_and_state(
    client: TestClient, scored: Services, mine: Tenant, tmp_path: Path
) -> None:
    named = add_queued(scored, mine, "a%b_c.mp4")
    done = add_finished(scored, mine, tmp_path / "x")
    client.post("/v1/projects", json=BODY)

    def found(**query: str) -> list[str]:
        return [p["id"] for p in client.get("/v1/projects", params=query).json()["projects"]]

    assert found(source="a%b_c.mp4") == [named]
    assert found(source="a%") == []
    assert found(state="done") == [done]
    assert set(found(source="a" * 64)) == {named, done}
    assert len(found(source=BODY["source"]["url"])) == 1
    with scored.database.read() as connection:
        key = connection.execute(
            select(db.projects.c.source).where(db.projects.c.id == named)
        ).scalar_one()["key"]
    assert found(source=key) == [named]
    assert found(source=key.split("/")[3]) == [named]


@pytest.mark.parametrize("cursor", ["x", "W10", "WzFd", "%00", "W1tbW1tbXQ"])
def test_foreign_cursors_are_refused(client: TestClient, cursor: str) -> None:
    assert code(client.get("/v1/projects", params={"cursor": cursor})) == (400, "bad_cursor")


def test_cancel_and_retry(client: TestClient, scored: Services, mine: Tenant) -> None:
    project_id = add_queued(scored, mine)
    for _ in range(2):
        cancelled = client.post(f"/v1/projects/{project_id}/cancel")
        assert (cancelled.status_code, cancelled.json()["state"]) == (202, "cancelled")
    for _ in range(2):
        again = client.post(f"/v1/projects/{project_id}/retry")
        assert (again.status_code, again.json()["state"]) == (202, "queued")
    with scored.database.read() as connection:
        states = connection.execute(select(db.jobs.c.state).order_by(db.jobs.c.number)).scalars()
        assert list(states) == ["cancelled", "queued"]


def test_wrong_states_are_conflicts(client: TestClient, finished: str) -> None:
    assert code(client.post(f"/v1/projects/{finished}/cancel")) == (409, "wrong_state")
    assert code(client.post(f"/v1/projects/{finished}/retry")) == (409, "wrong_state")


def test_delete_takes_everything(
    client: TestClient, scored: Services, mine: Tenant, finished: str
) -> None:
    with scored.database.read() as connection:
        key = connection.execute(select(db.projects.c.source)).scalar_one()["key"]
    source = scored.settings.data / "source"
    source.write_bytes(b"video")
    scored.objects.put(key, source)
    folder = scored.settings.data / "objects" / "tenants" / mine.id
    assert client.delete(f"/v1/projects/{finished}").status_code == 204
    assert code(client.get(f"/v1/projects/{finished}")) == (404, "project_not_found")
    assert code(client.get(f"/v1/clips/{clip_of(finished)}")) == (404, "clip_not_found")
    assert [path for path in folder.rglob("*") if path.is_file()] == []
    with scored.database.read() as connection:
        for table in (db.projects, db.jobs, db.clips, db.events):
            assert connection.execute(select(func.count()).select_from(table)).scalar_one() == 0
    assert code(client.delete(f"/v1/projects/{finished}")) == (404, "project_not_found")


def test_delete_keeps_a_source_that_another_project_uses(
    client: TestClient, scored: Services, mine: Tenant
) -> None:
    first, second = add_queued(scored, mine), add_queued(scored, mine)
    projects = db.projects
    with scored.database.write() as connection:
        source = connection.execute(
            select(projects.c.source).where(projects.c.id == first)
        ).scalar_one()
        connection.execute(update(projects).where(projects.c.id == second).values(source=source))
    file = scored.settings.data / "source"
    file.write_bytes(b"video")
    scored.objects.put(source["key"], file)
    client.delete(f"/v1/projects/{first}")
    assert scored.objects.size(source["key"]) == 5
    client.delete(f"/v1/projects/{second}")
    with pytest.raises(FileNotFoundError):
        scored.objects.size(source["key"])


def test_quotas(client: TestClient, scored: Services, mine: Tenant) -> None:
    def limit(**values: float) -> None:
        with scored.database.write() as connection:
            connection.execute(
                update(db.tenants).where(db.tenants.c.id == mine.id).values(**values)
            )

    add_queued(scored, mine)
    limit(max_queued=1)
    refused = client.post("/v1/projects", json=BODY)
    assert code(refused) == (429, "too_many_queued")
    assert int(refused.headers["retry-after"]) > 0
    limit(max_queued=10, max_minutes_per_month=5.0)
    with scored.database.write() as connection:
        for at, amount in ((time.time(), 5.0), (time.time() - 40 * 86400, 500.0)):
            connection.execute(
                insert(db.usage).values(
                    project_id=f"prj_{at}",
                    kind="minutes",
                    tenant_id=mine.id,
                    amount=amount,
                    at=at,
                )
            )
    assert code(client.post("/v1/projects", json=BODY)) == (402, "minutes_used_up")
    limit(max_minutes_per_month=6.0)
    assert client.post("/v1/projects", json=BODY).status_code == 201
    limit(max_stored_bytes=10)
    with scored.database.write() as connection:
        connection.execute(update(db.projects).values(stored_bytes=11))
    assert code(client.post("/v1/projects", json=BODY)) == (402, "storage_used_up")


def test_a_full_disk_admits_nothing(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(10, 10, -1))
    assert code(client.post("/v1/projects", json=BODY)) == (507, "disk_full")
