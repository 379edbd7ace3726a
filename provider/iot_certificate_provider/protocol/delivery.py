"""The delivery of a response: one HTTPS PUT to the presigned URL of the request."""

from __future__ import annotations

import http.client
import json
import logging
import random
import ssl
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

PUT_ATTEMPTS = 5
PUT_SECONDS = 5.0

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
        connection = http.client.HTTPSConnection(parts.netloc, context=self._trust, timeout=PUT_SECONDS)
        try:
            path = f"{parts.path}?{parts.query}" if parts.query else parts.path
            # A presigned URL is signed for this, empty, content type.
            connection.request("PUT", path, body, {"content-type": "", "content-length": str(len(body))})
            return connection.getresponse().status
        finally:
            connection.close()
