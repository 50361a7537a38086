"""What the client does with answers and failures, against a server that is scripted."""

from __future__ import annotations

import asyncio
import inspect
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from talkreel.client import ApiError, AsyncClient, Client, Event, Project
from talkreel.client.records import read

PROJECT = {
    "id": "prj_1",
    "state": "running",
    "source": {"kind": "upload", "name": "talk.mp4"},
    "options": {},
    "webhook_url": None,
    "progress": {"phase": "words", "percent": 40, "seconds_left": None, "added_later": 1},
    "failure": None,
    "warnings": ["dim"],
    "media": None,
    "clips": 0,
    "created_at": 1.0,
    "started_at": None,
    "finished_at": None,
    "links": {},
    "added_later": {"by": "a newer server"},
}
Answer = Callable[[httpx.Request], httpx.Response]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("talkreel.client.requests._FIRST_WAIT_SECONDS", 0.0)
    monkeypatch.setattr("talkreel.client.events._POLL_SECONDS", 0.0)


class Script(httpx.BaseTransport):
    """Answers in order; an exception is a broken connection. The last answer stays."""

    def __init__(self, *answers: httpx.Response | Exception | Answer) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else answer(request)


def client(*answers: httpx.Response | Exception | Answer) -> tuple[Client, Script]:
    script = Script(*answers)
    return Client("http://server/", "tk.a.b", transport=script), script


def good(body: Any = PROJECT, **headers: str) -> Answer:
    return lambda _: httpx.Response(200, json=body, headers=headers)


def bad(status: int, code: str = "some_code", **headers: str) -> Answer:
    body = {"code": code, "detail": "what was wrong", "status": status, "more": 1}
    return lambda _: httpx.Response(status, json=body, headers=headers)


def test_answers_become_records_and_unknown_fields_are_passed_over() -> None:
    talk, script = client(good())
    project = talk.project("prj_1")
    assert isinstance(project, Project)
    assert project.progress.percent == 40.0
    assert isinstance(project.progress.percent, float)
    assert project.warnings == ("dim",)
    assert not project.ended
    assert script.requests[0].headers["authorization"] == "Bearer tk.a.b"
    with pytest.raises(AttributeError):
        project.state = "done"  # type: ignore[misc]


@pytest.mark.parametrize("data", [{}, [], None, {**PROJECT, "clips": "two"}, {"id": 1}])
def test_what_is_no_project_is_said(data: Any) -> None:
    with pytest.raises(ValueError, match="Project"):
        read(Project, data)
    talk, _ = client(good(data))
    with pytest.raises(ApiError) as caught:
        talk.project("prj_1")
    assert caught.value.code == "unexpected_answer"


def test_problems_are_one_exception_with_their_code() -> None:
    talk, script = client(bad(404, "project_not_found"))
    with pytest.raises(ApiError, match="what was wrong") as caught:
        talk.project("prj_1")
    error = caught.value
    assert (error.code, error.status, error.exit_code) == ("project_not_found", 404, 2)
    assert error.problem["more"] == 1
    assert len(script.requests) == 1
    talk.delete("prj_1")


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>"),
        httpx.Response(502, text="<html>bad gateway"),
        httpx.Response(302, headers={"location": "http://elsewhere/"}),
    ],
)
def test_answers_of_something_else_are_said(answer: httpx.Response) -> None:
    talk, _ = client(answer)
    with pytest.raises(ApiError) as caught:
        talk.project("prj_1")
    assert caught.value.code == "unexpected_answer"


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_busy_servers_are_asked_again(status: int) -> None:
    talk, script = client(bad(status), httpx.ConnectError("no"), bad(status), good())
    assert talk.project("prj_1").id == "prj_1"
    assert len(script.requests) == 4


def test_a_server_that_stays_away_is_given_up() -> None:
    talk, script = client(httpx.ReadTimeout(""))
    with pytest.raises(ApiError, match="http://server cannot be reached") as caught:
        talk.project("prj_1")
    assert (caught.value.code, caught.value.exit_code) == ("unreachable", 2)
    assert len(script.requests) == 6


def test_a_post_is_repeated_with_one_key() -> None:
    talk, script = client(httpx.ReadError("cut"), bad(409, "request_in_progress"), bad(503), good())
    talk.create_project("https://example.com/v.mp4", {"clips": 2}, webhook_url="https://h/")
    keys = {request.headers["idempotency-key"] for request in script.requests}
    assert len(script.requests) == 4
    assert len(keys) == 1
    assert json.loads(script.requests[0].content) == {
        "source": {"url": "https://example.com/v.mp4"},
        "options": {"clips": 2},
        "webhook_url": "https://h/",
    }
    talk.create_project("https://example.com/v.mp4")
    assert script.requests[-1].headers["idempotency-key"] not in keys


def test_a_change_is_sent_once() -> None:
    talk, script = client(httpx.ReadError("cut"), good())
    with pytest.raises(ApiError):
        talk.change_clip("clp_1", {"title": "x"}, revision=3)
    assert len(script.requests) == 1
    assert script.requests[0].headers["if-match"] == '"r3"'


