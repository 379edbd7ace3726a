"""Bringing the answer to its URL: what is tried again, what is not, and for how long."""

from __future__ import annotations

import itertools
import json
import random
import socket
import ssl
import threading
import time
from contextlib import ExitStack, closing, contextmanager, suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from iot_certificate_provider.handler import ResponseNotDeliveredError
from iot_certificate_provider.protocol import delivery
from iot_certificate_provider.protocol.delivery import Delivery

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import issuing
    from handler.endpoint import Endpoint, Step
    from handler.stage import Stage


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_a_status_of_200_or_so_ends_it(stage: Stage, status: int) -> None:
    stage.endpoint.script.append(status)
    stage.invoke(stage.event("Delete"))


@pytest.mark.parametrize(
    "script",
    [[500], [503], ["reset"], [503, "reset", 500, 503], [199], [300], [307], [399]],
    ids=lambda steps: ", ".join(map(str, steps)),
)
def test_what_may_pass_is_tried_again_with_the_same_answer(stage: Stage, script: list[Step]) -> None:
    stage.endpoint.script.extend(script)
    answers = stage.invoke_for_all(stage.event("Delete"))
    assert len(answers) == len(script) + 1
    assert all(answer == answers[0] for answer in answers)


@pytest.mark.parametrize("status", [400, 403, 404, 499])
def test_what_will_not_pass_is_not_tried_again_and_lambda_hears_of_it(stage: Stage, status: int) -> None:
    stage.endpoint.script.append(status)
    with pytest.raises(ResponseNotDeliveredError):
        stage.invoke_for_all(stage.event("Delete"))
    assert len(stage.endpoint.received) == 1


@pytest.mark.parametrize("step", [503, "reset"])
def test_delivery_is_abandoned_after_five_attempts(stage: Stage, step: Step) -> None:
    stage.endpoint.script.extend([step] * 10)
    with pytest.raises(ResponseNotDeliveredError):
        stage.invoke_for_all(stage.event("Delete"))
    assert len(stage.endpoint.received) == delivery.PUT_ATTEMPTS == 5


def test_an_endpoint_that_hangs_costs_no_more_than_the_sockets_timeout(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "PUT_SECONDS", 0.2)
    stage.endpoint.script.append("hang")
    started = time.monotonic()
    answers = stage.invoke_for_all(stage.event("Delete"))
    assert len(answers) == 2
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("step", ["drip", "drip headers", "continue"])
def test_an_endpoint_that_drips_bytes_costs_no_more_than_one_that_hangs(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, step: Step
) -> None:
    """Its answer never ends: without a limit for the whole of it, nor does this test."""
    monkeypatch.setattr(delivery, "PUT_SECONDS", 0.2)
    stage.endpoint.script.append(step)
    answers = stage.invoke_for_all(stage.event("Delete"))
    assert len(answers) == 2


def test_an_endpoint_that_drips_the_handshake_costs_no_more_than_one_that_hangs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivery, "PUT_SECONDS", 0.1)
    with DrippingHandshake() as dripping:
        deliver = Delivery(ssl.create_default_context(), sleep=lambda _: None)
        assert deliver(f"https://127.0.0.1:{dripping.port}/x?y", b"{}") is False
    assert dripping.connections == delivery.PUT_ATTEMPTS


def test_an_address_that_never_answers_leaves_time_for_the_next(
    endpoint: Endpoint, server_tls: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "PUT_SECONDS", 1.0)
    port = int(endpoint.address.rpartition(":")[2])
    tcp = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
    with full_backlog() as silent:
        found = [(*tcp, silent), (*tcp, ("127.0.0.1", port))]
        looked_up = socket.getaddrinfo

        def several(host: str, *arguments: Any, **named: Any) -> Any:
            return found if host == "localhost.test" else looked_up(host, *arguments, **named)

        monkeypatch.setattr(socket, "getaddrinfo", several)
        trust = ssl.create_default_context(cafile=server_tls[1])
        trust.check_hostname = False
        assert Delivery(trust)(f"https://localhost.test:{port}/x?y", b"{}") is True


