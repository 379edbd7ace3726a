"""A presigned URL to answer to: HTTPS on a free port, which records every request and answers by a script."""

from __future__ import annotations

import ipaddress
import itertools
import json
import os
import socket
import ssl
import struct
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from cryptography import x509

import issuing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Step = int | Literal["reset", "hang", "drip", "drip headers", "continue"]
"""What the endpoint does with a request: answer with this status, reset the connection, or never answer.

To drip is to send an answer that never ends one byte at a time: in its first line, in its headers, or in one "100
Continue" after the other.
"""

_DRIPPED = {"drip": b"HTTP/1.1 200 ", "drip headers": b"HTTP/1.1 200 OK\r\n", "continue": b""}
_ENDLESS = {"drip": b"O", "drip headers": b"x-drip: 1\r\n", "continue": b"HTTP/1.1 100 Continue\r\n\r\n"}


@dataclass(frozen=True)
class Received:
    """One request as it came over the wire."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def answer(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.body)
        return answer


class Endpoint:
    """Plays the bucket that CloudFormation's presigned URLs lead to."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self.received: list[Received] = []
        self.script: deque[Step] = deque()
        """What to do with the next requests; those after them get 200."""
        self.arrived = threading.Event()
        self.before_answer: Callable[[], object] = lambda: None
        self.closing = threading.Event()
        self._server = _Server(self, tls)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    def url(self, presigned: str) -> str:
        """Lead a presigned URL here; everything but its host stays as it is, to the letter."""
        return presigned.replace(f"//{urlsplit(presigned).netloc}/", f"//{self.address}/", 1)

    def close(self) -> None:
        """Stop, and end every thread; once is enough."""
        if self.closing.is_set():
            return
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def take(self, request: Received) -> Step:
        """Record a request; return what to do with it."""
        self.received.append(request)
        self.arrived.set()
        self.before_answer()
        step = self.script.popleft() if self.script else 200
        if step == "hang":
            self.closing.wait(60)
        return step


def server_tls(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """Return the endpoint's side of TLS, and the file in ``folder`` with the certificate to trust."""
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    issued = issuing.make_ca("presigned URL", extensions=[(address, False)])
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    certificate.write_text(issued.pem)
    key.write_text(issued.key_pem())
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    return tls, certificate


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True

    def __init__(self, endpoint: Endpoint, tls: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), _Exchange)
        self.endpoint = endpoint
        # The handshake is left to the thread of the request: one that never ends must not keep others waiting.
        self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that give up are part of the play."""


class _Exchange(BaseHTTPRequestHandler):
    server: _Server

    def handle_one_request(self) -> None:
        # Whatever the method is, it is recorded.
        self.raw_requestline = self.rfile.readline(65537)
        self.close_connection = True
        if not self.raw_requestline or not self.parse_request():
            return
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        step = self.server.endpoint.take(Received(self.command, self.path, headers, body))
        if step == "reset":
            self._reset()
        elif step in _ENDLESS:
            with suppress(OSError):
                self._drip(_DRIPPED[step], _ENDLESS[step])
        elif isinstance(step, int):
            self.send_response(step)
            self.send_header("content-length", "0")
            self.end_headers()

    def _drip(self, beginning: bytes, endless: bytes) -> None:
        self.wfile.write(beginning)
        for byte in itertools.cycle(endless):
            if self.server.endpoint.closing.wait(0.01):
                return
            self.wfile.write(bytes([byte]))

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""