def test_a_busy_server_says_how_long_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr("talkreel.client.client.time.sleep", waited.append)
    talk, _ = client(bad(429, **{"retry-after": "7"}), good())
    talk.project("prj_1")
    assert waited == [7.0]


def test_ids_are_one_part_of_the_address() -> None:
    talk, script = client(good())
    talk.project("../../v1/clips/x?y=1#z")
    assert script.requests[0].url.raw_path == b"/v1/projects/..%2F..%2Fv1%2Fclips%2Fx%3Fy%3D1%23z"


def test_a_server_under_a_path_is_reached_there() -> None:
    script = Script(good())
    with Client("https://example.com/api/", "k", transport=script) as talk:
        talk.project("prj_1")
    assert str(script.requests[0].url) == "https://example.com/api/v1/projects/prj_1"


CLIP = {
    "id": "clp_1",
    "project_id": "prj_1",
    "rank": 1,
    "revision": 1,
    "state": "ready",
    "title": "t",
    "score": 50,
    "sub_scores": [],
    "text": "",
    "spans": [],
    "measured": {"size_bytes": 6},
    "files": {"video": "/v1/clips/clp_1/download", "cover": "http://elsewhere/cover"},
    "warnings": [],
    "failure": None,
}


def test_a_key_is_not_sent_elsewhere(tmp_path: Path) -> None:
    talk, script = client(good(CLIP))
    clip = talk.clip("clp_1")
    with pytest.raises(ApiError, match="elsewhere"):
        talk.download(clip, tmp_path / "cover.jpg", kind="cover")
    with pytest.raises(ApiError, match="no srt"):
        talk.download(clip, tmp_path / "a.srt", kind="srt")
    assert len(script.requests) == 1


class Cut(httpx.SyncByteStream):
    def __init__(self, data: bytes) -> None:
        self.data = data

    def __iter__(self) -> Iterator[bytes]:
        yield self.data
        raise httpx.ReadError("cut")


def test_a_download_goes_on_where_it_was_cut(tmp_path: Path) -> None:
    tag = {"etag": '"a"'}
    first = httpx.Response(200, headers={**tag, "content-length": "6"}, stream=Cut(b"abc"))
    second = httpx.Response(206, headers={**tag, "content-range": "bytes 3-5/6"}, stream=Cut(b"d"))
    third = httpx.Response(206, headers={**tag, "content-range": "bytes 4-5/6"}, content=b"ef")
    talk, script = client(good(CLIP), first, second, third)
    seen: list[tuple[int, int]] = []
    path = talk.download(
        talk.clip("clp_1"), tmp_path / "v.mp4", progress=lambda *at: seen.append(at)
    )
    assert path.read_bytes() == b"abcdef"
    assert [request.headers.get("range") for request in script.requests[1:]] == [
        None,
        "bytes=3-",
        "bytes=4-",
    ]
    assert script.requests[2].headers["if-range"] == '"a"'
    assert seen == [(3, 6), (4, 6), (6, 6)]
    assert list(tmp_path.iterdir()) == [path]


def test_a_download_goes_on_in_another_run_and_anew_when_the_file_has_changed(
    tmp_path: Path,
) -> None:
    first = httpx.Response(200, headers={"etag": '"a"', "content-length": "6"}, stream=Cut(b"abc"))
    talk, _ = client(good(CLIP), first, bad(404))
    clip = talk.clip("clp_1")
    with pytest.raises(ApiError):
        talk.download(clip, tmp_path / "v.mp4")
    changed = httpx.Response(200, headers={"etag": '"b"'}, content=b"ABCDEF")
    talk, script = client(changed)
    assert talk.download(clip, tmp_path / "v.mp4").read_bytes() == b"ABCDEF"
    assert script.requests[0].headers["range"] == "bytes=3-"


def test_a_download_of_another_size_is_no_file(tmp_path: Path) -> None:
    talk, _ = client(good(CLIP), httpx.Response(200, headers={"etag": '"a"'}, content=b"abc"))
    with pytest.raises(ApiError, match="3 bytes instead of 6") as caught:
        talk.download(talk.clip("clp_1"), tmp_path / "v.mp4")
    assert caught.value.code == "download_damaged"
    assert list(tmp_path.iterdir()) == []


def _event(number: int, type_: str = "project.progress") -> dict[str, Any]:
    data = {"phase": "words", "percent": 10 * number, "seconds_left": 1.5}
    return {"number": number, "type": type_, "data": data, "at": 1.0, "project_id": "prj_1"}


def _stream(*numbers: int, cut: bool = False) -> Answer:
    text = "".join(f"id: {n}\ndata: {json.dumps(_event(n))}\n\n" for n in numbers)
    headers = {"content-type": "text/event-stream"}

    def answer(_: httpx.Request) -> httpx.Response:
        if cut:
            return httpx.Response(200, headers=headers, stream=Cut(text.encode() + b"id: 9\nda"))
        return httpx.Response(200, headers=headers, content=text.encode())

    return answer


