"""Upload a large file, cut at random offsets: is it byte-equal, how fast, in how much memory?

    python -m experiments.benchmarks.serving.upload --gigabytes 2 --cuts 50

The server runs in a process of its own; a connection that is cut is closed in the middle of its
request. The bytes are made up on the way, so no file is read.
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import random
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import uvicorn

from serving.accounts import create_key, create_tenant
from serving.api.app import create_app
from serving.services import open_services
from serving.settings import Settings
from tests.serving.servers import await_api, free_port

BLOCK = 1 << 20
TUS = {"Tus-Resumable": "1.0.0"}
STREAM = TUS | {"Content-Type": "application/offset+octet-stream"}


class Source:
    """A file that is not there: block ``n`` repeats 32 bytes that only it has."""

    def __init__(self, length: int) -> None:
        self.length = length

    def read(self, start: int, end: int) -> Iterator[bytes]:
        while start < end:
            number, inside = divmod(start, BLOCK)
            block = hashlib.sha256(str(number).encode()).digest() * (BLOCK // 32)
            piece = block[inside : inside + end - start]
            yield piece
            start += len(piece)

    def sha256(self) -> str:
        digest = hashlib.sha256()
        for piece in self.read(0, self.length):
            digest.update(piece)
        return digest.hexdigest()


def serve(folder: Path, parent: Connection) -> None:
    """The server's process: says its address and a key, then serves until it is ended."""
    settings = Settings(data=folder / "data", port=free_port(), min_free_bytes=0)
    services = open_services(settings)
    with services.database.write() as connection:
        key = create_key(connection, create_tenant(connection, "bench", settings), "bench")
    config = uvicorn.Config(
        create_app(services), host="127.0.0.1", port=settings.port, log_level="warning"
    )
    parent.send((settings.url, key))
    uvicorn.Server(config).run()


class Memory(threading.Thread):
    """The largest resident size of a process so far, in bytes."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._process = psutil.Process(pid)
        self.at_start = self._process.memory_info().rss
        self.peak = self.at_start

    def run(self) -> None:
        while self._process.is_running():
            try:
                self.peak = max(self.peak, self._process.memory_info().rss)
            except psutil.NoSuchProcess:
                return
            time.sleep(0.05)


def cut(url: str, key: str, path: str, at: int, source: Source, count: int) -> None:
    """Promise the rest of the file, send ``count`` bytes of it, and hang up."""
    address = urlsplit(url)
    head = (
        f"PATCH {path} HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Bearer {key}\r\n"
        f"Tus-Resumable: 1.0.0\r\nUpload-Offset: {at}\r\n"
        f"Content-Type: {STREAM['Content-Type']}\r\nContent-Length: {source.length - at}\r\n\r\n"
    )
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(head.encode())
        for piece in source.read(at, at + count):
            connection.sendall(piece)


def offset(client: httpx.Client, path: str) -> int:
    """Where to go on, once the server has noticed that the last connection is gone."""
    before = -1
    while True:
        at = int(client.head(path, headers=TUS).headers["upload-offset"])
        if at == before:
            return at
        before = at
        time.sleep(0.1)


def upload(url: str, key: str, source: Source, cuts: int, seed: int) -> tuple[str, int, float]:
    """Send it all; returns the digest the server took, bytes sent again, and seconds."""
    chance = random.Random(seed)
    places = sorted(chance.sample(range(1, source.length), cuts))
    started, again = time.perf_counter(), 0
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=url, headers=headers, timeout=600) as client:
        made = client.post("/v1/uploads", headers=TUS | {"Upload-Length": str(source.length)})
        path = urlsplit(made.headers["location"]).path
        at = 0
        for place in places:
            if place > at:
                cut(url, key, path, at, source, place - at)
                at, sent = offset(client, path), place
                again += sent - at
        rest = STREAM | {"Upload-Offset": str(at), "Content-Length": str(source.length - at)}
        body = source.read(at, source.length)
        client.patch(path, headers=rest, content=body).raise_for_status()
        digest = client.get(path).json()["sha256"]
    return digest, again, time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--gigabytes", type=float, default=2.0)
    parser.add_argument("--cuts", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    source = Source(int(options.gigabytes * 1e9))
    with tempfile.TemporaryDirectory(prefix="talkreel-upload-") as folder:
        ours, theirs = multiprocessing.get_context("spawn").Pipe()
        child = multiprocessing.get_context("spawn").Process(
            target=serve, args=(Path(folder), theirs)
        )
        child.start()
        try:
            url, key = ours.recv()
            await_api(url)
            assert child.pid is not None
            memory = Memory(child.pid)
            memory.start()
            digest, again, seconds = upload(url, key, source, options.cuts, options.seed)
        finally:
            child.terminate()
            child.join()
    equal = digest == source.sha256()
    print("| bytes | cuts | byte-equal | sent again | seconds | MB/s | memory before | peak |")
    print("|---|---|---|---|---|---|---|---|")
    print(
        f"| {source.length:,} | {options.cuts} | {'yes' if equal else 'NO'} | {again:,} | "
        f"{seconds:.1f} | {source.length / 1e6 / seconds:.0f} | "
        f"{memory.at_start / 1e6:.0f} MB | {memory.peak / 1e6:.0f} MB |"
    )


if __name__ == "__main__":
    main()
