"""How long a certificate that is to be made is valid."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from iot_certificate_provider.contract import IssuedDeviceCertificateProperty
from iot_certificate_provider.properties.shapes import Update, WholeNumber

if TYPE_CHECKING:
    from iot_certificate_provider.properties.reader import Reader

MAX_VALIDITY_DAYS = 36_500
"""A hundred years: far from the year 9999, with which the time of certificates ends (RFC 5280, 4.1.2.5)."""


def validity_days(default: int) -> WholeNumber:
    """Return the property of a type whose certificates are valid for so many days by default."""
    return WholeNumber(
        IssuedDeviceCertificateProperty.VALIDITY_DAYS,
        MAX_VALIDITY_DAYS,
        default,
        about="days for which the certificate is valid",
        update=Update.ROTATION,
        problem="is not a number of days",
    )


def read_validity(reader: Reader, declared: WholeNumber) -> timedelta:
    """Read a whole number of days; raise InvalidPropertyError for another."""
    return timedelta(days=reader.whole_number(declared))
