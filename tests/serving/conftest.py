from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from serving.accounts import create_key, create_tenant
from serving.services import Services, open_services
from serving.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "data", lease_seconds=2.0, retry_seconds=0.1, min_free_bytes=0)


@pytest.fixture
def services(settings: Settings) -> Iterator[Services]:
    opened = open_services(settings)
    yield opened
    opened.database.close()


@pytest.fixture
def tenant(services: Services) -> str:
    with services.database.write() as connection:
        return create_tenant(connection, "acme", services.settings)


@pytest.fixture
def api_key(services: Services, tenant: str) -> str:
    with services.database.write() as connection:
        return create_key(connection, tenant, "test")


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """Spans that have ended during a test, of this process."""
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    monkeypatch.setattr("serving.tracing._TRACER", provider.get_tracer("test"))
    yield kept
    provider.shutdown()
