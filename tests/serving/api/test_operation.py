from __future__ import annotations

import io
import os
import stat
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, select, update
from starlette.testclient import TestClient

from serving import admin
from serving.accounts import find_key, find_user
from serving.api.app import create_app
from serving.housekeeping import Housekeeper
from serving.services import Services, open_services
from serving.settings import Settings
from serving.storage import database as db
from serving.storage import garbage
from tests.serving.api.test_projects import BODY, code
from tests.serving.api.test_uploads import DATA, begin, send
from tests.serving.api.world import PlainScorer, Tenant, add_finished, add_queued, clip_of


def test_alive_and_ready(anyone: TestClient) -> None:
    assert anyone.get("/healthz").json() == {"status": "ok"}
    ready = anyone.get("/readyz").json()
    assert ready == {
        "status": "ready",
        "checks": dict.fromkeys(("database", "objects", "disk", "scorer"), "ok"),
    }


def test_not_ready_says_what_is_wrong(services: Services) -> None:
    class Broken(PlainScorer):
        async def models(self, *, tenant: str | None = None) -> Any:
            raise RuntimeError("gone")

    settings = services.settings.model_copy(update={"min_free_bytes": 1 << 60})
    broken = replace(services, scorer=Broken(), settings=settings)
    with TestClient(create_app(broken)) as client:
        answer = client.get("/readyz")
        assert code(answer) == (503, "not_ready")
        assert answer.json()["checks"] == {
            "database": "ok",
            "objects": "ok",
            "disk": "full",
            "scorer": "failed",
        }
        assert client.get("/healthz").status_code == 200


def test_figures(client: TestClient, scored: Services, mine: Tenant, finished: str) -> None:
    add_queued(scored, mine)
    client.get("/v1/projects")
    client.get("/v1/nothing/at/all")
    client.request("BREW", "/v1/projects")
    page = client.get("/metrics").text
    assert 'talkreel_requests_total{method="GET",route="/v1/projects",status="200"} 1.0' in page
    assert 'talkreel_requests_total{method="GET",route="none",status="404"} 1.0' in page
    assert 'method="other"' in page
    assert 'talkreel_jobs{kind="clip",state="queued"} 1.0' in page
    assert 'talkreel_jobs{kind="clip",state="done"} 1.0' in page
    assert 'talkreel_jobs_oldest_seconds{kind="clip",state="queued"} ' in page
    assert 'talkreel_first_clip_seconds{quantile="0.5"} ' in page
    assert 'talkreel_request_seconds_bucket{le="0.01",method="GET",route="/v1/projects"}' in page


def test_scores(client: TestClient, finished: str) -> None:
    score = client.post("/v1/score", json={"text": "Hello there"}).json()
    assert score["sentences"][0]["text"] == "Hello there"
    of_clip = client.post("/v1/score", json={"clip_id": clip_of(finished)}).json()
    assert of_clip["sentences"][0]["text"].startswith("So I was walking")
    ranked = client.post("/v1/hooks/rank", json={"hooks": ["short", "much longer"]}).json()
    assert [hook["text"] for hook in ranked["hooks"]] == ["much longer", "short"]
    assert client.get("/v1/models").json()["models"][0]["name"] == "plain"


@pytest.mark.parametrize(
    "body",
    [{}, {"text": ""}, {"text": "  "}, {"text": "a", "clip_id": "b"}, {"text": "x" * 20_001}],
)
def test_what_cannot_be_scored(client: TestClient, body: dict[str, str]) -> None:
    assert code(client.post("/v1/score", json=body)) == (422, "invalid_request")


@pytest.mark.parametrize("hooks", [[], ["one"], ["a"] * 21, ["a", " "]])
def test_what_cannot_be_ranked(client: TestClient, hooks: list[str]) -> None:
    refused = client.post("/v1/hooks/rank", json={"hooks": hooks})
    assert code(refused) == (422, "invalid_request")


def test_without_models_in_service(services: Services, mine: Tenant) -> None:
    class Gone(PlainScorer):
        async def score(self, text: str, *, tenant: str | None = None) -> Any:
            raise TimeoutError

    for scorer in (None, Gone()):
        app = create_app(replace(services, scorer=scorer))
        with TestClient(app, headers=mine.headers) as client:
            answer = client.post("/v1/score", json={"text": "Hello"})
            assert code(answer) == (503, "scorer_unavailable")
            assert answer.headers["retry-after"]


