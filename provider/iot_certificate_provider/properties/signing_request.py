"""A certificate signing request, which a device certificate can be declared by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iot_certificate_provider.contract import MAX_CSR_CHARACTERS, DeviceCertificateProperty
from iot_certificate_provider.pki.pem import SIGNING_REQUEST_LABELS
from iot_certificate_provider.properties.shapes import Pem

if TYPE_CHECKING:
    from iot_certificate_provider.properties.shapes import Update


def signing_request(*, about: str, update: Update) -> Pem:
    """Return the property of a type that is ``about`` this use of it."""
    return Pem(
        DeviceCertificateProperty.CERTIFICATE_SIGNING_REQUEST,
        SIGNING_REQUEST_LABELS,
        MAX_CSR_CHARACTERS,
        about=about,
        update=update,
        exception=", unless it is the same request",
    )
