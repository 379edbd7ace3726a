"""The stage, the presigned URL's server, and certificates on it."""

from __future__ import annotations

import logging
import ssl
import threading
from typing import TYPE_CHECKING

import pytest

import issuing
from handler import endpoint as endpoint_module
from handler.endpoint import Endpoint
from handler.listening import listening
from handler.stage import Stage
from iot_certificate_provider.protocol.delivery import Delivery

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from handler.listening import Everything


@pytest.fixture(scope="session")
def server_tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """The endpoint's side of TLS, and the file with the certificate to trust."""
    return endpoint_module.server_tls(tmp_path_factory.mktemp("endpoint"))


@pytest.fixture
def endpoint(server_tls: tuple[ssl.SSLContext, Path]) -> Iterator[Endpoint]:
    running = Endpoint(server_tls[0])
    yield running
    running.close()


@pytest.fixture(autouse=True)
def log_levels() -> Iterator[None]:
    """Put back what a function does to the levels of other people's loggers."""
    loggers = [logging.getLogger(name) for name in ("", "boto", "boto3", "botocore", "urllib3")]
    levels = [logger.level for logger in loggers]
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture
def log() -> Iterator[Everything]:
    with listening() as everything:
        yield everything


@pytest.fixture
def stage(endpoint: Endpoint, server_tls: tuple[ssl.SSLContext, Path]) -> Iterator[Stage]:
    # No pauses between attempts at delivery; test_delivery looks at the pauses themselves.
    built = Stage(endpoint, Delivery(ssl.create_default_context(cafile=server_tls[1]), sleep=lambda _: None))
    threads = set(threading.enumerate())
    yield built
    endpoint.close()
    left_over = set(threading.enumerate()) - threads
    assert left_over == set()


@pytest.fixture(scope="session")
def factory_ca() -> issuing.Issued:
    return issuing.make_ca("Factory CA")


@pytest.fixture
def registered_ca(stage: Stage, factory_ca: issuing.Issued) -> issuing.Issued:
    """The factory's CA, registered and active in the fake account, by somebody else."""
    proof = issuing.make_verification_certificate(factory_ca, stage.iot.registration_code)
    stage.iot.RegisterCACertificate(caCertificate=factory_ca.pem, verificationCertificate=proof.pem, setAsActive=True)
    return factory_ca


@pytest.fixture
def device(registered_ca: issuing.Issued) -> issuing.Issued:
    return issuing.make_device(registered_ca, "thermostat")
