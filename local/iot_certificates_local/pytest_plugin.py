"""The pytest fixture ``embedded_aws``.

Use it with ``pytest_plugins = ["iot_certificates_local.pytest_plugin"]`` in the root ``conftest.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from iot_certificates_local.embedded_aws import EmbeddedAws

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def embedded_aws() -> Iterator[EmbeddedAws]:
    """Give one embedded AWS to all tests of the session. A test that needs it empty calls ``reset``."""
    with EmbeddedAws() as aws:
        yield aws
