"""ServiceTimeout is read as CloudFormation means it, within what leaves time to undo and to answer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from iot_certificate_provider.deadline import LONGEST, SHORTEST, service_timeout


@pytest.mark.parametrize(
    ("declared", "waits"),
    [
        ("300", timedelta(minutes=5)),
        (300, timedelta(minutes=5)),
        ("1", SHORTEST),
        ("-1", SHORTEST),
        ("3601", LONGEST),
        ("soon", LONGEST),
        (None, LONGEST),
        (["300"], LONGEST),
        ("9" * 30, LONGEST),
    ],
)
def test_it_is_read(declared: Any, waits: timedelta) -> None:
    assert service_timeout({"ServiceTimeout": declared}) == waits


def test_by_default_it_is_an_hour() -> None:
    assert service_timeout({}) == timedelta(hours=1)
