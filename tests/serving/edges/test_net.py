"""Transfers against real servers, with names that lie about where they are."""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpcore
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.net import guard
from serving.net import transfer as net
from serving.net.guard import GuardedBackend
from serving.net.transfer import BlockedUrl, TransferError, check_url, download, post
from tests.serving.edges.sites import Site, TlsSite, reply

PUBLIC = "93.184.216.34"


class Rerouted(httpcore.NetworkBackend):
    """Opens sockets to loopback whatever the address, and writes down what was asked for."""

    def __init__(self, port: int) -> None:
        self.asked: list[str] = []
        self._port = port

    def connect_tcp(self, host: str, port: int, *arguments, **options):  # type: ignore[no-untyped-def]
        self.asked.append(host)
        return httpcore.SyncBackend().connect_tcp("127.0.0.1", self._port, *arguments, **options)


def _resolver(*answers: Sequence[str]):  # type: ignore[no-untyped-def]
    """A resolver that gives each answer once, then the last for ever; and the names asked."""
    asked: list[str] = []

    def resolve(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return answers[min(len(asked), len(answers)) - 1]

    return resolve, asked


def _get(site: Site, path: str = "/v.mp4", *, to: Path, **options):  # type: ignore[no-untyped-def]
    limits = {"max_bytes": 1 << 20, "seconds": 10.0, "allow_private": True, **options}
    return download(site.url + path, to, **limits)


def _get_name(folder: Path, backend: httpcore.NetworkBackend) -> net.Downloaded:
    # http, which loopback speaks; the backend is as strict as without allow_private.
    url = "http://rebinding.example/v.mp4"
    return download(url, folder / "v", max_bytes=99, seconds=5, allow_private=True, backend=backend)


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("http://example.com/", "https:"),
        ("ftp://example.com/", "https:"),
        ("file:///etc/passwd", "https:"),
        ("//example.com/", "nothing"),
        ("", "nothing"),
        ("https:///etc/passwd", "host"),
        ("https://user@example.com/", "password"),
        ("https://user:pass@example.com/", "password"),
        ("https://example.com:22/", "port 22"),
        ("https://example.com:6379/", "port 6379"),
        ("https://exa%6dple.com/", "none"),
        ("https://exam ple.com/", "none"),
        ("https://a\\@127.0.0.1/", "password"),
        ("https://[fe80::1%25eth0]/", "none"),
        ("https://example.com/\nx", "not a URL"),
        ("https://\uff11\uff12\uff17.0.0.1/", "not a URL"),
        ("https://127\u30020\u30020\u30021/", "public"),
        ("https://[::ffff:127.0.0.1]/", "public"),
        ("https://2130706433/", "public"),
        ("https://127.1./", "public"),
        ("https://example.com/" + "x" * 5000, "characters"),
    ],
)
def test_other_forms_of_urls_are_refused_with_a_reason(url: str, word: str) -> None:
    with pytest.raises(BlockedUrl) as caught:
        check_url(url)
    assert word in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.text(max_size=60))
def test_any_text_is_a_url_or_blocked(text: str) -> None:
    for url in (text, f"https://{text}", f"https://{text}/v.mp4", f"http://{text}"):
        for allow_private in (False, True):
            try:
                checked = check_url(url, allow_private=allow_private)
            except BlockedUrl:
                continue
            assert check_url(checked, allow_private=allow_private) == checked


def test_a_good_url_stays(tmp_path: Path) -> None:
    assert check_url("https://example.com/v.mp4?t=1#part") == "https://example.com/v.mp4?t=1"
    assert check_url("https://exämple.de/") == "https://xn--exmple-cua.de/"
    assert check_url("http://localhost:8001/", allow_private=True) == "http://localhost:8001/"