class Unencrypted:
    """A connection that is made: it keeps the timeouts that it is given."""

    def __init__(self) -> None:
        self.timeouts: list[float] = []

    def settimeout(self, seconds: float) -> None:
        self.timeouts.append(seconds)


class TestTheTimeOfOneAttempt:
    """It is 100.0 by the clock, and the attempt ends at 106.0."""

    @pytest.fixture(autouse=True)
    def clock(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(delivery, "time", SimpleNamespace(monotonic=lambda: 100.0))

    @pytest.fixture
    def trust(self) -> ssl.SSLContext:
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    @pytest.fixture
    def refused(self, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float]]:
        """The connections that are refused, each with its timeout."""
        refused: list[tuple[str, float]] = []

        def refuse(address: tuple[str, int], timeout: float) -> socket.socket:
            refused.append((address[0], timeout))
            raise ConnectionRefusedError(address[0])

        monkeypatch.setattr(socket, "create_connection", refuse)
        return refused

    def test_is_shared_by_the_addresses_that_are_left(
        self, trust: ssl.SSLContext, refused: list[tuple[str, float]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        found_at(monkeypatch, "192.0.2.1", "192.0.2.2", "192.0.2.3")
        with pytest.raises(ConnectionRefusedError, match=r"192\.0\.2\.3"):
            delivery._Connection("bucket.example", trust, 106.0).connect()
        assert refused == [("192.0.2.1", 2.0), ("192.0.2.2", 3.0), ("192.0.2.3", 6.0)]

    def test_is_that_of_a_single_address(self, trust: ssl.SSLContext, refused: list[tuple[str, float]]) -> None:
        """getaddrinfo names an address once for each type of socket, unless it is asked for one."""
        with pytest.raises(ConnectionRefusedError):
            delivery._Connection("192.0.2.1", trust, 106.0).connect()
        assert refused == [("192.0.2.1", 6.0)]

    def test_is_the_handshakes_once_an_address_has_answered_within_its_share(
        self, trust: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        found_at(monkeypatch, "192.0.2.1", "192.0.2.2")
        connected, encrypted = Unencrypted(), SimpleNamespace(ends=0.0)
        monkeypatch.setattr(socket, "create_connection", lambda *_: connected)
        monkeypatch.setattr(trust, "wrap_socket", lambda *_, **__: encrypted)
        delivery._Connection("bucket.example", trust, 106.0).connect()
        assert (connected.timeouts, encrypted.ends) == ([6.0], 106.0)

    @pytest.mark.parametrize("ends", [100.0, 99.5, 0.0])
    def test_may_be_over(self, ends: float) -> None:
        with pytest.raises(TimeoutError, match="the time for one attempt is over"):
            delivery._left(ends)

    def test_may_be_short(self) -> None:
        assert delivery._left(100.5) == 0.5


def found_at(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    tcp = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(*tcp, (each, 443)) for each in addresses])


def test_after_the_time_of_an_attempt_nothing_is_written_or_read(
    endpoint: Endpoint, server_tls: tuple[ssl.SSLContext, Path]
) -> None:
    trust = ssl.create_default_context(cafile=server_tls[1])
    with closing(delivery._Connection(endpoint.address, trust, time.monotonic() + 5)) as connection:
        connection.connect()
        connected: Any = connection.sock
        connected.ends = time.monotonic()
        with pytest.raises(TimeoutError, match="the time for one attempt is over"):
            connected.send(b"PUT")
        with pytest.raises(TimeoutError, match="the time for one attempt is over"):
            connected.recv_into(bytearray(1))


def test_the_work_is_not_done_again_for_an_answer_that_is_tried_again(stage: Stage, device: issuing.Issued) -> None:
    stage.endpoint.script.extend([503, "reset"])
    stage.invoke_for_all(stage.event("Create", {"CertificatePem": device.pem}))
    assert stage.aws.writes() == ["iot.RegisterCertificate"]


def test_the_pauses_between_attempts_are_random_and_grow(
    endpoint: Endpoint, server_tls: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    ranges: list[tuple[float, float]] = []
    slept: list[float] = []

    def uniform(low: float, high: float) -> float:
        ranges.append((low, high))
        return high

    monkeypatch.setattr(random, "uniform", uniform)
    deliver = Delivery(ssl.create_default_context(cafile=server_tls[1]), slept.append)
    endpoint.script.extend([503] * 5)
    assert deliver(f"https://{endpoint.address}/x?y", b"{}") is False
    assert [low for low, _ in ranges] == [0, 0, 0, 0]
    assert all(later == 2 * earlier for earlier, later in itertools.pairwise(slept))
    assert sum(slept) < 10


class DrippingHandshake:
    """A server whose TLS record, announced as long as one can be, never ends."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.connections = 0
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> DrippingHandshake:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listening.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self.connections += 1
                with connection, suppress(OSError):
                    for byte in itertools.chain(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc", itertools.repeat(0)):
                        connection.send(bytes([byte]))
                        time.sleep(0.005)


@contextmanager
def full_backlog() -> Iterator[tuple[str, int]]:
    """Give the address of a server that takes no connection, and refuses none."""
    with socket.socket() as listening, ExitStack() as waiting:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for _ in range(3):
            client = waiting.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listening.getsockname())
        yield listening.getsockname()


def test_the_certificate_of_the_url_is_checked(endpoint: Endpoint, caplog: pytest.LogCaptureFixture) -> None:
    deliver = Delivery(ssl.create_default_context(), sleep=lambda _: None)
    assert deliver(f"https://{endpoint.address}/x?y", b"{}") is False
    assert endpoint.received == []
    assert "SSLCertVerificationError" in caplog.text


def test_trust_is_what_the_environment_says(
    endpoint: Endpoint, server_tls: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(server_tls[1]))
    assert Delivery()(f"https://{endpoint.address}/x?y", b"{}") is True


def test_the_trust_store_is_read_once_with_the_first_response(
    endpoint: Endpoint, server_tls: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading it takes longer than the rest of an answer."""
    monkeypatch.setenv("SSL_CERT_FILE", str(server_tls[1]))
    read: list[ssl.SSLContext] = []
    load = ssl.SSLContext.load_default_certs

    def counted(context: ssl.SSLContext, purpose: ssl.Purpose = ssl.Purpose.SERVER_AUTH) -> None:
        read.append(context)
        load(context, purpose)

    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", counted)
    deliver = Delivery()
    assert read == []
    assert [deliver(f"https://{endpoint.address}/x?y", b"{}") for _ in range(2)] == [True, True]
    assert len(read) == 1


def test_the_request_after_an_answer_that_was_lost_is_served(stage: Stage) -> None:
    stage.endpoint.script.append(403)
    with pytest.raises(ResponseNotDeliveredError):
        stage.invoke_for_all(stage.event("Delete"))
    assert stage.invoke(stage.event("Delete"))["Status"] == "SUCCESS"


@pytest.mark.parametrize("script", [[403], [503] * 5, ["reset"] * 5], ids=["refused", "down", "reset"])
def test_what_goes_wrong_is_logged_without_the_url(
    stage: Stage, script: list[Step], caplog: pytest.LogCaptureFixture
) -> None:
    stage.endpoint.script.extend(script)
    event: dict[str, Any] = stage.event("Delete")
    with (
        caplog.at_level("DEBUG"),
        pytest.raises(ResponseNotDeliveredError) as caught,
    ):
        stage.invoke_for_all(event)
    lines = [json.loads(r.getMessage()) for r in caplog.records if "response" in r.getMessage()]
    assert len(lines) == len(script)
    said = caplog.text + str(caught.value) + str(caught.value.__context__)
    assert stage.endpoint.address not in said
    assert "X-Amz" not in said
