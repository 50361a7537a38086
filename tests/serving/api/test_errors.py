from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from fastapi import FastAPI, Request
from sqlalchemy.exc import OperationalError
from starlette.testclient import TestClient

from serving.api.edge import MAX_BODY_BYTES
from serving.api.logs import JsonLines
from tests.serving.api.test_projects import code
from tests.serving.api.world import Tenant


def test_unknown_addresses_and_methods(anyone: TestClient) -> None:
    assert code(anyone.get("/v1/nothing")) == (404, "not_found")
    assert code(anyone.get("/v1/projects/")) == (404, "not_found")
    wrong = anyone.put("/v1/projects")
    assert code(wrong) == (405, "method_not_allowed")
    assert wrong.headers["allow"] == "GET, POST"


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"[1,", b'{"a": NaN}', b"[" * 100_000])
def test_what_is_not_json_is_refused(client: TestClient, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    refused = client.post("/v1/projects", content=body, headers=headers)
    assert refused.status_code in (400, 422)
    code(refused)


def test_large_bodies_are_refused_before_they_are_read(client: TestClient) -> None:
    sent = 0

    def body() -> Any:
        nonlocal sent
        for _ in range(64):
            sent += 1
            yield b"x" * (1 << 20)

    headers = {"Content-Type": "application/json"}
    assert code(client.post("/v1/projects", content=body(), headers=headers)) == (
        413,
        "payload_too_large",
    )
    assert MAX_BODY_BYTES == 16 << 20


def test_defects_are_500_without_their_inside(app: FastAPI, mine: Tenant, caplog: Any) -> None:
    @app.get("/broken")
    def broken() -> None:
        raise RuntimeError("secret inside")

    @app.get("/locked")
    def locked() -> None:
        raise OperationalError("SELECT secret", {}, Exception("locked"))

    with TestClient(app) as client:
        failed = client.get("/broken", headers={"X-Request-ID": "abc-1"})
        assert code(failed) == (500, "internal_error")
        assert "secret" not in failed.text
        assert "abc-1" in failed.json()["detail"]
        busy = client.get("/locked")
        assert code(busy) == (503, "database_busy")
        assert "SELECT" not in busy.text
    record = next(r for r in caplog.records if r.name == "serving.errors")
    line = json.loads(JsonLines().format(record))
    assert (line["request_id"], line["path"]) == ("abc-1", "/broken")
    assert "secret inside" in line["trace"]


def test_request_ids_go_through(anyone: TestClient) -> None:
    assert (
        anyone.get("/healthz", headers={"X-Request-ID": "my.id-1"}).headers["x-request-id"]
        == "my.id-1"
    )
    for bad in ("a b", "x" * 65, "a\tb", ""):
        given = anyone.get("/healthz", headers={"X-Request-ID": bad}).headers["x-request-id"]
        assert given.startswith("req_")


def test_one_log_line_per_request_without_secrets(
    client: TestClient, finished: str, mine: Tenant, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "serving")
    client.get(f"/v1/projects/{finished}")
    client.get("/healthz")
    records = [r for r in caplog.records if r.name == "serving.access"]
    assert len(records) == 1
    line = json.loads(JsonLines().format(records[0]))
    assert line["tenant"] == mine.id
    assert line["project"] == finished
    assert line["route"] == "/v1/projects/{project_id}"
    assert line["status"] == 200
    assert line["at"].endswith("+00:00")
    assert line["request_id"].startswith("req_")
    assert mine.key not in json.dumps(line)
    assert mine.key.split(".")[2] not in json.dumps(line)


def test_headers_that_choose_timeouts_or_models_are_taken_away(app: FastAPI) -> None:
    @app.get("/headers")
    def headers(request: Request) -> dict[str, str]:
        return dict(request.headers)

    steering = [
        "X-Request-Timeout-Seconds",
        "X-Request-Disconnect-Disabled",
        "Serve_Multiplexed_Model_Id",
        "serve-multiplexed-model-id",
        "X-Session-Id",
        "x_session_id",
        "X-Serve-Router-Any",
    ]
    sent = dict.fromkeys(steering, "1") | {"X-Kept": "yes", "X-Request-ID": "two words"}
    with TestClient(app) as client:
        seen = client.get("/headers", headers=sent).json()
        named = client.get("/headers", headers={"X-Request-ID": "one-word"}).json()
    assert seen["x-kept"] == "yes"
    assert not set(seen) & {name.lower() for name in (*steering, "X-Request-ID")}
    assert named["x-request-id"] == "one-word"


def test_security_headers_on_every_answer(anyone: TestClient) -> None:
    for url in ("/healthz", "/nothing", "/docs", "/v1/projects"):
        headers = anyone.get(url).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "server" not in headers


def test_docs_need_nothing_from_elsewhere(anyone: TestClient) -> None:
    page = anyone.get("/docs").text
    assert "src=" not in page
    assert "<script" not in page
    assert "http" not in page.replace("https://example.com", "").replace("https address", "")
    assert "/v1/projects/{project_id}/events" in page
    document = anyone.get("/openapi.json").json()
    types = anyone.get("/types.ts").text
    for name in document["components"]["schemas"]:
        assert f"export type {name} = " in types
    assert document["openapi"] == "3.1.0"
    assert 'state: "queued" | "running" | "done" | "empty" | "failed" | "cancelled";' in types
