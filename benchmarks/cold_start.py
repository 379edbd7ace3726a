"""A cold start: from a new process to the first request that AWS IoT gets.

The built asset against the floor (``import boto3``, one client, the same call), and against what crhelper's README
leads to. The sides share one boto3, one event and one server.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import issuing
from benchmarks import events, lambda_runtime
from benchmarks.measuring import in_turn, ratios
from benchmarks.report import Row, Section
from handler.endpoint import Endpoint, server_tls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

TITLE = "Cold start"
LIMIT = 1.25
ROUNDS = 31

_REMARKS = (
    (
        "From the start of a process to the arrival of RegisterCertificate at a server, over TLS. The floor is "
        "`import boto3`, one `iot` client and the same call; the naive handler is the one of crhelper's README, with a "
        "client made while the module is imported. boto3 has its bytecode, as in Lambda's runtime; of the asset, whose "
        "folder is read-only there, cryptography and some of our modules have, and the others are compiled each time."
    ),
    (
        "*Without bytecode* is the asset as a machine builds it that has no Python of the function's version: there "
        "all modules are compiled each time."
    ),
)
_SECONDS = 30.0
_HANDLER = "iot_certificate_provider.handler.handler"


def run(say: Callable[[str], None]) -> Section:
    """Measure."""
    with tempfile.TemporaryDirectory() as name, _server(Path(name)) as server:
        folder = Path(name)
        commands = _commands(folder, server.url)
        sides = {side: _side(commands[side], server) for side in commands}
        seconds = in_turn(sides, ROUNDS, say)
    return Section(
        TITLE,
        (
            Row("the asset / the floor", ratios(seconds["asset"], seconds["floor"]), LIMIT),
            Row("the asset without bytecode / the floor", ratios(seconds["sources"], seconds["floor"])),
            Row("the asset / a naive crhelper handler", ratios(seconds["asset"], seconds["naive"])),
            Row("a naive crhelper handler / the floor", ratios(seconds["naive"], seconds["floor"])),
        ),
        _REMARKS,
    )


def _commands(folder: Path, url: str) -> dict[str, list[str]]:
    ca = issuing.make_ca()
    properties = {"CertificatePem": issuing.make_device(ca).pem, "CACertificatePem": ca.pem}
    event = lambda_runtime.write_event(
        folder / "event.json", events.event("Create", events.DEVICE, properties, url=url)
    )
    runtime, asset = lambda_runtime.make_runtime(folder), lambda_runtime.unpack_asset(folder)
    floor, naive = (
        lambda_runtime.install_function(source, folder, asset)
        for source in (lambda_runtime.FLOOR, lambda_runtime.NAIVE)
    )
    sources = lambda_runtime.without_bytecode(asset, folder)
    return {
        "asset": lambda_runtime.command(asset, runtime, _HANDLER, event),
        "sources": lambda_runtime.command(sources, runtime, _HANDLER, event),
        "floor": lambda_runtime.command(floor, runtime, "floor.handler", event),
        "naive": lambda_runtime.command(naive, runtime, "naive.handler", event),
    }


class _Server:
    """Stands for AWS IoT: tells when the first request arrived."""

    def __init__(self, endpoint: Endpoint, certificate: Path) -> None:
        self.url = f"https://{endpoint.address}"
        self.certificate = certificate
        self._arrived = threading.Event()
        self._at = 0.0
        endpoint.before_answer = self._note

    def first_request_of(self, process: subprocess.Popen[bytes]) -> float:
        """Wait for it, and end the process; return when it arrived."""
        try:
            if not self._arrived.wait(_SECONDS):
                raise RuntimeError("The function made no request")
        finally:
            process.kill()
            process.communicate()
        return self._at

    def forget(self) -> None:
        """Wait for a new first request."""
        self._arrived.clear()

    def _note(self) -> None:
        if not self._arrived.is_set():
            self._at = time.perf_counter()
            self._arrived.set()


@contextmanager
def _server(folder: Path) -> Iterator[_Server]:
    tls, certificate = server_tls(folder)
    endpoint = Endpoint(tls)
    try:
        yield _Server(endpoint, certificate)
    finally:
        endpoint.close()


def _side(command: list[str], server: _Server) -> Callable[[], float]:
    environment = _environment(server)

    def start() -> float:
        server.forget()
        started = time.perf_counter()
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return server.first_request_of(process) - started

    return start


def _environment(server: _Server) -> Mapping[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "AWS_LAMBDA_FUNCTION_NAME": "provider",
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_ENDPOINT_URL": server.url,
        "AWS_CA_BUNDLE": str(server.certificate),
    }
