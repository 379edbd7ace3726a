"""ServiceTimeout: until when CloudFormation waits for the answer to a request.

Source: CloudFormation User Guide, ``AWS::CloudFormation::CustomResource``, ServiceTimeout: 1 to 3600 seconds, by
default an hour. It counts from when the request was sent, which the presigned URL of the answer tells.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST = timedelta(hours=1)
SHORTEST = timedelta(minutes=1)
"""Half of it is kept for undoing and answering: with less nothing could be done, not even by the next Delete."""


def service_timeout(properties: Mapping[str, Any]) -> timedelta:
    """Return ServiceTimeout as it is declared; the default when it is not there, or not a number."""
    try:
        declared = timedelta(seconds=int(properties.get("ServiceTimeout", "")))
    except (ValueError, TypeError, OverflowError):
        return LONGEST
    return min(max(declared, SHORTEST), LONGEST)


def sent_at(response_url: str) -> datetime | None:
    """Return when CloudFormation signed the presigned URL (Signature Version 4), which is when it sent the request."""
    try:
        date = dict(parse_qsl(urlsplit(response_url).query)).get("X-Amz-Date", "")
        return datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
