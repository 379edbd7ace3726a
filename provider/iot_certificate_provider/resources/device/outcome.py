"""The answer of a device certificate's resource: the physical id and the attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iot_certificate_provider.contract import DeviceCertificateAttribute
from iot_certificate_provider.protocol.response import Outcome

if TYPE_CHECKING:
    from iot_certificate_provider.pki import Certificate, SigningRequest
    from iot_certificate_provider.protocol.request import Request


def outcome_of(certificate: Certificate, ca: Certificate | None, request: Request, *, issued: bool = False) -> Outcome:
    """Return the physical id and the attributes of a certificate; ``issued`` ones have their PEM among them."""
    attribute = DeviceCertificateAttribute
    return Outcome(
        certificate.id,
        {
            attribute.ARN: request.home.certificate_arn(certificate.id),
            attribute.ID: certificate.id,
            attribute.CA_CERTIFICATE_ID: "" if ca is None else ca.id,
            attribute.CERTIFICATE_PEM: certificate.pem if issued else "",
            attribute.SUBJECT: certificate.subject,
            attribute.ISSUER: certificate.issuer,
            attribute.SERIAL_NUMBER: certificate.serial_number,
            attribute.NOT_BEFORE: certificate.not_before.isoformat(),
            attribute.NOT_AFTER: certificate.not_after.isoformat(),
        },
    )


def largest_outcome(signing: SigningRequest, request: Request) -> Outcome:
    """Return an outcome as large as that of the certificate which AWS IoT is going to issue can be."""
    unknown_id, unknown_date = "0" * 64, "0000-00-00T00:00:00+00:00"
    attribute = DeviceCertificateAttribute
    return Outcome(
        unknown_id,
        {
            attribute.ARN: request.home.certificate_arn(unknown_id),
            attribute.ID: unknown_id,
            attribute.CA_CERTIFICATE_ID: "",
            # JSON writes each line end as two characters.
            attribute.CERTIFICATE_PEM: "x" * (signing.longest_certificate + signing.longest_certificate // 64),
            attribute.SUBJECT: signing.subject,
            attribute.ISSUER: "x" * 120,
            attribute.SERIAL_NUMBER: "0" * 40,
            attribute.NOT_BEFORE: unknown_date,
            attribute.NOT_AFTER: unknown_date,
        },
    )


def attributes_of_lost(certificate_id: str, request: Request) -> dict[str, str]:
    """Return the attributes of a certificate that is not registered any more: of most, nothing is known."""
    attributes: dict[str, str] = dict.fromkeys(DeviceCertificateAttribute, "")
    attributes[DeviceCertificateAttribute.ARN] = request.home.certificate_arn(certificate_id)
    attributes[DeviceCertificateAttribute.ID] = certificate_id
    return attributes
