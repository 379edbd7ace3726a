"""The account, furnished anew for each test."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import botocore.endpoint
import pytest

from protocol import function, material
from protocol.function import Cloud

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def shared_cloud() -> Cloud:
    """Function instances are costly; accounts are not."""
    return Cloud()


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
def cloud(shared_cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    shared_cloud.reset()
    shared_cloud.endpoint, shared_cloud.tls = None, None
    monkeypatch.setattr(botocore.endpoint, "time", function.sdk_time(shared_cloud))
    material.furnish(shared_cloud)
    return shared_cloud
