"""One contract for objects on disk, in S3 (moto's server) and in Azure (azurite)."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from moto.server import ThreadedMotoServer

from serving.storage.objects import ObjectStore
from tests.serving.edges.sites import until
from tests.serving.servers import free_port

KINDS = ("disk", "s3", "azure")
# Azurite's well-known account, the same for everybody.
_ACCOUNT = "devstoreaccount1"
_ACCOUNT_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)


@pytest.fixture(scope="module")
def s3() -> Iterator[dict[str, str]]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    assert httpx.put(f"{endpoint}/clips", trust_env=False).status_code == 200
    yield {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
    }
    server.stop()


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    program = shutil.which("azurite-blob")
    if program is None:
        message = "no azurite-blob on the path: npm install azurite@3.35.0 to run this test"
        if os.environ.get("TALKREEL_FORBID_SKIPS"):
            pytest.fail(message)
        pytest.skip(message)
    port = free_port()
    folder = str(tmp_path_factory.mktemp("azurite"))
    command = [program, "--silent", "--skipApiVersionCheck", "--blobPort", str(port)]
    with subprocess.Popen([*command, "--location", folder], stdout=subprocess.DEVNULL) as server:
        try:
            until(lambda: _answers(port), 60)
            endpoint = f"http://127.0.0.1:{port}/{_ACCOUNT}"
            settings = {
                "AZURE_STORAGE_ACCOUNT_NAME": _ACCOUNT,
                "AZURE_STORAGE_ACCOUNT_KEY": _ACCOUNT_KEY,
                "AZURE_STORAGE_ENDPOINT": endpoint,
                "AZURE_ALLOW_HTTP": "true",
            }
            _make_container(endpoint, port)
            yield settings
        finally:
            server.terminate()


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/", trust_env=False).status_code > 0
    except httpx.TransportError:
        return False


def _make_container(endpoint: str, port: int) -> None:
    import base64
    import hashlib
    import hmac
    from email.utils import formatdate

    date, version = formatdate(usegmt=True), "2021-08-06"
    signed = (
        "PUT" + "\n" * 12 + f"x-ms-date:{date}\nx-ms-version:{version}\n"
        f"/{_ACCOUNT}/{_ACCOUNT}/clips\nrestype:container"
    )
    digest = hmac.new(base64.b64decode(_ACCOUNT_KEY), signed.encode(), hashlib.sha256).digest()
    headers = {
        "x-ms-date": date,
        "x-ms-version": version,
        "Authorization": f"SharedKey {_ACCOUNT}:{base64.b64encode(digest).decode()}",
        "Content-Length": "0",
    }
    answer = httpx.put(f"{endpoint}/clips?restype=container", headers=headers, trust_env=False)
    assert answer.status_code == 201, answer.text


@pytest.fixture(params=KINDS)
def store(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> ObjectStore:
    """A store of each kind, reached the way a server is told to: by URL and environment."""
    if request.param == "disk":
        return ObjectStore(f"file://{tmp_path / 'objects'}")
    settings: dict[str, str] = request.getfixturevalue(request.param)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    scheme = {"s3": "s3", "azure": "az"}[request.param]
    return ObjectStore(f"{scheme}://clips/{tmp_path.name}")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.mp4"
    path.write_bytes(bytes(range(256)) * 12_000 + b"the end")
    return path


def test_what_is_put_is_read_whole_and_in_part(
    store: ObjectStore, source: Path, tmp_path: Path
) -> None:
    data = source.read_bytes()
    assert store.put("tenants/a/sources/1/source.mp4", source) == len(data)
    key = "tenants/a/sources/1/source.mp4"
    assert store.size(key) == len(data)
    assert b"".join(store.read(key)) == data
    for start, end in ((0, 1), (1_048_570, 1_048_590), (len(data) - 7, None), (5, 5)):
        assert b"".join(store.read(key, start, end)) == data[start:end]
    seen: list[int] = []
    fetched = store.fetch(key, tmp_path / "new" / "file.mp4", seen.append)
    assert fetched.read_bytes() == data
    assert seen == sorted(seen)


def test_another_content_has_another_tag(store: ObjectStore, source: Path) -> None:
    store.put("a/b", source)
    before = store.info("a/b")
    assert store.info("a/b") == before
    source.write_bytes(b"other")
    store.put("a/b", source)
    after = store.info("a/b")
    assert (after.size, after.etag == before.etag) == (5, False)
    assert b"".join(store.read("a/b")) == b"other"


def test_adopting_takes_the_file_away(store: ObjectStore, source: Path) -> None:
    data = source.read_bytes()
    store.adopt("a/adopted", source)
    assert not source.exists()
    assert b"".join(store.read("a/adopted")) == data


def test_what_is_not_there_is_said(store: ObjectStore, tmp_path: Path) -> None:
    for ask in (store.size, store.info, lambda key: list(store.read(key))):
        with pytest.raises(FileNotFoundError):
            ask("a/nothing")
    store.delete("a/nothing")
    store.delete_under("nothing/")
    assert store.bytes_under("nothing/") == 0


def test_deleting_under_a_prefix_leaves_its_neighbours(store: ObjectStore, source: Path) -> None:
    source.write_bytes(b"12345")
    keys = ["p/1/a", "p/1/b/c", "p/10/a", "q/1/a"]
    for key in keys:
        store.put(key, source)
    assert store.bytes_under("p/1/") == 10
    store.delete_under("p/1/")
    for key in keys[:2]:
        with pytest.raises(FileNotFoundError):
            store.size(key)
    assert [store.size(key) for key in keys[2:]] == [5, 5]
    store.delete("p/10/a")
    with pytest.raises(FileNotFoundError):
        store.size("p/10/a")


def test_many_objects_are_deleted(store: ObjectStore, source: Path) -> None:
    source.write_bytes(b"1")
    for number in range(120):
        store.put(f"many/{number:04d}", source)
    assert store.bytes_under("many/") == 120
    store.delete_under("many/")
    assert store.bytes_under("many/") == 0


def test_a_reader_sees_the_old_or_the_new_object_and_never_half(
    store: ObjectStore, tmp_path: Path
) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    first.write_bytes(b"1" * 300_000)
    second.write_bytes(b"2" * 300_000)
    store.put("a/b", first)
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            store.put("a/b", second)
            store.put("a/b", first)

    with _running(write, stop):
        for _ in range(25):
            assert set(b"".join(store.read("a/b", 0, 300_000))) in ({ord("1")}, {ord("2")})


@contextmanager
def _running(target: object, stop: threading.Event) -> Iterator[None]:
    thread = threading.Thread(target=target)  # type: ignore[arg-type]
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_what_a_killed_writer_left_goes_with_the_next(tmp_path: Path, source: Path) -> None:
    store = ObjectStore(f"file://{tmp_path}/objects")
    folder = tmp_path / "objects" / "a"
    store.put("a/b", source)
    for name in ("b#1", "b#2", "c#1"):
        (folder / name).write_bytes(b"half")
    store.put("a/b", source)
    assert {path.name for path in folder.iterdir()} == {"b", "c#1"}


def test_clients_may_send_straight_to_a_cloud(store: ObjectStore, source: Path) -> None:
    assert store.is_reachable()
    if not store.can_sign:
        return
    url = store.sign_put("a/signed", 60)
    headers = {"x-ms-blob-type": "BlockBlob"} if "devstoreaccount1" in url else {}
    data = source.read_bytes()
    assert httpx.put(url, content=data, headers=headers, trust_env=False).status_code in (200, 201)
    assert b"".join(store.read("a/signed")) == data
    other = url.replace("a/signed", "a/another")
    refused = httpx.put(other, content=data, headers=headers, trust_env=False)
    # moto does not check signatures; Azure's emulator does.
    assert refused.status_code in (200, 403)
