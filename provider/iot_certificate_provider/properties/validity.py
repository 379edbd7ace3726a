"""How long a certificate that is to be made is valid."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from iot_certificate_provider.errors import InvalidPropertyError
from iot_certificate_provider.properties.reader import shown

if TYPE_CHECKING:
    from enum import StrEnum

    from iot_certificate_provider.properties.reader import Reader

MAX_VALIDITY_DAYS = 36_500
"""A hundred years: far from the year 9999, with which the time of certificates ends (RFC 5280, 4.1.2.5)."""

_WHOLE_NUMBER = re.compile(r"[1-9][0-9]{0,4}")


def read_validity_days(reader: Reader, name: StrEnum, default: int) -> timedelta:
    """Read a whole number of days, which CloudFormation gives as a text; raise InvalidPropertyError for another."""
    text = reader.text(name)
    if text is None:
        return timedelta(days=default)
    if not _WHOLE_NUMBER.fullmatch(text) or int(text) > MAX_VALIDITY_DAYS:
        raise InvalidPropertyError(
            name, f"{shown(text)} is not a number of days", f"Give a whole number from 1 to {MAX_VALIDITY_DAYS}"
        )
    return timedelta(days=int(text))
