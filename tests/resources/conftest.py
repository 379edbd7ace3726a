"""The stage, and a CA on it."""

from __future__ import annotations

import pytest

import issuing
from resources.stage import Stage


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture(scope="session")
def factory_ca() -> issuing.Issued:
    return issuing.make_ca("Factory CA")


@pytest.fixture
def registered_ca(stage: Stage, factory_ca: issuing.Issued) -> issuing.Issued:
    """The factory's CA, registered and active in the fake account, by somebody else."""
    verification = issuing.make_device(factory_ca, stage.iot.registration_code)
    stage.iot.RegisterCACertificate(
        caCertificate=factory_ca.pem, verificationCertificate=verification.pem, setAsActive=True
    )
    return factory_ca
