"""ServiceTimeout is read as CloudFormation means it, within what leaves time to undo and to answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from iot_certificate_provider.deadline import LONGEST, SHORTEST, sent_at, service_timeout


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


SIGNED = "https://cloudformation-custom-resource-response-euwest1.s3-eu-west-1.amazonaws.com/arn%3Aaws%3A…|Device|1"


@pytest.mark.parametrize(
    ("query", "sent"),
    [
        ("X-Amz-Date=20231123T074157Z&X-Amz-Expires=7200", datetime(2023, 11, 23, 7, 41, 57, tzinfo=UTC)),
        ("AWSAccessKeyId=AKIA&Expires=1700732517&Signature=x%3D", datetime(2023, 11, 23, 7, 41, 57, tzinfo=UTC)),
        ("X-Amz-Date=yesterday", None),
        ("Expires=soon", None),
        ("Expires=99999999999999999999", None),
        ("Expires=-1e9", None),
        ("", None),
    ],
)
def test_when_a_request_was_sent_is_read_from_either_signature(query: str, sent: datetime | None) -> None:
    assert sent_at(f"{SIGNED}?{query}") == sent
