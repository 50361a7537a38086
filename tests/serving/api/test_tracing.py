"""Traces: from a request through scorers and jobs, and out to a collector."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode, format_span_id, format_trace_id
from sqlalchemy import select, update
from starlette.testclient import TestClient

from serving.jobs.worker import Worker
from serving.services import Services
from serving.storage import database as db
from tests.serving.api.world import Tenant

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GIVEN = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
BODY = {"source": {"url": "https://example.com/talk.mp4"}}
EMITTING = """
from serving.tracing import set_up_tracing, span
set_up_tracing("talkreel-test")
with span("work"):
    pass
"""


def trace_of(span: ReadableSpan) -> str:
    return format_trace_id(span.context.trace_id)


def named(spans: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in spans.get_finished_spans()}


def payload(services: Services) -> dict[str, Any]:
    with services.database.read() as connection:
        found: dict[str, Any] = connection.execute(select(db.jobs.c.payload)).scalar_one()
    return found


def test_request_and_the_attempt_it_leads_to_share_the_callers_trace(
    client: TestClient, scored: Services, spans: InMemorySpanExporter, mine: Tenant
) -> None:
    made = client.post("/v1/projects", json=BODY, headers=GIVEN)
    (request,) = spans.get_finished_spans()
    assert request.name == "POST /v1/projects"
    assert request.kind is SpanKind.SERVER
    assert (trace_of(request), format_span_id(request.parent.span_id)) == (TRACE, CALLER)
    assert request.attributes == {
        "http.request.method": "POST",
        "http.route": "/v1/projects",
        "http.response.status_code": 201,
        "talkreel.request": made.headers["x-request-id"],
    }
    stored = f"00-{TRACE}-{format_span_id(request.context.span_id)}-01"
    assert payload(scored) == {"trace": {"traceparent": stored}}

    gone = {"kind": "object", "key": f"tenants/{mine.id}/sources/gone.mp4", "name": "gone.mp4"}
    with scored.database.write() as connection:
        connection.execute(update(db.projects).values(source=gone))
    lease = scored.queue.lease("worker")
    assert lease is not None
    Worker(scored, "worker").attempt(lease, threading.Event())
    attempt = named(spans)["attempt clip"]
    assert trace_of(attempt) == TRACE
    assert attempt.parent.span_id == request.context.span_id
    assert attempt.attributes["talkreel.project"] == made.json()["id"]
    assert attempt.attributes["error.type"] == "input"
    assert attempt.status.status_code is StatusCode.ERROR
    assert "gone.mp4" in str(attempt.status.description)
    told = "".join(span.to_json() for span in spans.get_finished_spans())
    assert mine.key not in told


def test_requests_without_a_trace_begin_one_each(
    client: TestClient, spans: InMemorySpanExporter
) -> None:
    client.get("/v1/projects/prj_none")
    client.get("/nowhere", headers={"traceparent": "00-nonsense"})
    client.get("/healthz")
    shown, nowhere = spans.get_finished_spans()
    assert (shown.name, nowhere.name) == ("GET /v1/projects/{project_id}", "GET")
    assert shown.attributes["http.response.status_code"] == 404
    assert shown.parent is nowhere.parent is None
    assert trace_of(shown) != trace_of(nowhere)


def test_without_settings_nothing_is_traced_or_stored(client: TestClient, scored: Services) -> None:
    assert client.post("/v1/projects", json=BODY).status_code == 201
    assert payload(scored) == {}


def emit(**variables: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    command = [sys.executable, "-c", EMITTING]
    return subprocess.run(command, env=kept | variables, capture_output=True, text=True)


def test_spans_reach_the_collector_that_the_environment_names() -> None:
    received: list[tuple[str, bytes]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        done = emit(OTEL_EXPORTER_OTLP_ENDPOINT=url, OTEL_EXPORTER_OTLP_COMPRESSION="none")
        server.shutdown()
        thread.join()
    assert done.returncode == 0, done.stderr
    ((path, body),) = received
    assert path == "/v1/traces"
    (resource,) = ExportTraceServiceRequest.FromString(body).resource_spans
    names = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
    assert names["service.name"] == "talkreel-test"
    assert [span.name for span in resource.scope_spans[0].spans] == ["work"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("OTEL_TRACES_EXPORTER", "zipkin"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")],
)
def test_an_exporter_that_is_not_here_is_refused(name: str, value: str) -> None:
    done = emit(**{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", name: value})
    assert done.returncode == 1
    assert "traces go out by otlp over http/protobuf" in done.stderr
    assert value in done.stderr
