from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import func, select, update
from starlette.testclient import TestClient

from serving.api.app import create_app
from serving.api.idempotency import STALE_SECONDS, Ledger
from serving.jobs import control
from serving.services import Services
from serving.storage import database as db
from tests.serving.api.test_projects import BODY, code
from tests.serving.api.world import Tenant, add_queued


def key(value: str) -> dict[str, str]:
    return {"Idempotency-Key": value}


def projects(services: Services) -> int:
    with services.database.read() as connection:
        return connection.execute(select(func.count()).select_from(db.projects)).scalar_one()


def test_a_repeated_post_is_done_once_and_replayed(client: TestClient, scored: Services) -> None:
    first = client.post("/v1/projects", json=BODY, headers=key("one"))
    again = client.post("/v1/projects", json=BODY, headers=key("one"))
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    assert projects(scored) == 1


def test_keys_survive_a_restart(scored: Services, mine: Tenant) -> None:
    with TestClient(create_app(scored), headers=mine.headers) as client:
        first = client.post("/v1/projects", json=BODY, headers=key("one")).json()
    with TestClient(create_app(scored), headers=mine.headers) as client:
        again = client.post("/v1/projects", json=BODY, headers=key("one"))
    assert again.json() == first
    assert again.headers["idempotency-replayed"] == "true"


def test_another_body_is_refused(client: TestClient) -> None:
    client.post("/v1/projects", json=BODY, headers=key("one"))
    other = {"source": {"url": "https://example.com/other.mp4"}}
    refused = client.post("/v1/projects", json=other, headers=key("one"))
    assert code(refused) == (422, "idempotency_key_reused")
    elsewhere = client.post("/v1/score", json={"text": "Hello"}, headers=key("one"))
    assert code(elsewhere) == (422, "idempotency_key_reused")


def test_tenants_keys_never_meet(client: TestClient, stranger: TestClient) -> None:
    mine = client.post("/v1/projects", json=BODY, headers=key("one")).json()["id"]
    theirs = stranger.post("/v1/projects", json=BODY, headers=key("one"))
    assert "idempotency-replayed" not in theirs.headers
    assert theirs.json()["id"] != mine


def test_refusals_free_the_key(client: TestClient, scored: Services, mine: Tenant) -> None:
    assert client.post("/v1/projects", json={}, headers=key("one")).status_code == 422
    assert client.post("/v1/projects", json=BODY, headers=key("one")).status_code == 201


@pytest.mark.parametrize("bad", ["", "x" * 256, "a\tb"])
def test_keys_that_are_none(client: TestClient, bad: str) -> None:
    refused = client.post("/v1/projects", json=BODY, headers=key(bad))
    assert code(refused) == (400, "bad_idempotency_key")


def test_every_post_with_a_body_of_answers_replays(
    client: TestClient, scored: Services, mine: Tenant
) -> None:
    project_id = add_queued(scored, mine)
    calls: list[tuple[str, Any]] = [
        ("/v1/score", {"text": "Hello"}),
        ("/v1/hooks/rank", {"hooks": ["a", "bb"]}),
        (f"/v1/projects/{project_id}/cancel", None),
        (f"/v1/projects/{project_id}/retry", None),
        ("/v1/uploads/presign", {"name": "a.mp4", "length": 10}),
        ("/v1/webhooks", {"url": "https://example.com/hook"}),
    ]
    for number, (url, body) in enumerate(calls):
        first = client.post(url, json=body, headers=key(f"k{number}"))
        again = client.post(url, json=body, headers=key(f"k{number}"))
        assert first.status_code < 300, (url, first.text)
        assert again.headers["idempotency-replayed"] == "true", url
        assert again.content == first.content


