"""The resource types, each with what its reference is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from iot_certificate_provider.contract import (
    CaCertificateAttribute,
    CertificateGenerationAttribute,
    CertificateTransferAttribute,
    CertificateTransferDecisionAttribute,
    DeviceCertificateAttribute,
    DeviceCertificateFleetAttribute,
    RegistrationCodeAttribute,
    ResourceType,
    SelfSignedCaCertificateAttribute,
)
from iot_certificate_provider.properties import (
    ca_certificate,
    certificate_generation,
    certificate_transfer,
    certificate_transfer_decision,
    device_certificate,
    fleet,
    issued_device_certificate,
    registration_code,
    self_signed_ca_certificate,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from enum import StrEnum

    from iot_certificate_provider.properties.shapes import Shape


@dataclass(frozen=True)
class DocumentedType:
    """A resource type.

    * ``page``: the name of its page in ``docs/resources``, without suffix.
    * ``about``: what it is, in a sentence.
    * ``ref``: what ``Ref`` is, as a part of a sentence; ``attributes``: what each is, by its name.
    """

    type: str
    page: str
    about: str
    shape: Shape
    ref: str
    attributes: Mapping[str, str]

    @property
    def schema_file(self) -> str:
        """The name of its schema's file in ``docs/schema``: ``IotCaCertificate.schema.json``."""
        return f"{self.type.removeprefix('Custom::')}.schema.json"


CERTIFICATE_ID = "the certificate id: 64 hex digits, the SHA-256 of the DER certificate"

_OF_CERTIFICATES = {
    "Arn": "the ARN",
    "Id": "the certificate id, without a marker",
    "CACertificateId": "the certificate id of `CACertificatePem`, else empty",
    "Subject": "the subject's name (RFC 4514; unprintable characters are escaped, like `\\1B`)",
    "Issuer": "the issuer's name, in the same form",
    "SerialNumber": "the serial number in hex, as OpenSSL prints it",
    "NotBefore": "the beginning of its validity (ISO 8601, UTC)",
    "NotAfter": "when it expires (ISO 8601, UTC)",
}


def _attributes(names: Iterable[StrEnum], **others: str) -> Mapping[str, str]:
    about = {**_OF_CERTIFICATES, **others}
    return {str(name): about[name] for name in names}


TYPES = (
    DocumentedType(
        ResourceType.CA_CERTIFICATE,
        "ca-certificate",
        "A CA certificate that is registered with AWS IoT Core.",
        ca_certificate.SHAPE,
        f"{CERTIFICATE_ID}; followed by `/adopted` where the certificate is adopted",
        _attributes(CaCertificateAttribute),
    ),
    DocumentedType(
        ResourceType.DEVICE_CERTIFICATE,
        "device-certificate",
        "A device certificate that is registered with AWS IoT Core, or issued by it; attached to policies and things.",
        device_certificate.SHAPE,
        f"{CERTIFICATE_ID}; followed by `/adopted` where the certificate is adopted",
        _attributes(DeviceCertificateAttribute, CertificatePem="the certificate, where AWS IoT issued it, else empty"),
    ),
    DocumentedType(
        ResourceType.SELF_SIGNED_CA_CERTIFICATE,
        "self-signed-ca-certificate",
        "A CA that the function makes, and registers with AWS IoT Core.",
        self_signed_ca_certificate.SHAPE,
        f"{CERTIFICATE_ID}; followed by `/keeps/<certificate id>` while the previous certificate is kept",
        _attributes(
            [*CaCertificateAttribute, *SelfSignedCaCertificateAttribute],
            CertificatePem="the certificate; empty where an answer exceeds 4,096 bytes (the secret always has it)",
        ),
    ),
    DocumentedType(
        ResourceType.ISSUED_DEVICE_CERTIFICATE,
        "issued-device-certificate",
        "A device certificate that the function issues with a CA of yours, and registers with AWS IoT Core.",
        issued_device_certificate.SHAPE,
        f"{CERTIFICATE_ID}; followed by `/keeps/<certificate id>` while the previous certificate is kept",
        _attributes(
            DeviceCertificateAttribute,
            CACertificateId="the certificate id of the CA that issued it; empty after a change in place where "
            "nothing has the CA any more: without the key in the secret, or by request without "
            "`Issuer.CACertificatePem`",
            CertificatePem="the certificate, for a `CertificateSigningRequest` only, else empty",
        ),
    ),
    DocumentedType(
        ResourceType.REGISTRATION_CODE,
        "registration-code",
        "The registration code of the account and Region.",
        registration_code.SHAPE,
        "`registration-code`",
        _attributes(RegistrationCodeAttribute, RegistrationCode="the code, 64 hex digits; no secret"),
    ),
    DocumentedType(
        ResourceType.CERTIFICATE_TRANSFER,
        "certificate-transfer",
        "A transfer of a device certificate to another account, in a stack of the account that it leaves.",
        certificate_transfer.SHAPE,
        "`<certificate id>/transfer/<account>`, then `/was-active` where the certificate was ACTIVE before, and the "
        "names of the detached policies and things: `/policy/<name>`, `/thing/<name>`",
        _attributes(
            CertificateTransferAttribute,
            TransferredCertificateArn="the ARN that the certificate has in the target account",
        ),
    ),
    DocumentedType(
        ResourceType.CERTIFICATE_TRANSFER_DECISION,
        "certificate-transfer-decision",
        "The acceptance or rejection of a certificate that another account transfers, in a stack of the account that "
        "it is transferred to.",
        certificate_transfer_decision.SHAPE,
        "the certificate id; `<certificate id>/rejected` for REJECT; `<certificate id>/adopted` when another owner had "
        "accepted the certificate before",
        _attributes(CertificateTransferDecisionAttribute, Arn="the ARN in this account; empty for REJECT"),
    ),
    DocumentedType(
        ResourceType.CERTIFICATE_GENERATION,
        "certificate-generation",
        "The generation of a stack's certificates: a value that never goes back.",
        certificate_generation.SHAPE,
        "`generation/<value>`",
        _attributes(CertificateGenerationAttribute, Generation="the greatest value that was ever requested"),
    ),
    DocumentedType(
        ResourceType.DEVICE_CERTIFICATE_FLEET,
        "device-certificate-fleet",
        "The device certificates of a manifest, hundreds of thousands of them, registered as one resource.",
        fleet.SHAPE,
        "`fleet/<name>`, which stays the same",
        _attributes(
            DeviceCertificateFleetAttribute,
            Registered="how many certificates of the manifest the fleet has registered; empty with `WaitForCompletion` "
            "`false`, as the next two",
            AlreadyRegistered="how many another owner had registered, which the fleet does not change",
            Failed="how many failed",
            ResultsLocation="the location of the last request's results: `s3://…`",
        ),
    ),
)
