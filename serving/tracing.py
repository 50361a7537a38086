"""OpenTelemetry traces: one for a request, what the scorers do for it and the job it leads to.

Off until the environment names a receiver; a span costs some microseconds while it is off.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from talkreel.core.errors import InputError

Attribute = str | int | float | bool

_TRACER = trace.get_tracer("talkreel")
# Not the propagators of the environment: a client's baggage is not to be kept with its jobs.
_W3C = TraceContextTextMapPropagator()
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def set_up_tracing(service_name: str) -> None:
    """Send this process's spans to where the environment says; nothing happens if it does not.

    Args:
        service_name: what the process is, unless ``OTEL_SERVICE_NAME`` says otherwise.

    Raises:
        InputError: the environment asks for an exporter that is not here.
    """
    default = "otlp" if any(os.environ.get(name) for name in _ENDPOINTS) else "none"
    wanted = os.environ.get("OTEL_TRACES_EXPORTER", "").strip().lower() or default
    if wanted == "none":
        return
    protocol = os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
    if (wanted, protocol) != ("otlp", "http/protobuf"):
        raise InputError(
            f"traces go out by otlp over http/protobuf, not {wanted} over {protocol}: change "
            "OTEL_TRACES_EXPORTER and OTEL_EXPORTER_OTLP_PROTOCOL, or unset them"
        )
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    if isinstance(trace.get_tracer_provider(), TracerProvider):
        return
    name = os.environ.get("OTEL_SERVICE_NAME") or service_name
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: name}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)


@contextmanager
def span(
    name: str, kind: SpanKind = SpanKind.INTERNAL, parent: Mapping[str, str] | None = None
) -> Iterator[Span]:
    """A span around what is done here; an exception that leaves it is recorded by its class.

    Args:
        name: of the span.
        kind: its side of a call.
        parent: W3C headers of the span it continues; the current span if None.
    """
    context = None if parent is None else _W3C.extract(parent)
    # Messages are left out: the database's quote what was to be stored.
    with _TRACER.start_as_current_span(
        name, context, kind, record_exception=False, set_status_on_exception=False
    ) as opened:
        try:
            yield opened
        except Exception as error:
            opened.set_attribute("error.type", type(error).__name__)
            opened.set_status(StatusCode.ERROR)
            raise


def carried() -> dict[str, dict[str, str]]:
    """The current span for another process, as ``{"trace": W3C headers}``; empty if none."""
    headers: dict[str, str] = {}
    _W3C.inject(headers)
    return {"trace": headers} if headers else {}


class JobSpans:
    """The span of a job's attempt, and in it one for each of its phases in turn.

    Args:
        name: of the attempt's span.
        parent: W3C headers of what asked for the job; None starts a trace.
        attributes: of the attempt.
    """

    def __init__(
        self, name: str, parent: Mapping[str, str] | None, attributes: Mapping[str, Attribute]
    ) -> None:
        context = _W3C.extract(parent or {})
        self._whole = _TRACER.start_span(name, context, SpanKind.CONSUMER, attributes)
        self._phase: Span = INVALID_SPAN
        self._failed = False

    def enter(self, phase: str) -> None:
        """The next phase begins."""
        self._phase.end()
        self._phase = _TRACER.start_span(phase, trace.set_span_in_context(self._whole))

    def fail(self, cause: str, message: str) -> None:
        """The attempt ends early, in the phase it is in; what follows from that is not told."""
        if self._failed:
            return
        self._failed = True
        for failed in (self._phase, self._whole):
            failed.set_attribute("error.type", cause)
            failed.set_status(StatusCode.ERROR, message)

    def close(self) -> None:
        """The attempt is over."""
        self._phase.end()
        self._whole.end()
