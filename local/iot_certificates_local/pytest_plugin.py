"""The pytest fixture ``embedded_aws``, which pytest finds by its entry point: no ``conftest.py`` has to name it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iot_certificates_local.embedded_aws import EmbeddedAws


@pytest.fixture(scope="session")
def embedded_aws() -> Iterator[EmbeddedAws]:
    """Give one embedded AWS to all tests of the session. A test that needs it empty calls ``reset``.

    To have another one (with IAM enforced, say), define a fixture of this name that yields it.
    """
    try:
        from iot_certificates_local.embedded_aws import EmbeddedAws  # noqa: PLC0415 - only where it is used
    except ModuleNotFoundError as error:
        pytest.fail(
            f"The fixture embedded_aws needs the extra 'local': {error}. "
            "Install with [local] what was installed: "
            "pip install '<path of the wheel or the clone, or cdk-iot-certificates>[local]'",
            pytrace=False,
        )
    with EmbeddedAws() as aws:
        yield aws
