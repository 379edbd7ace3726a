"""The delivery of a response: one HTTPS PUT to the presigned URL of the request."""

from __future__ import annotations

import http.client
import json
import logging
import math
import random
import socket
import ssl
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

PUT_ATTEMPTS = 5
PUT_SECONDS = 5.0
"""The limit of one attempt in all: connecting, TLS, the request and the status of the answer."""

logger = logging.getLogger("iot_certificate_provider")


class Delivery:
    """Delivers responses. ``trust`` is by default the trust store of the environment, read with the first response."""

    def __init__(self, trust: ssl.SSLContext | None = None, sleep: Callable[[float], None] = time.sleep) -> None:
        self._trust = trust
        self._sleep = sleep

    def __call__(self, url: str, body: bytes) -> bool:
        """PUT the response to its presigned URL; return whether CloudFormation took it.

        Edge: crhelper's sender ignores the status, has no socket timeout and retries for ever.
        """
        for attempt in range(PUT_ATTEMPTS):
            if attempt:
                self._sleep(random.uniform(0, 2**attempt / 4))  # noqa: S311 - jitter
            try:
                status = self._put(url, body)
            except (OSError, http.client.HTTPException) as error:
                logger.warning(json.dumps({"response": "not delivered", "error": type(error).__name__}))
                continue
            if 200 <= status < 300:
                return True
            logger.warning(json.dumps({"response": "not accepted", "status": status}))
            if 400 <= status < 500:
                return False
        return False

    def _put(self, url: str, body: bytes) -> int:
        # Kept: reading the trust store costs more than the rest of the answer.
        self._trust = self._trust or ssl.create_default_context()
        parts = urlsplit(url)
        connection = _Connection(parts.netloc, self._trust, time.monotonic() + PUT_SECONDS)
        try:
            path = f"{parts.path}?{parts.query}" if parts.query else parts.path
            # A presigned URL is signed for this, empty, content type.
            connection.request("PUT", path, body, {"content-type": "", "content-length": str(len(body))})
            return connection.getresponse().status
        finally:
            connection.close()


class _Connection(http.client.HTTPSConnection):
    """A connection whose reads and writes raise TimeoutError from ``ends`` on, a time of the monotonic clock.

    Edge: the timeout of http.client is for each address, read and write: a server that sends one byte at a time holds
    the connection for as long as it likes.
    """

    def __init__(self, netloc: str, trust: ssl.SSLContext, ends: float) -> None:
        super().__init__(netloc, context=trust)
        self._trust, self._ends = trust, ends
        trust.sslsocket_class = _Socket

    def connect(self) -> None:
        """Connect to the first address that answers, and make the TLS handshake."""
        connected = self._connected()
        # ssl counts this timeout for the handshake as a whole.
        connected.settimeout(_left(self._ends))
        encrypted = cast("_Socket", self._trust.wrap_socket(connected, server_hostname=self.host))
        encrypted.ends = self._ends
        self.sock = encrypted

    def _connected(self) -> socket.socket:
        addresses = [each[4] for each in socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)]
        for place, (host, port, *_) in enumerate(addresses[:-1]):
            # An address that never answers leaves time for the next one.
            share = _left(self._ends) / (len(addresses) - place)
            with suppress(OSError):
                return socket.create_connection((str(host), int(port)), share)
        host, port, *_ = addresses[-1]
        return socket.create_connection((str(host), int(port)), _left(self._ends))


class _Socket(ssl.SSLSocket):
    """A socket whose timeout is the time that is left until ``ends``, at each read and write."""

    ends = math.inf

    def recv_into(self, *arguments: Any, **named: Any) -> int:
        """Read what has arrived."""
        self.settimeout(_left(self.ends))
        return super().recv_into(*arguments, **named)

    def send(self, *arguments: Any, **named: Any) -> int:
        """Write what can be written."""
        self.settimeout(_left(self.ends))
        return super().send(*arguments, **named)


def _left(ends: float) -> float:
    """Return the seconds until ``ends``; raise TimeoutError when there are none."""
    left = ends - time.monotonic()
    if left <= 0:
        raise TimeoutError("the time for one attempt is over")
    return left