def test_secrets_are_never_kept(client: TestClient, scored: Services, mine: Tenant) -> None:
    body = {"api_key": mine.key}
    answers = [client.post("/v1/tokens", json=body, headers=key("one")) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() != answers[1].json()
    with scored.database.read() as connection:
        assert connection.execute(select(db.idempotency)).all() == []


def test_of_many_at_once_one_is_done(scored: Services, mine: Tenant, app: Any) -> None:
    start = threading.Barrier(8)

    def post(_number: int) -> Any:
        with TestClient(app, headers=mine.headers) as client:
            start.wait()
            return client.post("/v1/projects", json=BODY, headers=key("race"))

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(post, range(8)))
    ids = {answer.json()["id"] for answer in answers if answer.status_code == 201}
    rest = {code(answer) for answer in answers if answer.status_code != 201}
    assert len(ids) == 1
    assert rest <= {(409, "request_in_progress")}
    assert projects(scored) == 1


def test_while_under_way_it_is_a_conflict_then_taken_over(
    client: TestClient, scored: Services, mine: Tenant
) -> None:
    first = client.post("/v1/projects", json=BODY, headers=key("one")).json()

    def crashed(seconds_ago: float) -> None:
        """As if the server had died after its work was done and before it was written down."""
        with scored.database.write() as connection:
            connection.execute(
                update(db.idempotency).values(
                    state="open", body=None, opened_at=time.time() - seconds_ago
                )
            )

    crashed(1.0)
    assert code(client.post("/v1/projects", json=BODY, headers=key("one"))) == (
        409,
        "request_in_progress",
    )
    crashed(STALE_SECONDS + 1)
    again = client.post("/v1/projects", json=BODY, headers=key("one"))
    assert (again.status_code, again.json()["id"]) == (201, first["id"])
    assert projects(scored) == 1


def test_a_failure_after_the_work_does_not_do_it_twice(
    app: Any, scored: Services, mine: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    from serving.api import projects as routes

    whole = routes.views.project
    monkeypatch.setattr(control, "submit", _then_fail(control.submit, scored))
    with TestClient(app, headers=mine.headers) as client:
        assert client.post("/v1/projects", json=BODY, headers=key("one")).status_code == 500
        assert projects(scored) == 1
        again = client.post("/v1/projects", json=BODY, headers=key("one"))
    assert again.status_code == 201
    assert projects(scored) == 1
    assert routes.views.project is whole


def _then_fail(submit: Any, services: Services) -> Any:
    def failing(_services: Any, connection: Any, *arguments: Any) -> str:
        # The work is committed by another connection, as a crash after the commit would leave it.
        connection.exec_driver_sql("ROLLBACK")
        with services.database.write() as own:
            submit(services, own, *arguments)
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        raise RuntimeError("dies here")

    return failing


def test_an_earlier_try_that_wakes_writes_nothing(scored: Services, mine: Tenant) -> None:
    ledger = Ledger(scored.database, scored.settings)
    slow = ledger.claim(mine.id, "one", "f")
    with scored.database.write() as connection:
        connection.execute(update(db.idempotency).values(opened_at=0.0))
    fast = ledger.claim(mine.id, "one", "f")
    assert fast.id("prj") == slow.id("prj")
    ledger.keep(fast, 201, {}, "fast")
    ledger.keep(slow, 201, {}, "slow")
    ledger.release(slow)
    kept = ledger.claim(mine.id, "one", "f").kept
    assert kept is not None
    assert kept[2] == "fast"


def test_keys_are_forgotten_after_their_time(scored: Services, mine: Tenant) -> None:
    ledger = Ledger(scored.database, scored.settings)
    ledger.keep(ledger.claim(mine.id, "one", "f"), 200, {}, "x")
    with scored.database.read() as connection:
        row = connection.execute(select(db.idempotency)).one()
    assert row.expires_at - row.created_at >= 24 * 3600
    with scored.database.write() as connection:
        connection.execute(update(db.idempotency).values(expires_at=time.time() - 1))
    assert ledger.claim(mine.id, "one", "other").kept is None