def test_a_file_arrives_whole_with_its_digest_and_name(site: Site, tmp_path: Path) -> None:
    body = bytes(range(256)) * 2000
    site.answer = lambda handler, _: reply(
        handler, 200, body, Content_Disposition='attachment; filename="../../etc/My talk.mp4"'
    )
    seen: list[tuple[int, int | None]] = []
    target = tmp_path / "new" / "source.mp4"
    found = _get(site, to=target, progress=lambda done, total: seen.append((done, total)))
    assert target.read_bytes() == body
    assert found == net.Downloaded(len(body), hashlib.sha256(body).hexdigest(), "My talk.mp4")
    assert seen[-1] == (len(body), len(body))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/talks/a%20b.mp4?x=1", "a b.mp4"),
        ("/", "download"),
        ("/..%2f..%2fetc%2fpasswd", "passwd"),
        ("/a%00b%0ac.mp4", "abc.mp4"),
        ("/%5c%5chost%5cshare.mp4", "share.mp4"),
    ],
)
def test_names_are_bare_file_names(site: Site, tmp_path: Path, path: str, name: str) -> None:
    assert _get(site, path, to=tmp_path / "v").name == name


def test_a_name_inside_is_not_reached(site: Site, tmp_path: Path) -> None:
    with pytest.raises(BlockedUrl, match=r"localhost.*not a public address"):
        download("https://localhost/v", tmp_path / "v", max_bytes=9, seconds=5)
    with pytest.raises(BlockedUrl, match="public"):
        post("https://localhost/hook", b"{}", {}, 5)
    assert site.calls == []


def test_one_inner_address_among_public_ones_blocks_the_name(tmp_path: Path) -> None:
    away = Rerouted(1)
    resolve, _ = _resolver([PUBLIC, "10.0.0.1"])
    backend = GuardedBackend(5, resolve=resolve, connect=away)
    with pytest.raises(BlockedUrl, match=r"10\.0\.0\.1"):
        post("https://example.com/", b"", {}, 5, backend=backend)
    assert away.asked == []


def test_a_rebinding_name_is_resolved_once_and_the_checked_address_is_used(
    site: Site, tmp_path: Path
) -> None:
    # Public at the first look, inside at every later one.
    resolve, asked = _resolver([PUBLIC], ["10.0.0.1"])
    away = Rerouted(site.port)
    found = _get_name(tmp_path, GuardedBackend(5, resolve=resolve, connect=away))
    assert found.bytes == 0
    assert asked == ["rebinding.example"]
    assert away.asked == [PUBLIC]
    assert site.calls[0][2]["host"] == "rebinding.example"


def test_a_redirect_is_resolved_and_checked_anew(site: Site, tmp_path: Path) -> None:
    resolve, asked = _resolver([PUBLIC], ["10.0.0.1"])
    site.answer = lambda handler, _: reply(handler, 302, Location="/again")
    away = Rerouted(site.port)
    with pytest.raises(BlockedUrl, match=r"10\.0\.0\.1"):
        _get_name(tmp_path, GuardedBackend(5, resolve=resolve, connect=away))
    assert away.asked == [PUBLIC]
    assert asked == ["rebinding.example"] * 2


def test_tls_asks_for_the_name_and_checks_it_at_the_pinned_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with TlsSite(tmp_path, "good.example") as site:
        monkeypatch.setenv("SSL_CERT_FILE", str(site.authority))
        guard._context.cache_clear()
        try:
            for name, fails in (("good.example", False), ("other.example", True)):
                resolve, _ = _resolver([PUBLIC])
                away = Rerouted(site.port)
                backend = GuardedBackend(5, resolve=resolve, connect=away)
                if fails:
                    with pytest.raises(TransferError, match="CERTIFICATE_VERIFY_FAILED"):
                        post(f"https://{name}/hook", b"{}", {}, 5, backend=backend)
                else:
                    answer = post(f"https://{name}/hook", b"{}", {}, 5, backend=backend)
                    assert answer.status == 200
                assert away.asked == [PUBLIC]
        finally:
            guard._context.cache_clear()
    assert site.names == ["good.example", "other.example"]
    assert site.hosts == ["good.example"]


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:a9fe:a9fe]/",
        "http://2852039166/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/",
        "http://user:pass@127.0.0.1/",
    ],
)
def test_redirects_to_where_nobody_may_go(site: Site, tmp_path: Path, location: str) -> None:
    site.answer = lambda handler, _: reply(handler, 302, Location=location)
    with pytest.raises(BlockedUrl):
        _get(site, to=tmp_path / "v")
    assert len(site.calls) == 1
    assert list(tmp_path.iterdir()) == []


