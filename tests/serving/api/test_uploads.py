from __future__ import annotations

import base64
import hashlib
import os
import random
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import update
from starlette.testclient import TestClient

from serving.api.tus import VERSION
from serving.services import Services
from serving.storage import database as db
from serving.storage.uploads import InUse, UploadStore
from tests.serving.api.test_projects import code
from tests.serving.api.world import Tenant
from tests.serving.edges.live import Live, live

TUS = {"Tus-Resumable": VERSION}
STREAM = TUS | {"Content-Type": "application/offset+octet-stream"}
DATA = random.Random(4).randbytes(300_000)


def begin(client: TestClient, length: int = len(DATA), name: str = "my talk.MP4") -> str:
    encoded = base64.b64encode(name.encode()).decode()
    headers = TUS | {"Upload-Length": str(length), "Upload-Metadata": f"filename {encoded}"}
    made = client.post("/v1/uploads", headers=headers)
    assert made.status_code == 201, made.text
    assert made.headers["upload-offset"] == "0"
    assert "GMT" in made.headers["upload-expires"]
    return urlsplit(made.headers["location"]).path


def send(client: TestClient, url: str, offset: int, data: bytes, **headers: str) -> Any:
    extra = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.patch(url, headers=STREAM | {"Upload-Offset": str(offset)} | extra, content=data)


def offset(client: TestClient, url: str) -> int:
    head = client.head(url, headers=TUS)
    assert head.status_code == 200
    return int(head.headers["upload-offset"])


def checksum(data: bytes, name: str = "sha256") -> str:
    return f"{name} {base64.b64encode(hashlib.new(name, data).digest()).decode()}"


def test_a_file_in_pieces_becomes_a_source(
    client: TestClient, scored: Services, mine: Tenant
) -> None:
    url = begin(client)
    at = 0
    for size in (1, 99_999, 150_000, 50_000):
        sent = send(client, url, at, DATA[at : at + size])
        assert (sent.status_code, sent.headers["upload-offset"]) == (204, str(at + size))
        at += size
        assert offset(client, url) == at
    upload = client.get(url).json()
    assert upload["state"] == "done"
    assert upload["name"] == "my talk.MP4"
    assert upload["sha256"] == hashlib.sha256(DATA).hexdigest()
    body = {"source": {"upload_id": upload["id"]}}
    project = client.post("/v1/projects", json=body).json()
    assert project["source"] == {
        "kind": "upload",
        "name": "my talk.MP4",
        "sha256": upload["sha256"],
        "bytes": len(DATA),
    }
    key = f"tenants/{mine.id}/sources/{upload['id']}/source.mp4"
    assert b"".join(scored.objects.read(key)) == DATA
    assert list((scored.settings.data / "uploads").iterdir()) == []
    listed = client.get("/v1/projects", params={"source": upload["id"]}).json()["projects"]
    assert [p["id"] for p in listed] == [project["id"]]
    assert code(client.delete(url, headers=TUS)) == (409, "upload_in_use")


def test_creation_with_upload(client: TestClient) -> None:
    made = client.post(
        "/v1/uploads", headers=STREAM | {"Upload-Length": str(len(DATA))}, content=DATA
    )
    assert (made.status_code, made.headers["upload-offset"]) == (201, str(len(DATA)))
    assert client.get(urlsplit(made.headers["location"]).path).json()["state"] == "done"


@pytest.mark.parametrize("name", ["sha256", "sha1"])
def test_checksums(client: TestClient, name: str) -> None:
    url = begin(client)
    good = send(client, url, 0, DATA[:1000], Upload_Checksum=checksum(DATA[:1000], name))
    assert good.status_code == 204
    bad = send(client, url, 1000, DATA[1000:2000], Upload_Checksum=checksum(b"other", name))
    assert code(bad) == (460, "checksum_mismatch")
    assert offset(client, url) == 1000
    assert send(client, url, 1000, DATA[1000:]).status_code == 204
    assert client.get(url).json()["sha256"] == hashlib.sha256(DATA).hexdigest()


