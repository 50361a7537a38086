"""Deliveries to real receivers: signed, on schedule, one at a time, and never lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from standardwebhooks import Webhook, WebhookVerificationError

from serving.accounts import create_tenant
from serving.net import transfer as net
from serving.services import Services, open_services
from serving.settings import Settings
from serving.storage import database as db
from serving.webhooks import endpoints, signing
from serving.webhooks.deliverer import SCHEDULE, Deliverer, Delivery
from serving.webhooks.message import MAX_BODY, Outcome, event_body
from tests.serving.edges.happenings import add_project, happens
from tests.serving.edges.sites import Site, reply, until
from tests.serving.servers import Postgres, postgres

__all__ = ["postgres"]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "data", allow_private_urls=True)


def _endpoint(services: Services, tenant: str, url: str, *types: str) -> tuple[str, str]:
    with services.database.write() as connection:
        endpoint, secret = endpoints.create(connection, tenant, url, types)
    return endpoint.id, secret


def _rows(services: Services) -> list[Any]:
    with services.database.read() as connection:
        return list(connection.execute(select(db.deliveries).order_by(db.deliveries.c.id)))


def _due_now(services: Services) -> None:
    with services.database.write() as connection:
        connection.execute(update(db.deliveries).values(next_at=time.time()))


def _send_one(services: Services) -> Outcome:
    deliverer = Deliverer(services)
    delivery = deliverer.claim()
    assert delivery is not None
    return deliverer.deliver(delivery)


@contextmanager
def _running(*deliverers: Deliverer) -> Iterator[None]:
    stop = threading.Event()
    threads = [threading.Thread(target=one.run, args=(stop,)) for one in deliverers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_the_reference_library_accepts_what_arrives(
    services: Services, tenant: str, site: Site
) -> None:
    endpoint_id, secret = _endpoint(services, tenant, site.url + "/hook")
    project = add_project(services, tenant)
    happens(services, project, clip_id="clp_1", title="Größe — ✓")
    assert _send_one(services) == Outcome(200, None)

    [(_, path, headers, body)] = site.calls
    assert path == "/hook"
    assert headers["content-type"] == "application/json"
    found = Webhook(secret).verify(body, headers)
    assert set(found) == {"type", "timestamp", "data"}
    assert found["type"] == "clip.ready"
    assert found["data"] == {
        "project_id": project,
        "number": 1,
        "clip_id": "clp_1",
        "title": "Größe — ✓",
    }
    assert datetime.fromisoformat(found["timestamp"]).utcoffset() is not None
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body.replace(b"clp_1", b"clp_2"), headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(signing.new_secret()).verify(body, headers)
    [row] = _rows(services)
    assert (row.state, row.attempt, row.last_status, row.endpoint_id) == (
        "sent",
        1,
        200,
        endpoint_id,
    )


def test_signatures_equal_those_of_the_reference_library() -> None:
    at = datetime.fromtimestamp(1_700_000_000)
    for secret in (signing.new_secret(), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"):
        expected = Webhook(secret).sign("msg_1", at, '{"a":"é"}')
        assert signing.sign([secret], "msg_1", 1_700_000_000, '{"a":"é"}'.encode()) == expected


def test_while_rotating_both_secrets_verify(services: Services, tenant: str, site: Site) -> None:
    endpoint_id, old = _endpoint(services, tenant, site.url)
    with services.database.write() as connection:
        new = endpoints.rotate(connection, tenant, endpoint_id)
    assert new is not None
    happens(services, add_project(services, tenant))
    _send_one(services)
    [(_, _, headers, body)] = site.calls
    assert len(headers["webhook-signature"].split()) == 2
    for secret in (old, new):
        Webhook(secret).verify(body, headers)


def test_an_old_secret_ends_after_a_day_and_few_are_kept() -> None:
    column = signing.stored("whsec_b2xk")
    now = 1000.0
    column = signing.rotated(column, "whsec_bmV3", now)
    assert signing.live(column, now + signing.ROTATION_SECONDS - 1) == ["whsec_bmV3", "whsec_b2xk"]
    assert signing.live(column, now + signing.ROTATION_SECONDS) == ["whsec_bmV3"]
    for number in range(10):
        column = signing.rotated(column, f"whsec_{number}", now)
    assert signing.live(column, now) == ["whsec_9", "whsec_8", "whsec_7"]


def test_a_projects_own_url_is_signed_with_the_tenants_default_secret(
    services: Services, tenant: str, site: Site
) -> None:
    with services.database.write() as connection:
        secret = endpoints.rotate(connection, tenant, endpoints.DEFAULT)
    assert secret is not None
    happens(services, add_project(services, tenant, site.url + "/own"))
    _send_one(services)
    [(_, path, headers, body)] = site.calls
    assert path == "/own"
    Webhook(secret).verify(body, headers)
    with services.database.read() as connection:
        assert endpoints.listed(connection, tenant) == []
        row_id = f"whe_default_{tenant}"
        assert endpoints.find(connection, tenant, row_id) is None
    with services.database.write() as connection:
        assert not endpoints.remove(connection, tenant, row_id)
        assert endpoints.rotate(connection, tenant, row_id) is None


@pytest.fixture(params=["sqlite", "postgresql"])
def shared(request: pytest.FixtureRequest, settings: Settings) -> Iterator[tuple[Services, str]]:
    """Services and a tenant on each kind of database."""
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        url = server.create(f"webhooks{time.time_ns()}")
        settings = settings.model_copy(update={"database_url": url})
    opened = open_services(settings)
    with opened.database.write() as connection:
        tenant = create_tenant(connection, "acme", settings)
    yield opened, tenant
    opened.database.close()


def test_the_default_secret_is_made_once(shared: tuple[Services, str]) -> None:
    services, tenant = shared
    found: list[list[str]] = []

    def ask() -> None:
        with services.database.write() as connection:
            found.append(endpoints.signing_secrets(connection, tenant))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert len({tuple(secrets) for secrets in found}) == 1


def test_only_wanted_types_are_sent(services: Services, tenant: str, site: Site) -> None:
    _endpoint(services, tenant, site.url, "project.completed")
    project = add_project(services, tenant)
    happens(services, project, "clip.ready")
    happens(services, project, "project.progress")
    happens(services, project, "project.completed")
    assert len(_rows(services)) == 1
    with pytest.raises(ValueError, match="project.done"):
        _endpoint(services, tenant, site.url, "project.done")


def test_the_id_stays_and_the_waits_follow_the_schedule(
    services: Services, tenant: str, site: Site
) -> None:
    _, secret = _endpoint(services, tenant, site.url)
    happens(services, add_project(services, tenant))
    site.answer = lambda handler, _: reply(handler, 500)
    waits = []
    for _ in SCHEDULE:
        began = time.time()
        assert _send_one(services).error == "answered 500"
        [row] = _rows(services)
        waits.append(row.next_at - began)
        _due_now(services)
    # The wait before the first is none; each other may be up to a tenth longer.
    for planned, waited in zip(SCHEDULE[1:], waits[:-1], strict=True):
        assert planned <= waited <= planned * 1.1 + 2
    assert sum(SCHEDULE) == pytest.approx(75.6 * 3600, rel=0.01)

    assert len({headers["webhook-id"] for _, _, headers, _ in site.calls}) == 1
    assert len({body for _, _, _, body in site.calls}) == 1
    for _, _, headers, body in site.calls:
        Webhook(secret).verify(body, headers)
    [row] = _rows(services)
    assert (row.state, row.attempt, row.last_error) == ("failed", 10, "answered 500")
    assert Deliverer(services).claim() is None
    with services.database.read() as connection:
        [endpoint] = endpoints.listed(connection, tenant)
    assert "10 attempts" in (endpoint.disabled_why or "")


@pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 500])
def test_anything_but_2xx_is_tried_again(
    services: Services, tenant: str, site: Site, status: int
) -> None:
    _endpoint(services, tenant, site.url)
    happens(services, add_project(services, tenant))
    site.answer = lambda handler, _: reply(handler, status, Location="/other")
    _send_one(services)
    [row] = _rows(services)
    assert (row.state, row.last_status) == ("waiting", status)
    assert [path for _, path, _, _ in site.calls] == ["/"]
    site.answer = lambda handler, _: reply(handler, 204)
    _due_now(services)
    _send_one(services)
    assert _rows(services)[0].state == "sent"


def test_gone_disables_the_endpoint_and_what_waits_for_it(
    services: Services, tenant: str, site: Site
) -> None:
    endpoint_id, _ = _endpoint(services, tenant, site.url)
    project = add_project(services, tenant)
    happens(services, project)
    happens(services, project)
    site.answer = lambda handler, _: reply(handler, 410)
    _send_one(services)
    assert Counter(row.state for row in _rows(services)) == {"failed": 2}
    with services.database.read() as connection:
        found = endpoints.find(connection, tenant, endpoint_id)
    assert found is not None
    assert found.disabled_at is not None
    assert "410" in (found.disabled_why or "")
    happens(services, project)
    assert len(_rows(services)) == 2


def test_gone_ends_a_projects_own_url_too(services: Services, tenant: str, site: Site) -> None:
    project = add_project(services, tenant, site.url)
    happens(services, project)
    happens(services, project)
    site.answer = lambda handler, _: reply(handler, 410)
    _send_one(services)
    happens(services, project)
    assert [row.state for row in _rows(services)] == ["failed", "failed"]


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_receiver_is_left_alone_for_as_long_as_it_asks(
    services: Services, tenant: str, site: Site, status: int
) -> None:
    _endpoint(services, tenant, site.url)
    project = add_project(services, tenant)
    happens(services, project)
    happens(services, project)
    site.answer = lambda handler, _: reply(handler, status, Retry_After="600")
    began = time.time()
    _send_one(services)
    assert all(row.next_at - began > 590 for row in _rows(services))
    assert Deliverer(services).claim() is None


def test_nobody_is_asked_to_wait_for_ever(services: Services, tenant: str, site: Site) -> None:
    _endpoint(services, tenant, site.url)
    happens(services, add_project(services, tenant))
    site.answer = lambda handler, _: reply(handler, 429, Retry_After="99999999")
    _send_one(services)
    assert _rows(services)[0].next_at - time.time() < 86_500


def test_a_receiver_inside_is_not_called(tenant: str, services: Services, site: Site) -> None:
    strict = open_services(Settings(data=services.settings.data))
    _endpoint(services, tenant, site.url.replace("http:", "https:"))
    happens(services, add_project(services, tenant))
    outcome = _send_one(strict)
    strict.database.close()
    assert outcome.status is None
    assert "port" in (outcome.error or "")
    assert site.calls == []


def test_long_data_is_left_out_and_can_be_asked_for() -> None:
    body = event_body(
        "project.failed", 0.0, {"project_id": "prj_1", "number": 7, "failure": {"tail": "é" * 9999}}
    )
    assert len(body) < MAX_BODY
    assert json.loads(body) == {
        "type": "project.failed",
        "timestamp": "1970-01-01T00:00:00Z",
        "data": {"project_id": "prj_1", "number": 7, "truncated": True},
    }


def test_a_claim_is_for_one_and_runs_out(services: Services, tenant: str, site: Site) -> None:
    _endpoint(services, tenant, site.url)
    happens(services, add_project(services, tenant))
    dead = Deliverer(services, claim_seconds=0.2)
    late = dead.claim()
    assert late is not None
    assert Deliverer(services).claim() is None
    time.sleep(0.25)
    second = Deliverer(services).claim()
    assert second is not None
    assert (second.id, second.body, second.attempt) == (late.id, late.body, 2)
    # The first wakes up: what it writes does not touch the second's claim.
    site.answer = lambda handler, _: reply(handler, 500)
    dead.deliver(late)
    assert _rows(services)[0].next_at - time.time() > 60


def test_several_deliverers_send_each_once(shared: tuple[Services, str], site: Site) -> None:
    services, tenant = shared
    _endpoint(services, tenant, site.url)
    project = add_project(services, tenant)
    for number in range(40):
        happens(services, project, clip_id=str(number))
    with _running(*(Deliverer(services) for _ in range(4))):
        until(lambda: all(row.state == "sent" for row in _rows(services)), 30)
    sent = Counter(headers["webhook-id"] for _, _, headers, _ in site.calls)
    assert len(sent) == 40
    assert set(sent.values()) == {1}


def test_a_hanging_receiver_holds_up_only_its_own_tenant(
    services: Services, tenant: str, site: Site
) -> None:
    with services.database.write() as connection:
        other = create_tenant(connection, "other", services.settings)
    hang = threading.Event()

    def answer(handler: Any, _: int) -> None:
        if handler.path == "/hang":
            hang.wait(20)
        reply(handler, 200)

    site.answer = answer
    _endpoint(services, tenant, site.url + "/hang")
    _endpoint(services, other, site.url + "/quick")
    project, quick = add_project(services, tenant), add_project(services, other)
    for _ in range(20):
        happens(services, project)
    with _running(Deliverer(services, parallel=4)):
        until(lambda: len(site.calls) >= 2)
        began = time.monotonic()
        happens(services, quick)
        until(lambda: any(path == "/quick" for _, path, _, _ in site.calls))
        lag = time.monotonic() - began
        hang.set()
    assert lag < 3
    assert sum(path == "/hang" for _, path, _, _ in site.calls) <= 20


_CHILD = """
import sys, threading
from pathlib import Path
from serving.services import open_services
from serving.settings import Settings
from serving.webhooks.deliverer import Deliverer
services = open_services(Settings(data=Path(sys.argv[1]), allow_private_urls=True))
Deliverer(services, claim_seconds=0.5).run(threading.Event())
"""


def test_kill_minus_nine_loses_nothing(services: Services, tenant: str, site: Site) -> None:
    _, secret = _endpoint(services, tenant, site.url)
    project = add_project(services, tenant)
    for number in range(30):
        happens(services, project, clip_id=str(number))
    site.answer = lambda handler, _: (time.sleep(0.02), reply(handler, 200))[1]

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-c", _CHILD, str(services.settings.data)], start_new_session=True
        )

    for kill_at in (3, 12, 20):
        child = start()
        until(lambda at=kill_at: len(site.calls) >= at, 60)  # type: ignore[misc]
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    with _running(Deliverer(services)):
        until(lambda: all(row.state == "sent" for row in _rows(services)), 30)

    ids = Counter(headers["webhook-id"] for _, _, headers, _ in site.calls)
    assert set(ids) == {row.id for row in _rows(services)}
    # What was under way at a kill comes again, under the same id and with the same body.
    assert sum(ids.values()) - len(ids) <= 3 * 8
    bodies = {(headers["webhook-id"], body) for _, _, headers, body in site.calls}
    assert len(bodies) == 30
    for _, _, headers, body in site.calls:
        Webhook(secret).verify(body, headers)


def test_a_deliverer_outlives_the_database(
    services: Services, tenant: str, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy.exc import OperationalError

    _endpoint(services, tenant, site.url)
    happens(services, add_project(services, tenant))
    deliverer, failures = Deliverer(services), 0
    claim = deliverer.claim

    def flaky(busy: Any = ()) -> Delivery | None:
        nonlocal failures
        failures += 1
        if failures <= 2:
            raise OperationalError("select", {}, Exception("the server closed the connection"))
        return claim(busy)

    monkeypatch.setattr(deliverer, "claim", flaky)
    with _running(deliverer):
        until(lambda: _rows(services)[0].state == "sent")


def test_answers_are_not_read(services: Services, tenant: str, site: Site) -> None:
    def pour(handler: Any, _: int) -> None:
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b"x" * 65536)

    site.answer = pour
    began = time.monotonic()
    assert net.post(site.url, b"{}", {}, 20, allow_private=True).status == 200
    assert time.monotonic() - began < 5