def test_redirects_are_followed_up_to_five(site: Site, tmp_path: Path) -> None:
    def hop(handler: BaseHTTPRequestHandler, number: int) -> None:
        if number <= hops:
            reply(handler, 307, Location=f"/hop{number}.mp4", Set_Cookie="session=secret")
        else:
            reply(handler, 200, b"here")

    site.answer = hop
    hops = 5
    assert _get(site, to=tmp_path / "v").name == "hop5.mp4"
    assert all("cookie" not in headers for _, _, headers, _ in site.calls)
    site.calls.clear()
    hops = 6
    with pytest.raises(TransferError, match="more than 5 redirects"):
        _get(site, to=tmp_path / "v")
    assert len(site.calls) == 6


def test_a_body_that_never_ends_is_cut(site: Site, tmp_path: Path) -> None:
    sent = 0

    def pour(handler: BaseHTTPRequestHandler, _: int) -> None:
        nonlocal sent
        handler.send_response(200)
        handler.send_header("Connection", "close")
        handler.end_headers()
        while True:
            sent += handler.wfile.write(b"x" * 65536)

    site.answer = pour
    with pytest.raises(TransferError, match="more than 1048576 bytes") as caught:
        _get(site, to=tmp_path / "v")
    assert not caught.value.retryable
    assert list(tmp_path.iterdir()) == []


def test_an_announced_body_that_is_too_long_is_not_read(site: Site, tmp_path: Path) -> None:
    def announce(handler: BaseHTTPRequestHandler, _: int) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(1 << 40))
        handler.end_headers()

    site.answer = announce
    with pytest.raises(TransferError, match="bytes"):
        _get(site, to=tmp_path / "v")


@pytest.mark.parametrize("part", ["head", "body"])
def test_a_byte_now_and_then_buys_no_time(site: Site, tmp_path: Path, part: str) -> None:
    def drip(handler: BaseHTTPRequestHandler, _: int) -> None:
        if part == "body":
            handler.send_response(200)
            handler.send_header("Content-Length", "1000000")
            handler.end_headers()
        else:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        while True:
            handler.wfile.write(b"x")
            handler.wfile.flush()
            time.sleep(0.05)

    site.answer = drip
    began = time.monotonic()
    with pytest.raises(TransferError, match="too long") as caught:
        _get(site, to=tmp_path / "v", seconds=0.6)
    assert caught.value.retryable
    assert time.monotonic() - began < 5
    assert list(tmp_path.iterdir()) == []


