"""The answers' real way: over TLS, to a presigned URL's server."""

from __future__ import annotations

import ssl
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from handler.endpoint import Endpoint, server_tls

if TYPE_CHECKING:
    from collections.abc import Iterator

    from protocol.function import Cloud


@contextmanager
def answers_over_tls(cloud: Cloud) -> Iterator[Endpoint]:
    """Have the answers go over TLS to a presigned URL's server."""
    with tempfile.TemporaryDirectory() as folder:
        server, certificate = server_tls(Path(folder))
        client = ssl.create_default_context(cafile=certificate)
    endpoint = Endpoint(server)
    cloud.endpoint, cloud.tls = endpoint, client
    try:
        yield endpoint
    finally:
        cloud.endpoint, cloud.tls = None, None
        endpoint.close()
