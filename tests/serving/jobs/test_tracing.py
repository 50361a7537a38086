"""Spans of a job's attempts and of their phases."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from serving.tracing import span
from tests.serving.jobs.talk import Talk

pytestmark = pytest.mark.integration


def test_a_job_is_one_trace_with_a_span_for_each_phase(
    warm_talk: Talk, spans: InMemorySpanExporter
) -> None:
    with span("ask") as asked:
        project = warm_talk.submit()
    assert warm_talk.work_until_done(project).state == "done"
    found = spans.get_finished_spans()
    assert {each.context.trace_id for each in found} == {asked.get_span_context().trace_id}
    attempt = next(each for each in found if each.name == "attempt clip")
    assert attempt.attributes["talkreel.attempt"] == 1
    assert attempt.status.status_code is StatusCode.UNSET
    phases = [each for each in found if each.parent == attempt.context]
    told = {event.data["phase"] for event in warm_talk.events(project, "project.progress")}
    assert {phase.name for phase in phases} == told >= {"words", "picture", "rank", "clips"}
    for phase in phases:
        assert attempt.start_time <= phase.start_time <= phase.end_time <= attempt.end_time


def test_a_cancelled_attempt_says_so(talk: Talk, spans: InMemorySpanExporter) -> None:
    project = talk.submit()
    with talk.working():
        talk.work_until(project, "words")
        talk.cancel(project)
        talk.wait(project)
    (attempt,) = (each for each in spans.get_finished_spans() if each.name == "attempt clip")
    assert attempt.attributes["error.type"] == "cancelled"