def test_a_crawling_body_is_given_up(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(net, "_SLOW_SECONDS", 0.3)

    def crawl(handler: BaseHTTPRequestHandler, _: int) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        while True:
            handler.wfile.write(b"xy")
            time.sleep(0.02)

    site.answer = crawl
    with pytest.raises(TransferError, match="too slow"):
        _get(site, to=tmp_path / "v", seconds=60.0)


def test_endless_headers_are_cut(site: Site, tmp_path: Path) -> None:
    def pour(handler: BaseHTTPRequestHandler, _: int) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            handler.wfile.write(b"X-More: " + b"y" * 4000 + b"\r\n")

    site.answer = pour
    with pytest.raises(TransferError):
        _get(site, to=tmp_path / "v")


def test_a_server_that_never_answers_is_left(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        began = time.monotonic()
        with pytest.raises(TransferError, match="too long"):
            post(f"http://127.0.0.1:{port}/", b"{}", {}, 0.4, allow_private=True)
        with pytest.raises(TransferError):  # TLS that never shakes hands
            post(f"https://127.0.0.1:{port}/", b"{}", {}, 0.4, allow_private=True)
    assert time.monotonic() - began < 5
    with pytest.raises(TransferError) as caught:
        post(f"http://127.0.0.1:{port}/", b"{}", {}, 0.4, allow_private=True)
    assert caught.value.retryable


def test_a_name_without_an_address_may_get_one_later(tmp_path: Path) -> None:
    with pytest.raises(TransferError, match="cannot be found") as caught:
        download("https://nowhere.invalid/v", tmp_path / "v", max_bytes=9, seconds=5)
    assert caught.value.retryable


def test_a_body_cut_short_is_no_file(site: Site, tmp_path: Path) -> None:
    def cut(handler: BaseHTTPRequestHandler, _: int) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b"x" * 500)
        handler.close_connection = True

    site.answer = cut
    with pytest.raises(TransferError) as caught:
        _get(site, to=tmp_path / "v")
    assert caught.value.retryable
    assert list(tmp_path.iterdir()) == []


def test_packed_bodies_are_refused_and_not_asked_for(site: Site, tmp_path: Path) -> None:
    site.answer = lambda handler, _: reply(handler, 200, b"\x1f\x8b", Content_Encoding="gzip")
    with pytest.raises(TransferError, match="gzip"):
        _get(site, to=tmp_path / "v")
    assert site.calls[0][2]["accept-encoding"] == "identity"


@pytest.mark.parametrize(("status", "retryable"), [(404, False), (403, False), (503, True)])
def test_other_answers_are_failures(
    site: Site, tmp_path: Path, status: int, retryable: bool
) -> None:
    site.answer = lambda handler, _: reply(handler, status, b"no")
    with pytest.raises(TransferError, match=str(status)) as caught:
        _get(site, to=tmp_path / "v")
    assert caught.value.retryable is retryable


def test_progress_may_end_a_transfer(site: Site, tmp_path: Path) -> None:
    def stop(done: int, total: int | None) -> None:
        raise InterruptedError

    site.answer = lambda handler, _: reply(handler, 200, b"x" * 1000)
    with pytest.raises(InterruptedError):
        _get(site, to=tmp_path / "v", progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_proxies_of_the_environment_are_not_used(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert post(site.url, b"{}", {}, 5, allow_private=True).status == 200


def test_post_sends_once_and_follows_nothing(site: Site) -> None:
    site.answer = lambda handler, _: reply(handler, 307, Location="/elsewhere")
    answer = post(site.url + "/hook", b'{"a":1}', {"webhook-id": "msg_1"}, 5, allow_private=True)
    assert answer == net.Response(307, None)
    [(method, path, headers, body)] = site.calls
    assert (method, path, body) == ("POST", "/hook", b'{"a":1}')
    assert headers["webhook-id"] == "msg_1"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("soon", None),
        ("-1", None),
        ("", None),
        ("Mon, 01 Jan 2024 00:00:00 GMT", 0.0),
    ],
)
def test_retry_after_is_seconds_or_a_date(site: Site, value: str, seconds: float | None) -> None:
    site.answer = lambda handler, _: reply(handler, 503, Retry_After=value)
    found = post(site.url, b"", {}, 5, allow_private=True).retry_after
    assert found == (None if seconds is None else pytest.approx(seconds, abs=120))


def test_retry_after_may_be_a_date_to_come(site: Site) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    site.answer = lambda handler, _: reply(handler, 503, Retry_After=later)
    found = post(site.url, b"", {}, 5, allow_private=True).retry_after
    assert found == pytest.approx(3600, abs=60)


@pytest.mark.parametrize("_", range(3))
def test_threads_share_nothing(site: Site, tmp_path: Path, _: int) -> None:
    site.answer = lambda handler, number: reply(handler, 200, handler.path.encode())
    threads = [
        threading.Thread(target=_get, args=(site, f"/{n}"), kwargs={"to": tmp_path / str(n)})
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        str(n): f"/{n}" for n in range(8)
    }
