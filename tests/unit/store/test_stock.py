"""Stock libraries, asked over real HTTP: a local server gives answers of the documented shape."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from talkreel.core.errors import InputError
from talkreel.store.stock import SERVICES, Found, Stock, StockError, key_of

PEXELS = {
    "total_results": 1,
    "page": 1,
    "per_page": 15,
    "photos": [
        {
            "id": 2014422,
            "width": 3024,
            "height": 4032,
            "url": "https://www.pexels.com/photo/2014422/",
            "photographer": "Jo Doe",
            "alt": "Brown rocks during golden hour",
            "src": {
                "original": "https://images.pexels.com/photos/2014422/a.jpeg",
                "large2x": "https://images.pexels.com/photos/2014422/a.jpeg?w=940",
            },
        }
    ],
}
PIXABAY = {
    "total": 1,
    "totalHits": 1,
    "hits": [
        {
            "id": 195893,
            "pageURL": "https://pixabay.com/en/blossom-195893/",
            "tags": "blossom, bloom, flower",
            "largeImageURL": "https://pixabay.com/get/ed6a.jpg",
            "user": "Jane",
        }
    ],
}  # fmt: skip


class Library:
    """A server that answers with what it is told to and remembers what it was asked."""

    def __init__(self) -> None:
        self.status, self.body = 200, b"{}"
        self.asked: list[tuple[dict[str, list[str]], str | None]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = parse_qs(urlsplit(self.path).query)
                outer.asked.append((query, self.headers.get("Authorization")))
                self.send_response(outer.status)
                self.send_header("Content-Length", str(len(outer.body)))
                self.end_headers()
                self.wfile.write(outer.body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever)
        self._thread.start()

    def stock(self, name: str, folder: Path) -> Stock:
        address = f"http://127.0.0.1:{self._server.server_port}/search"
        return Stock(name, "my-key", folder, service=replace(SERVICES[name], address=address))

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def library() -> Iterator[Library]:
    library = Library()
    yield library
    library.close()


@pytest.mark.parametrize(
    ("name", "answer", "found"),
    [
        (
            "pexels",
            PEXELS,
            Found(
                "pexels-2014422",
                "Brown rocks during golden hour",
                "https://images.pexels.com/photos/2014422/a.jpeg?w=940",
                "Photo by Jo Doe on Pexels, https://www.pexels.com/photo/2014422/",
                "Pexels License",
            ),
        ),
        (
            "pixabay",
            PIXABAY,
            Found(
                "pixabay-195893",
                "blossom, bloom, flower",
                "https://pixabay.com/get/ed6a.jpg",
                "Image by Jane on Pixabay, https://pixabay.com/en/blossom-195893/",
                "Pixabay Content License",
            ),
        ),
    ],
)
def test_an_answer_is_read_and_kept(
    library: Library, tmp_path: Path, name: str, answer: dict[str, Any], found: Found
) -> None:
    library.body = json.dumps(answer).encode()
    stock = library.stock(name, tmp_path)
    assert stock.search("red rocks", upright=True) == (found,)
    query, authorization = library.asked[0]
    assert (query.get("query") or query.get("q")) == ["red rocks"]
    assert "my-key" in (authorization, *(query.get("key") or ()))
    library.status = 500
    assert stock.search("red rocks", upright=True) == (found,)  # within a day: not asked again
    assert len(library.asked) == 1


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (401, b"", r"pexels refused the key \(HTTP 401\)"),
        (429, b"", "pexels answered HTTP 429"),
        (200, b"<html>", "pexels answered with something else"),
        (200, b'{"photos": [{"id": 1}]}', "pexels answered with something else"),
    ],
)
def test_what_is_no_answer_is_said_without_the_key(
    library: Library, tmp_path: Path, status: int, body: bytes, message: str
) -> None:
    library.status, library.body = status, body
    with pytest.raises(StockError, match=message) as caught:
        library.stock("pexels", tmp_path).search("rocks", upright=True)
    assert "my-key" not in str(caught.value)


def test_a_library_that_is_not_there_does_not_hang(library: Library, tmp_path: Path) -> None:
    stock = library.stock("pexels", tmp_path)
    library.close()
    with pytest.raises(StockError, match="pexels did not answer"):
        stock.search("rocks", upright=True)
    library.__init__()  # type: ignore[misc]  # for the fixture to close


def test_a_picture_elsewhere_is_not_fetched(library: Library, tmp_path: Path) -> None:
    inside = Found("pexels-1", "", "https://169.254.169.254/latest", "", "")
    with pytest.raises(StockError, match="which is not its own"):
        library.stock("pexels", tmp_path).fetch(inside)
    assert not library.asked


def test_no_key_is_said_before_anything_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TALKREEL_PEXELS_KEY", raising=False)
    with pytest.raises(InputError, match="set TALKREEL_PEXELS_KEY"):
        key_of("pexels")
    with pytest.raises(InputError, match="pexels, pixabay, got 'unsplash'"):
        key_of("unsplash")
