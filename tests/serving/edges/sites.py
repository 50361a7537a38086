"""A web server of the test's own, and waiting for what other threads do."""

from __future__ import annotations

import re
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Site:
    """A real web server on loopback that answers as each test says and writes down who calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, dict[str, str], bytes]] = []
        self.answer: Callable[[BaseHTTPRequestHandler, int], None] = lambda handler, _: reply(
            handler, 200
        )
        self._lock = threading.Lock()
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._handle()

            def do_POST(self) -> None:
                self._handle()

            def _handle(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                with site._lock:
                    site.calls.append((self.command, self.path, headers, body))
                    number = len(site.calls)
                try:
                    site.answer(self, number)
                except (BrokenPipeError, ConnectionResetError, ValueError):
                    self.close_connection = True

            def log_message(self, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class TlsSite:
    """A server with a certificate for one name, from an authority of its own.

    Attributes:
        authority: its certificate, in a file.
        names: those that clients asked for in TLS.
        hosts: those that they then asked for in HTTP.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.authority, chain = folder / "authority.pem", folder / "server.pem"
        _certify(name, self.authority, chain)
        self.names: list[str] = []
        self.hosts: list[str] = []
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(chain)
        self._context.sni_callback = lambda _, asked, __: self.names.append(asked)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> TlsSite:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._listening.accept()
            except OSError:
                return
            # A client that refuses the certificate goes away in the middle.
            with (
                plain,
                suppress(OSError),
                self._context.wrap_socket(plain, server_side=True) as peer,
            ):
                head = _whole_request(peer).decode()
                self.hosts += re.findall(r"(?im)^host: (\S+)", head)
                peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def _whole_request(peer: socket.socket) -> bytes:
    """The request up to its last byte: closing over bytes not read would reset the connection."""
    request = b""
    while block := peer.recv(65536):
        request += block
        head, _, body = request.partition(b"\r\n\r\n")
        length = re.search(rb"(?im)^content-length: (\d+)", head)
        if b"\r\n\r\n" in request and len(body) >= int(length[1] if length else 0):
            break
    return request


def _certify(name: str, authority: Path, chain: Path) -> None:
    now = datetime.now(UTC)
    keys = {who: ec.generate_private_key(ec.SECP256R1()) for who in ("authority", name)}
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
    for who, is_authority, path in (("authority", True, authority), (name, False, chain)):
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, who)]))
            .issuer_name(issuer)
            .public_key(keys[who].public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(who)]), critical=False)
            .sign(keys["authority"], hashes.SHA256())
        )
        key = keys[who].private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        public = certificate.public_bytes(serialization.Encoding.PEM)
        path.write_bytes(public if is_authority else key + public)


def reply(handler: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait for something that happens in another thread."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)
