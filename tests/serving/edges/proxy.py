"""A network that breaks: passes bytes between client and server, and cuts at random places."""

from __future__ import annotations

import random
import socket
import threading
from contextlib import suppress


class CuttingProxy:
    """Cuts each of its first ``cuts`` connections after a random number of bytes.

    Attributes:
        port: to connect to.
        cuts: how many are still to come.
    """

    def __init__(self, target_port: int, *, cuts: int, most_bytes: int, seed: int = 7) -> None:
        self.cuts = cuts
        self._most = most_bytes
        self._target = target_port
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._threads = [threading.Thread(target=self._serve)]
        self._pairs: list[tuple[socket.socket, socket.socket]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> CuttingProxy:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for pair in self._pairs:
            _cut(pair)
        for thread in self._threads:
            thread.join()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._target))
            pair = (client, server)
            self._pairs.append(pair)
            budget = [self._random.randint(1, self._most)]
            for source, sink in ((client, server), (server, client)):
                thread = threading.Thread(target=self._pass, args=(pair, source, sink, budget))
                self._threads.append(thread)
                thread.start()

    def _pass(
        self,
        pair: tuple[socket.socket, socket.socket],
        source: socket.socket,
        sink: socket.socket,
        budget: list[int],
    ) -> None:
        with suppress(OSError):
            while data := source.recv(16384):
                with self._lock:
                    room = budget[0]
                    budget[0] -= len(data)
                    ends = self.cuts > 0 and room > 0 >= budget[0]
                    self.cuts -= ends
                sink.sendall(data[:room] if ends else data)
                if ends:
                    break
        _cut(pair)


def _cut(pair: tuple[socket.socket, socket.socket]) -> None:
    for one in pair:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()