def test_what_tus_refuses(client: TestClient, scored: Services) -> None:
    url = begin(client)
    assert client.head(url).status_code == 412
    wrong = client.patch(url, headers={"Tus-Resumable": "0.2.2"}, content=b"x")
    assert code(wrong) == (412, "tus_version")
    assert wrong.headers["tus-version"] == VERSION
    behind = send(client, url, 5, b"x")
    assert code(behind) == (409, "wrong_offset")
    assert behind.json()["offset"] == 0
    assert code(send(client, url, 0, b"x", Upload_Checksum="md5 abc")) == (400, "bad_checksum")
    assert code(send(client, url, 0, b"x", Upload_Checksum="sha256 %%")) == (400, "bad_checksum")
    typed = client.patch(url, headers=TUS | {"Upload-Offset": "0"}, content=b"x")
    assert code(typed) == (415, "wrong_content_type")
    assert code(client.patch(url, headers=STREAM, content=b"x")) == (400, "offset_needed")
    assert code(send(client, url, 0, DATA + b"more")) == (413, "upload_too_large")
    assert offset(client, url) == 0
    for length in ("0", "-1"):
        made = client.post("/v1/uploads", headers=TUS | {"Upload-Length": length})
        assert code(made) == (400, "length_needed")
    assert code(client.post("/v1/uploads", headers=TUS)) == (400, "length_needed")
    huge = str(scored.settings.max_upload_bytes + 1)
    made = client.post("/v1/uploads", headers=TUS | {"Upload-Length": huge})
    assert code(made) == (413, "upload_too_large")
    asked = client.post("/v1/uploads/presign", json={"name": "a.mp4", "length": int(huge)})
    assert code(asked) == (413, "upload_too_large")
    named = TUS | {"Upload-Length": "5", "Upload-Metadata": "filename %%%"}
    assert code(client.post("/v1/uploads", headers=named)) == (400, "bad_metadata")
    assert send(client, url, 0, DATA).status_code == 204
    assert code(send(client, url, len(DATA), b"")) == (409, "upload_finished")


def test_capabilities_are_told_without_a_key(anyone: TestClient) -> None:
    for url in ("/v1/uploads", "/v1/uploads/upl_x"):
        told = anyone.options(url)
        assert told.status_code == 204
        assert told.headers["tus-extension"].split(",")[0] == "creation"
        assert told.headers["tus-checksum-algorithm"] == "sha256,sha1"


def test_an_unfinished_upload_is_no_source(client: TestClient) -> None:
    url = begin(client)
    send(client, url, 0, DATA[:10])
    body = {"source": {"upload_id": url.rsplit("/", 1)[1]}}
    refused = client.post("/v1/projects", json=body)
    assert code(refused) == (409, "upload_incomplete")
    assert "10 of 300000" in refused.json()["detail"]


def test_termination_and_expiry(client: TestClient, scored: Services) -> None:
    url = begin(client)
    send(client, url, 0, DATA[:10])
    assert client.delete(url, headers=TUS).status_code == 204
    assert code(client.get(url)) == (404, "upload_not_found")
    assert list((scored.settings.data / "uploads").iterdir()) == []
    late = begin(client)
    with scored.database.write() as connection:
        connection.execute(update(db.uploads).values(expires_at=time.time() - 1))
    assert code(send(client, late, 0, DATA)) == (404, "upload_not_found")


def test_one_writer_at_a_time(client: TestClient, scored: Services, mine: Tenant) -> None:
    url = begin(client)
    store = UploadStore(scored)
    row = store.find(mine.id, url.rsplit("/", 1)[1])
    with store.writing(row):
        assert code(send(client, url, 0, DATA)) == (409, "upload_in_use")
        with pytest.raises(InUse), store.writing(row):
            pass
    assert send(client, url, 0, DATA).status_code == 204


def test_bytes_beyond_what_was_acknowledged_are_cut_off(
    client: TestClient, scored: Services
) -> None:
    url = begin(client)
    send(client, url, 0, DATA[:1000])
    path = scored.settings.data / "uploads" / url.rsplit("/", 1)[1]
    with path.open("ab") as file:
        file.write(b"left by a crash")
    assert offset(client, url) == 1000
    assert send(client, url, 1000, DATA[1000:]).status_code == 204
    assert client.get(url).json()["sha256"] == hashlib.sha256(DATA).hexdigest()


