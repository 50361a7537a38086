from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import update
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from serving.services import Services
from serving.storage import database as db
from serving.storage import events
from tests.serving.api.test_projects import code
from tests.serving.api.world import Tenant, add_finished, add_queued
from tests.serving.edges.live import Live, live

JSON = {"Accept": "application/json"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Live]:
    with live(tmp_path / "live") as running:
        yield running


def owner(server: Live) -> Tenant:
    return Tenant(server.tenant, server.key)


def say(services: Services, project_id: str, percent: float) -> None:
    with services.database.write() as connection:
        events.append(connection, project_id, "project.progress", {"percent": percent})


def end(services: Services, project_id: str) -> None:
    with services.database.write() as connection:
        of_project = db.jobs.c.project_id == project_id
        connection.execute(update(db.jobs).where(of_project).values(state="done"))
        connection.execute(
            update(db.projects).where(db.projects.c.id == project_id).values(state="done")
        )
        events.append(connection, project_id, "project.completed", {})


def parse(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    """Events of a stream as EventSource reads them."""
    event: dict[str, str] = {}
    for line in lines:
        if line == "":
            if "data" in event:
                yield {**json.loads(event["data"]), "id": event["id"], "event": event["event"]}
            event = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(": ")
            event[name] = value


def stream(server: Live, project_id: str, **headers: str) -> list[dict[str, Any]]:
    """All events to the end of the stream."""
    url = f"{server.url}/v1/projects/{project_id}/events"
    sent = owner(server).headers | {n.replace("_", "-"): v for n, v in headers.items()}
    with httpx.stream("GET", url, headers=sent, timeout=20) as answer:
        if answer.status_code == 204:
            return []
        assert answer.headers["content-type"].startswith("text/event-stream")
        return list(parse(answer.iter_lines()))


def test_a_stream_tells_all_to_the_end_and_resumes(server: Live) -> None:
    project_id = add_queued(server.services, owner(server))
    for percent in range(5):
        say(server.services, project_id, percent)
    end(server.services, project_id)
    told = stream(server, project_id)
    assert [event["number"] for event in told] == list(range(1, 8))
    assert told[0]["event"] == told[0]["type"] == "project.queued"
    assert told[-1]["type"] == "project.completed"
    assert [event["id"] for event in told] == [str(event["number"]) for event in told]
    assert stream(server, project_id, Last_Event_ID="4") == told[4:]
    # EventSource comes back after the end; 204 stops it.
    assert stream(server, project_id, Last_Event_ID="7") == []


def test_events_arrive_within_a_second(server: Live) -> None:
    project_id = add_queued(server.services, owner(server))
    lags: list[float] = []

    def watch() -> None:
        url = f"{server.url}/v1/projects/{project_id}/events"
        with httpx.stream("GET", url, headers=owner(server).headers, timeout=20) as answer:
            for event in parse(answer.iter_lines()):
                lags.append(time.time() - event["at"])

    watchers = [threading.Thread(target=watch) for _ in range(5)]
    for watcher in watchers:
        watcher.start()
    time.sleep(0.5)
    for percent in range(12):
        say(server.services, project_id, percent)
        time.sleep(0.13)
    end(server.services, project_id)
    for watcher in watchers:
        watcher.join(10)
        assert not watcher.is_alive()
    lags = sorted(lags[5:])
    assert len(lags) == 5 * 13
    assert lags[int(0.95 * len(lags))] < 1.0


def test_a_client_that_is_gone_or_slow_costs_nothing(server: Live) -> None:
    project_id = add_queued(server.services, owner(server))
    address = urlsplit(server.url)
    request = (
        f"GET /v1/projects/{project_id}/events HTTP/1.1\r\nHost: {address.netloc}\r\n"
        f"Authorization: Bearer {server.key}\r\n\r\n"
    ).encode()
    slow = socket.create_connection((address.hostname, address.port))
    slow.sendall(request)
    for _ in range(20):
        with socket.create_connection((address.hostname, address.port)) as gone:
            gone.sendall(request)
            gone.recv(10)
    end(server.services, project_id)
    assert stream(server, project_id)[-1]["type"] == "project.completed"
    assert httpx.get(f"{server.url}/healthz").status_code == 200
    slow.close()


def test_a_deleted_project_ends_its_stream(server: Live) -> None:
    project_id = add_queued(server.services, owner(server))
    told: list[Any] = []
    watcher = threading.Thread(target=lambda: told.extend(stream(server, project_id)))
    watcher.start()
    time.sleep(0.4)
    url = f"{server.url}/v1/projects/{project_id}"
    assert httpx.delete(url, headers=owner(server).headers).status_code == 204
    watcher.join(5)
    assert not watcher.is_alive()
    assert [event["type"] for event in told] == ["project.queued"]


def test_pages_for_polling(client: TestClient, scored: Services, mine: Tenant) -> None:
    project_id = add_queued(scored, mine)
    for percent in range(4):
        say(scored, project_id, percent)
    url = f"/v1/projects/{project_id}/events"
    first = client.get(url, params={"limit": 3}, headers=JSON).json()
    assert ([e["number"] for e in first["events"]], first["next"]) == ([1, 2, 3], 3)
    rest = client.get(url, params={"after": first["next"]}, headers=JSON).json()
    assert ([e["number"] for e in rest["events"]], rest["ended"]) == ([4, 5], False)
    end(scored, project_id)
    last = client.get(url, params={"after": 5}, headers=JSON).json()
    assert ([e["type"] for e in last["events"]], last["ended"]) == (["project.completed"], True)
    nothing = client.get(url, params={"after": 6}, headers=JSON).json()
    assert nothing == {"events": [], "next": 6, "ended": True}
    assert code(client.get(url, params={"after": -1}, headers=JSON)) == (422, "invalid_request")


def test_a_changed_clip_keeps_the_log_open(
    client: TestClient, scored: Services, finished: str
) -> None:
    clip = client.get(f"/v1/projects/{finished}/clips").json()["clips"][0]
    client.patch(f"/v1/clips/{clip['id']}", json={"title": "New"})
    page = client.get(f"/v1/projects/{finished}/events", headers=JSON).json()
    assert page["events"][-1]["type"] == "project.completed"
    assert page["ended"] is False


def receive(socket_: Any) -> list[dict[str, Any]]:
    """Messages until the server closes, and its code."""
    told: list[dict[str, Any]] = []
    try:
        while True:
            told.append(socket_.receive_json())
    except WebSocketDisconnect as closed:
        return [*told, {"closed": closed.code}]


def test_the_socket_tells_the_same(
    anyone: TestClient, scored: Services, mine: Tenant, finished: str
) -> None:
    url = f"/v1/projects/{finished}/ws"
    with anyone.websocket_connect(url) as opened:
        opened.send_json({"token": mine.key})
        told = receive(opened)
    assert [event.get("type") for event in told[:-1]] == [
        "project.queued",
        "clip.ready",
        "clip.ready",
        "clip.ready",
        "project.completed",
    ]
    assert told[-1] == {"closed": 1000}
    with anyone.websocket_connect(url) as opened:
        opened.send_json({"token": mine.key, "after": 4})
        assert [event.get("number") for event in receive(opened)] == [5, None]


def test_tickets_open_once_and_only_their_project(
    anyone: TestClient, client: TestClient, scored: Services, mine: Tenant, tmp_path: Path
) -> None:
    first = add_finished(scored, mine, tmp_path / "a")
    second = add_finished(scored, mine, tmp_path / "b")

    def ticket(project_id: str) -> str:
        return str(client.post(f"/v1/projects/{project_id}/tickets").json()["ticket"])

    def last(project_id: str, value: str) -> int:
        with anyone.websocket_connect(f"/v1/projects/{project_id}/ws?ticket={value}") as opened:
            return int(receive(opened)[-1]["closed"])

    good = ticket(first)
    assert last(first, good) == 1000
    assert last(first, good) == 4401
    assert last(second, ticket(first)) == 4401
    assert last(first, "guess") == 4401
    old = ticket(first)
    with scored.database.write() as connection:
        connection.execute(update(db.tickets).values(expires_at=time.time() - 1))
    assert last(first, old) == 4401


def test_a_ticket_opens_one_stream_for_eventsource(
    anyone: TestClient, client: TestClient, finished: str
) -> None:
    url = f"/v1/projects/{finished}/events"
    ticket = client.post(f"/v1/projects/{finished}/tickets").json()["ticket"]
    told = anyone.get(url, params={"ticket": ticket}, headers={"Accept": "text/event-stream"})
    assert [event["number"] for event in parse(iter(told.text.splitlines()))] == [1, 2, 3, 4, 5]
    assert code(anyone.get(url, params={"ticket": ticket})) == (401, "unauthenticated")
    resumed = client.get(url, params={"after": 1}, headers={"Last-Event-ID": "3"})
    assert [event["number"] for event in parse(iter(resumed.text.splitlines()))] == [4, 5]


@pytest.mark.parametrize(
    ("message", "closed"),
    [
        ('{"token": "tk.a.b"}', 4401),
        ("not json", 4401),
        ("[]", 4401),
        ("{}", 4401),
        ('{"token": "x", "after": []}', 4401),
    ],
)
def test_sockets_without_a_valid_token_are_closed(
    anyone: TestClient, finished: str, message: str, closed: int
) -> None:
    with anyone.websocket_connect(f"/v1/projects/{finished}/ws") as opened:
        opened.send_text(message)
        assert receive(opened) == [{"closed": closed}]


def test_sockets_of_others_and_other_origins(
    anyone: TestClient, finished: str, mine: Tenant, other: Tenant
) -> None:
    url = f"/v1/projects/{finished}/ws"
    with anyone.websocket_connect(url) as opened:
        opened.send_json({"token": other.key})
        assert receive(opened) == [{"closed": 4404}]
    with (
        pytest.raises(WebSocketDisconnect) as refused,
        anyone.websocket_connect(url, headers={"Origin": "https://evil.example"}),
    ):
        pass
    assert refused.value.code == 4403
    with anyone.websocket_connect(url, headers={"Origin": "http://testserver"}) as opened:
        opened.send_json({"token": mine.key})
        assert receive(opened)[-1] == {"closed": 1000}
