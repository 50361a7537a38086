"""A project's events as they happen: pushed by the server, or asked for where that fails."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from talkreel.client.records import Event, Progress, Project
from talkreel.client.requests import (
    address,
    checked,
    fetched,
    json_of,
    problem,
    read_value,
    retry_after,
    wait_seconds,
)
from talkreel.client.sse import Parser
from talkreel.client.steps import Broken, Call, Emit, More, Reply, Sleep, Steps, Stream, heard

# So many streams that broke before they brought anything: something between us holds them back.
_GIVE_UP_STREAMS = 3
_POLL_SECONDS = 1.0
_BUSY = frozenset({429, 500, 502, 503, 504})
_STREAM = "text/event-stream"


@dataclass(slots=True)
class _Place:
    number: int


def events(project_id: str, after: int = 0) -> Stream[Event]:
    """Events with a number above ``after``, until nothing more will come.

    Raises:
        ApiError: no such project, or the server cannot be reached.
    """
    place = _Place(after)
    broken = 0
    while broken < _GIVE_UP_STREAMS:
        before = place.number
        try:
            if (yield from _stream(project_id, place)):
                return
        except Broken:
            broken = 0 if place.number > before else broken + 1
            yield Sleep(wait_seconds(max(1, broken)))
    yield from _pages(project_id, place)


def wait(
    project_id: str,
    *,
    timeout_seconds: float | None,
    progress: Callable[[Progress], None] | None,
    on_event: Callable[[Event], None] | None,
    after: int = 0,
) -> Steps[Project]:
    """Wait until a project has ended, however it does; returns it.

    Raises:
        TimeoutError: it has not, in so many seconds; looked at with every sign of life.
        ApiError: no such project, or the server cannot be reached.
    """
    deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
    number = after

    def tell(event: Event | None) -> None:
        nonlocal number
        if event is not None:
            number = event.number
            if on_event:
                on_event(event)
            if progress and event.type == "project.progress":
                progress(read_value(event.data, Progress))

    while True:
        yield from _in_time(heard(events(project_id, number), tell), project_id, deadline)
        project = yield from fetched(Call("GET", address("projects", project_id)), Project)
        if project.ended:
            return project
        # The last event was that of an earlier run: somebody has asked for another meanwhile.
        yield Sleep(_POLL_SECONDS)


def _in_time(steps: Steps[None], project_id: str, deadline: float | None) -> Steps[None]:
    try:
        step = next(steps)
        while True:
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError(f"{project_id} has not ended in time")
            try:
                answer = yield step
            except Broken as error:
                step = steps.throw(error)
            else:
                step = steps.send(answer)
    except StopIteration:
        return
    finally:
        steps.close()


def _stream(project_id: str, place: _Place) -> Steps[bool]:
    """One connection; whether everything has been said."""
    headers = {"Accept": _STREAM, "Last-Event-ID": str(place.number)}
    call = Call("GET", address("projects", project_id, "events"), headers=headers, streamed=True)
    reply: Reply = yield call
    if reply.status == 204:
        return True
    if reply.status != 200:
        yield from _refused(reply)
    if not reply.headers.get("content-type", "").startswith(_STREAM):
        raise Broken("the events do not come as a stream")
    parser = Parser()
    while piece := (yield More()):
        try:
            for sent in parser.feed(piece):
                event = _event(json.loads(sent.data))
                if event.number > place.number:
                    place.number = event.number
                    yield Emit(event)  # type: ignore[misc]
        except ValueError as error:
            raise Broken(f"the events cannot be read: {error}") from error
    return False


def _refused(reply: Reply) -> Steps[None]:
    body = b""
    while piece := (yield More()):
        body += piece
    error = problem(Reply(reply.status, reply.headers, body))
    if reply.status not in _BUSY:
        raise error
    yield Sleep(retry_after(reply))
    raise Broken(str(error))


def _pages(project_id: str, place: _Place) -> Stream[Event]:
    path = address("projects", project_id, "events")
    while True:
        call = Call(
            "GET", path, params={"after": place.number}, headers={"Accept": "application/json"}
        )
        page: Any = json_of((yield from checked(call)))
        for item in page["events"]:
            place.number = item["number"]
            yield Emit(_event(item))
        if page["ended"]:
            return
        if not page["events"]:
            yield Sleep(_POLL_SECONDS)


def _event(value: Any) -> Event:
    return read_value(value, Event)