@pytest.mark.parametrize("moved", [False, True])
def test_a_crash_before_the_end_is_made_good(
    client: TestClient, scored: Services, mine: Tenant, moved: bool
) -> None:
    """All bytes were acknowledged, but the server died before the upload was an object."""
    url = begin(client)
    send(client, url, 0, DATA[:-1])
    upload_id = url.rsplit("/", 1)[1]
    store = UploadStore(scored)
    with store.writing(store.find(mine.id, upload_id)) as writer:
        writer.write(DATA[-1:])
        writer.commit()
    if moved:
        row = store.find(mine.id, upload_id)
        scored.objects.adopt(row["object_key"], store.path(upload_id))
    assert offset(client, url) == len(DATA)
    made = client.post("/v1/projects", json={"source": {"upload_id": upload_id}})
    assert made.json()["source"]["sha256"] == hashlib.sha256(DATA).hexdigest()


def test_storage_quota_counts_uploads(client: TestClient, scored: Services) -> None:
    with scored.database.write() as connection:
        connection.execute(update(db.tenants).values(max_stored_bytes=len(DATA) + 5))
    begin(client)
    refused = client.post("/v1/uploads", headers=TUS | {"Upload-Length": "6"})
    assert code(refused) == (402, "storage_used_up")


def test_a_repeated_creation_gives_the_same_upload(client: TestClient) -> None:
    headers = STREAM | {"Upload-Length": str(len(DATA)), "Idempotency-Key": "one"}
    first = client.post("/v1/uploads", headers=headers, content=DATA[:100])
    again = client.post("/v1/uploads", headers=headers, content=DATA[:100])
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    assert offset(client, urlsplit(first.headers["location"]).path) == 100


def test_presign_on_disk_is_a_tus_address(client: TestClient) -> None:
    asked = client.post("/v1/uploads/presign", json={"name": "a.mov", "length": len(DATA)})
    address = asked.json()
    assert (asked.status_code, address["protocol"]) == (201, "tus")
    assert send(client, urlsplit(address["url"]).path, 0, DATA).status_code == 204
    made = client.post("/v1/projects", json={"source": {"object_key": address["object_key"]}})
    assert made.status_code == 201
    assert code(client.post("/v1/uploads/presign", json={"name": "a.mov"})) == (
        422,
        "length_needed",
    )


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Live]:
    with live(tmp_path / "live") as running:
        yield running


def test_cut_at_random_offsets_it_is_byte_equal(server: Live) -> None:
    """The connection breaks in the middle of requests; the client asks and goes on."""
    data = random.Random(7).randbytes(6_000_000)
    chance = random.Random(8)
    with httpx.Client(
        base_url=server.url, headers={"Authorization": f"Bearer {server.key}"}
    ) as client:
        made = client.post("/v1/uploads", headers=TUS | {"Upload-Length": str(len(data))})
        path = urlsplit(made.headers["location"]).path
        cuts = 0
        while (at := _settled(client, path)) < len(data):
            if cuts < 50:
                _cut(server, path, at, data, chance.randrange(1, 200_000))
                cuts += 1
            else:
                rest = STREAM | {"Upload-Offset": str(at)}
                assert client.patch(path, headers=rest, content=data[at:]).status_code == 204
        upload = client.get(path).json()
    assert cuts == 50
    assert upload["sha256"] == hashlib.sha256(data).hexdigest()


def _settled(client: httpx.Client, path: str) -> int:
    """The offset once the server has noticed that the other connection is gone."""
    until, before = time.monotonic() + 5.0, -1
    while time.monotonic() < until:
        at = int(client.head(path, headers=TUS).headers["upload-offset"])
        if at == before:
            break
        before = at
        time.sleep(0.03)
    return before


def _cut(server: Live, path: str, at: int, data: bytes, count: int) -> None:
    """Promise all of the rest, send ``count`` bytes, and hang up."""
    address = urlsplit(server.url)
    head = (
        f"PATCH {path} HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Bearer {server.key}\r\n"
        f"Tus-Resumable: {VERSION}\r\nUpload-Offset: {at}\r\n"
        f"Content-Type: application/offset+octet-stream\r\nContent-Length: {len(data) - at}\r\n\r\n"
    )
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(head.encode() + data[at : at + count])


def test_names_never_reach_a_path(client: TestClient, scored: Services, mine: Tenant) -> None:
    url = begin(client, 3, "../../../etc/pass\u0000wd.\u202e")
    send(client, url, 0, b"abc")
    upload = client.get(url).json()
    assert "\u0000" not in upload["name"]
    folder = scored.settings.data / "objects" / "tenants" / mine.id / "sources" / upload["id"]
    assert os.listdir(folder) == ["source.bin"]
