"""A share of the sequences with the answers on their real way: over TLS, to the presigned URL."""

from __future__ import annotations

import ipaddress
import ssl
from typing import TYPE_CHECKING

import pytest
from cryptography import x509

import issuing
from handler.endpoint import Endpoint
from protocol import scenarios

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from protocol.function import Cloud
    from protocol.scenarios import Kind

SHARE = (
    scenarios.create_update_delete,
    scenarios.failed_create_that_cannot_be_undone,
    scenarios.redelivered_create,
    scenarios.create_that_never_answers,
    scenarios.delete_while_create_runs,
    scenarios.update_killed_after_registering,
    scenarios.rollback_to_a_certificate_that_still_exists,
    scenarios.abandoned_in_cleanup,
    scenarios.answer_that_is_too_large,
)


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The endpoint's side of TLS, and the function's."""
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    issued = issuing.make_ca("presigned URL", extensions=[(address, False)])
    folder: Path = tmp_path_factory.mktemp("endpoint")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    certificate.write_text(issued.pem)
    key.write_text(issued.key_pem())
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    return server, ssl.create_default_context(cafile=certificate)


@pytest.fixture
def endpoint(tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> Iterator[Endpoint]:
    running = Endpoint(tls[0])
    yield running
    running.close()


@pytest.mark.parametrize("kind", scenarios.KINDS.values(), ids=str)
@pytest.mark.parametrize("scenario", SHARE, ids=lambda scenario: scenario.__name__)
def test_sequence(
    cloud: Cloud,
    endpoint: Endpoint,
    tls: tuple[ssl.SSLContext, ssl.SSLContext],
    scenario: Callable[[Cloud, Kind], None],
    kind: Kind,
) -> None:
    cloud.endpoint, cloud.tls = endpoint, tls[1]
    scenario(cloud, kind)
    answers = [answer.raw for invocation in cloud.invocations for answer in invocation.answers]
    assert sorted(received.body for received in endpoint.received) == sorted(answers)
    assert {received.method for received in endpoint.received} <= {"PUT"}
