"""The answer of a CA certificate's resource: the physical id and the attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iot_certificate_provider.contract import CaCertificateAttribute, SelfSignedCaCertificateAttribute
from iot_certificate_provider.protocol.response import Outcome

if TYPE_CHECKING:
    from iot_certificate_provider.pki import Certificate
    from iot_certificate_provider.protocol.request import Request


def outcome_of(certificate: Certificate, request: Request) -> Outcome:
    """Return the physical id and the attributes of a CA certificate."""
    attribute = CaCertificateAttribute
    return Outcome(
        certificate.id,
        {
            attribute.ARN: request.home.ca_certificate_arn(certificate.id),
            attribute.ID: certificate.id,
            attribute.SUBJECT: certificate.subject,
            attribute.ISSUER: certificate.issuer,
            attribute.SERIAL_NUMBER: certificate.serial_number,
            attribute.NOT_BEFORE: certificate.not_before.isoformat(),
            attribute.NOT_AFTER: certificate.not_after.isoformat(),
        },
    )


def attributes_of_lost(certificate_id: str, request: Request) -> dict[str, str]:
    """Return the attributes of a CA that is not registered any more: of most, nothing is known."""
    attributes: dict[str, str] = dict.fromkeys((*CaCertificateAttribute, *SelfSignedCaCertificateAttribute), "")
    attributes[CaCertificateAttribute.ARN] = request.home.ca_certificate_arn(certificate_id)
    attributes[CaCertificateAttribute.ID] = certificate_id
    return attributes