def test_events_go_on_after_the_last_one_that_came() -> None:
    talk, script = client(_stream(1, 2, cut=True), bad(503), _stream(2, 3), httpx.Response(204))
    assert [event.number for event in talk.events("prj_1")] == [1, 2, 3]
    assert [request.headers["last-event-id"] for request in script.requests] == [
        *("0", "2", "2", "3")
    ]


def test_events_are_asked_for_where_streams_do_not_come_through() -> None:
    html = httpx.Response(200, headers={"content-type": "text/html"}, text="<html>")
    pages = [
        good({"events": [_event(1), _event(2)], "next": 2, "ended": False}),
        good({"events": [], "next": 2, "ended": False}),
        good({"events": [_event(3)], "next": 3, "ended": True}),
    ]
    talk, script = client(html, httpx.ReadTimeout(""), html, *pages)
    assert [event.number for event in talk.events("prj_1")] == [1, 2, 3]
    assert script.requests[-1].url.params["after"] == "2"
    assert script.requests[-1].headers["accept"] == "application/json"


def test_events_of_nothing_are_an_error() -> None:
    talk, _ = client(bad(404, "project_not_found"))
    with pytest.raises(ApiError, match="what was wrong"):
        list(talk.events("prj_1"))


def test_wait_tells_of_progress_and_returns_the_end() -> None:
    done = {**PROJECT, "state": "done"}
    talk, _ = client(_stream(1, 2), httpx.Response(204), good(done))
    percents: list[float] = []
    numbers: list[Event] = []
    project = talk.wait(
        "prj_1", progress=lambda at: percents.append(at.percent), on_event=numbers.append
    )
    assert project.state == "done"
    assert percents == [10, 20]
    assert [event.number for event in numbers] == [1, 2]


def test_wait_ends_in_time() -> None:
    talk, _ = client(_stream(1), httpx.Response(204), good())
    with pytest.raises(TimeoutError):
        talk.wait("prj_1", timeout_seconds=0.0)


def test_an_iterator_that_is_left_closes_its_stream() -> None:
    closed: list[bool] = []

    class Endless(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            for number in range(1, 1000):
                yield f"data: {json.dumps(_event(number))}\n\n".encode()

        def close(self) -> None:
            closed.append(True)

    headers = {"content-type": "text/event-stream"}
    talk, _ = client(httpx.Response(200, headers=headers, stream=Endless()))
    stream = talk.events("prj_1")
    assert next(stream).number == 1
    stream.close()  # type: ignore[attr-defined]
    assert closed == [True]


@pytest.mark.parametrize("server", ["", "server", "ftp://server", "http://", "http://u:p@server"])
def test_what_is_no_server_is_refused(server: str) -> None:
    with pytest.raises(ValueError, match="server|address"):
        Client(server, "key")


@pytest.mark.parametrize("key", ["", "  ", "clé", "a\nb"])
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="key"):
        Client("http://server", key)


def test_both_clients_have_the_same_methods() -> None:
    def public(kind: type) -> dict[str, list[str]]:
        return {
            name: [
                f"{p.name}:{p.kind}:{p.default}" for p in inspect.signature(f).parameters.values()
            ]
            for name, f in inspect.getmembers(kind, inspect.isfunction)
            if not name.startswith("_")
        }

    assert public(AsyncClient) == public(Client)
    assert len(public(Client)) > 15


def test_the_asynchronous_client_does_the_same(tmp_path: Path) -> None:
    class AsyncScript(httpx.AsyncBaseTransport):
        def __init__(self, script: Script) -> None:
            self.script = script

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await request.aread()
            found = self.script.handle_request(request)
            return httpx.Response(found.status_code, headers=found.headers, content=found.read())

    async def use() -> None:
        script = Script(
            bad(503),
            good(),
            _stream(1, 2),
            httpx.Response(204),
            _stream(1),
            httpx.Response(204),
            good({**PROJECT, "state": "done"}),
            good(CLIP),
            httpx.Response(200, headers={"etag": '"a"'}, content=b"abcdef"),
            bad(404, "project_not_found"),
        )
        async with AsyncClient("http://server", "k", transport=AsyncScript(script)) as talk:
            assert (await talk.project("prj_1")).id == "prj_1"
            assert [event.number async for event in talk.events("prj_1")] == [1, 2]
            assert (await talk.wait("prj_1")).state == "done"
            path = await talk.download(await talk.clip("clp_1"), tmp_path / "v.mp4")
            assert path.read_bytes() == b"abcdef"
            with pytest.raises(ApiError):
                await talk.project("prj_1")

    asyncio.run(use())


def test_the_client_needs_no_server_framework() -> None:
    code = (
        "import sys, talkreel.client\n"
        "print([n for n in ('fastapi', 'pydantic', 'torch', 'serving', 'av') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
