"""Weights are found only when their bytes are right, and pulled whole or not at all."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from talkreel.core.errors import ModelMissing, OutputError
from talkreel.store import weights

CONTENT = b"weights" * 40_000


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status = 404 if self.path.endswith("absent") else 200
        body = CONTENT[:1000] if self.path.endswith("short") else CONTENT
        self.send_response(status)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    httpd = HTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{httpd.server_port}"
    httpd.shutdown()
    thread.join()
    httpd.server_close()


@pytest.fixture
def serve(server: str, monkeypatch: pytest.MonkeyPatch) -> object:
    def use(path: str, content: bytes = CONTENT) -> None:
        sha = hashlib.sha256(content).hexdigest()
        entry = replace(weights.REGISTRY["yunet"], url=f"{server}/{path}", sha256=sha)
        monkeypatch.setattr(weights, "REGISTRY", {"yunet": entry})

    return use


@pytest.fixture(autouse=True)
def _no_user_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "user_folder", lambda: tmp_path / "user")
    monkeypatch.delenv("TALKREEL_MODELS", raising=False)


def test_every_entry_is_pinned_and_https() -> None:
    for entry in weights.REGISTRY.values():
        assert entry.url.startswith("https://")
        assert len(bytes.fromhex(entry.sha256)) == 32
        assert entry.licence
        assert entry.improves


def test_the_environment_names_a_folder(models_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert weights.find_weights("yunet") is None
    monkeypatch.setenv("TALKREEL_MODELS", str(models_dir))
    for name, entry in weights.REGISTRY.items():
        assert weights.find_weights(name) == models_dir / entry.file


def test_wrong_bytes_count_as_absent(tmp_path: Path) -> None:
    (tmp_path / weights.REGISTRY["yunet"].file).write_bytes(b"not the weights")
    assert weights.find_weights("yunet", tmp_path) is None
    with pytest.raises(ModelMissing, match="talkreel models pull yunet"):
        weights.require_weights("yunet", tmp_path)


def test_unknown_names_are_refused(tmp_path: Path) -> None:
    for call in (weights.find_weights, weights.require_weights, weights.pull):
        with pytest.raises(ValueError, match="known: yunet"):
            call("retinanet", tmp_path)


def test_pull_brings_the_file_and_says_how_far(serve, tmp_path: Path) -> None:
    serve("file")
    shares: list[float] = []
    path = weights.pull("yunet", tmp_path / "new", progress=shares.append)
    assert path.read_bytes() == CONTENT
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    serve("absent")  # already there: the server is not asked
    assert weights.pull("yunet", tmp_path / "new") == path


@pytest.mark.parametrize(
    ("path", "content", "says"),
    [
        ("absent", CONTENT, "404|Not Found"),
        ("file", b"other", "sha256"),
        ("short", CONTENT, "sha256|cannot fetch"),
    ],
)
def test_a_failed_pull_leaves_nothing(serve, tmp_path: Path, path, content, says) -> None:
    serve(path, content)
    with pytest.raises(ModelMissing, match=says) as caught:
        weights.pull("yunet", tmp_path / "new")
    assert "\n" not in str(caught.value)
    assert list((tmp_path / "new").iterdir()) == []


def test_no_network_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = replace(weights.REGISTRY["yunet"], url="http://127.0.0.1:9/none")
    monkeypatch.setattr(weights, "REGISTRY", {"yunet": entry})
    with pytest.raises(ModelMissing, match="TALKREEL_MODELS") as caught:
        weights.pull("yunet", tmp_path)
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_a_file_is_refused(serve, tmp_path: Path) -> None:
    serve("file")
    blocked = tmp_path / "blocked"
    blocked.write_text("x")
    with pytest.raises(OutputError, match="cannot write"):
        weights.pull("yunet", blocked)