def count(services: Services, table: Any) -> int:
    with services.database.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_housekeeping_takes_what_has_expired(
    client: TestClient, scored: Services, mine: Tenant, finished: str
) -> None:
    kept = begin(client)
    send(client, kept, 0, DATA)
    body = {"source": {"upload_id": kept.rsplit("/", 1)[1]}}
    assert client.post("/v1/projects", json=body).status_code == 201
    for data in (DATA, DATA[:5]):
        send(client, begin(client), 0, data)
    client.post("/v1/projects", json=BODY, headers={"Idempotency-Key": "one"})
    client.post(f"/v1/projects/{finished}/tickets")
    keeper = Housekeeper(scored)
    assert keeper.clean() == {"uploads": 0, "answers": 0, "tickets": 0, "events": 0, "objects": 0}
    past = time.time() - 1
    with scored.database.write() as connection:
        for table in (db.uploads, db.idempotency, db.tickets):
            connection.execute(update(table).values(expires_at=past))
        connection.execute(
            insert(db.events).values(
                project_id=finished,
                tenant_id=mine.id,
                number=99,
                type="project.progress",
                data={},
                at=past - 8 * 86400,
            )
        )
        connection.execute(
            update(db.projects)
            .where(db.projects.c.id == finished)
            .values(finished_at=past - 8 * 86400)
        )
    assert keeper.clean() == {"uploads": 2, "answers": 1, "tickets": 1, "events": 1, "objects": 0}
    assert count(scored, db.uploads) == 1
    sources = scored.settings.data / "objects" / "tenants" / mine.id / "sources"
    assert len([path for path in sources.rglob("*") if path.is_file()]) == 1
    assert list((scored.settings.data / "uploads").iterdir()) == []


def test_what_a_late_worker_still_writes_is_swept(
    client: TestClient, scored: Services, mine: Tenant, finished: str, tmp_path: Path
) -> None:
    client.delete(f"/v1/projects/{finished}")
    late = tmp_path / "late"
    late.write_bytes(b"x")
    key = f"tenants/{mine.id}/projects/{finished}/clips/late.mp4"
    scored.objects.put(key, late)
    assert garbage.sweep(scored) == 0
    with pytest.raises(FileNotFoundError):
        scored.objects.size(key)
    with scored.database.write() as connection:
        connection.execute(update(db.garbage).values(final_at=0.0))
    assert Housekeeper(scored).clean()["objects"] == 3
    assert count(scored, db.garbage) == 0


def test_the_housekeeper_stops_when_told(scored: Services) -> None:
    stop = threading.Event()
    thread = threading.Thread(target=Housekeeper(scored).run, args=(stop,))
    thread.start()
    stop.set()
    thread.join(5)
    assert not thread.is_alive()


def test_a_new_server_makes_its_first_key_once(services: Services) -> None:
    key = admin.ensure_default(services)
    assert key is not None
    path = services.settings.data / "api-key"
    assert path.read_text().strip() == key
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert admin.ensure_default(services) is None
    with services.database.read() as connection:
        assert find_key(connection, key) is not None


def run(folder: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    result = admin.main(["--data", str(folder), *arguments])
    said = capsys.readouterr()
    return result, (said.out or said.err).strip()


def test_admin_commands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "data"
    made, tenant = run(folder, capsys, "tenant", "create", "acme", "--max-queued", "7")
    assert (made, tenant[:4]) == (0, "ten_")
    assert "queued 7" in run(folder, capsys, "tenant", "list")[1]
    assert run(folder, capsys, "tenant", "create", "acme") == (
        2,
        "talkreel admin: there is a tenant 'acme' already",
    )
    _, key = run(folder, capsys, "key", "create", "acme", "--scopes", "score", "--days", "1")
    services = open_services(Settings(data=folder))
    try:
        with services.database.read() as connection:
            principal = find_key(connection, key)
            assert principal is not None
            assert (principal.tenant_id, principal.scopes) == (tenant, {"score"})
        listed = run(folder, capsys, "key", "list", "acme")[1]
        assert key.split(".")[1] in listed
        assert key.split(".")[2] not in listed
        assert run(folder, capsys, "key", "revoke", key)[0] == 0
        assert "revoked" in run(folder, capsys, "key", "list")[1]
        assert run(folder, capsys, "key", "revoke", key)[0] == 2
        assert run(folder, capsys, "key", "create", "nobody")[0] == 2
        user_create = ("user", "create", "acme", "ada@example.com")
        monkeypatch.setattr("sys.stdin", io.StringIO("too short\n"))
        assert run(folder, capsys, *user_create)[0] == 2
        for expected in (0, 2):
            monkeypatch.setattr("sys.stdin", io.StringIO("correct horse battery\n"))
            assert run(folder, capsys, *user_create)[0] == expected
        user = find_user(services.database, "ada@example.com", "correct horse battery")
        assert user is not None
        assert user.tenant_id == tenant
    finally:
        services.database.close()


def test_clips_of_a_second_project_are_its_own(
    client: TestClient, scored: Services, mine: Tenant, finished: str, tmp_path: Path
) -> None:
    second = add_finished(scored, mine, tmp_path / "second")
    clips = client.get(f"/v1/projects/{second}/clips").json()["clips"]
    assert [clip["project_id"] for clip in clips] == [second]
