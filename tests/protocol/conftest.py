"""The account, furnished anew for each test."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from protocol import material
from protocol.answers import answers_over_tls
from protocol.function import Cloud, sdk_sleeping_on

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handler.endpoint import Endpoint
    from protocol.emulated_cloud import EmulatedCloud


@pytest.fixture(scope="session")
def shared_cloud() -> Cloud:
    """Function instances are costly; accounts are not."""
    return Cloud()


@pytest.fixture(scope="session")
def running_emulated_cloud() -> Iterator[EmulatedCloud]:
    """Start the embedded AWS and the wire to it once."""
    # Not for those who play without them: microburst is heavy.
    from protocol.emulated_cloud import emulated_cloud  # noqa: PLC0415

    with emulated_cloud() as cloud:
        yield cloud


@pytest.fixture
def emulated_cloud(running_emulated_cloud: EmulatedCloud) -> Iterator[EmulatedCloud]:
    running_emulated_cloud.reset()
    with sdk_sleeping_on(running_emulated_cloud):
        yield running_emulated_cloud


@pytest.fixture
def presigned_url(emulated_cloud: EmulatedCloud) -> Iterator[Endpoint]:
    """Have the answers of the emulated cloud go over TLS."""
    with answers_over_tls(emulated_cloud) as endpoint:
        yield endpoint


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Put back what crhelper does to the levels of other people's loggers; and log nothing meanwhile."""
    loggers = [logging.getLogger(name) for name in ("", "boto", "boto3", "botocore", "urllib3")]
    levels = [logger.level for logger in loggers]
    ours = logging.getLogger("iot_certificate_provider")
    ours.disabled = True
    yield
    ours.disabled = False
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture
def cloud(shared_cloud: Cloud) -> Iterator[Cloud]:
    shared_cloud.reset()
    with sdk_sleeping_on(shared_cloud):
        material.furnish(shared_cloud)
        yield shared_cloud
