"""The properties of ``Custom::IotCaCertificate``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from iot_certificate_provider.contract import (
    AutoRegistrationStatus,
    CaCertificateProperty,
    CaCertificateStatus,
    CertificateMode,
    DeviceCertificatesOnDelete,
    ExistingCertificate,
)
from iot_certificate_provider.frozen import dataclass
from iot_certificate_provider.pki import Certificate, check_ca
from iot_certificate_provider.properties.ca_key import CERTIFICATE_AUTHORITY_ARN
from iot_certificate_provider.properties.reader import Reader
from iot_certificate_provider.properties.registration import CA_CERTIFICATE_MODE, EXISTING_CERTIFICATE
from iot_certificate_provider.properties.registration_config import (
    REGISTRATION_CONFIG,
    read_registration_config,
)
from iot_certificate_provider.properties.shapes import Choice, Dependent, GivenIn, Pem, Shape, Update
from iot_certificate_provider.properties.tags import TAGS, read_tags
from iot_certificate_provider.properties.verification import (
    VERIFICATION_CERTIFICATE_PEM,
    VERIFICATION_KEY,
    VERIFICATION_RULES,
    Verification,
    read_verification,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iot_certificate_provider.registration_config import RegistrationConfig

_NAME = CaCertificateProperty

CA_CERTIFICATE_PEM = Pem(
    _NAME.CA_CERTIFICATE_PEM,
    Certificate,
    about="PEM of one CA certificate",
    update=Update.REPLACEMENT,
    exception=", unless it is the same certificate in other text",
    required=Dependent(unless=GivenIn(VERIFICATION_KEY, CERTIFICATE_AUTHORITY_ARN)),
    missing="Give the PEM of the CA certificate",
)
STATUS = Choice(_NAME.STATUS, CaCertificateStatus, CaCertificateStatus.ACTIVE, update=Update.IN_PLACE)
AUTO_REGISTRATION_STATUS = Choice(
    _NAME.AUTO_REGISTRATION_STATUS,
    AutoRegistrationStatus,
    AutoRegistrationStatus.DISABLE,
    about="whether devices register their certificate at their first connection",
    update=Update.IN_PLACE,
)
DEVICE_CERTIFICATES_ON_DELETE = Choice(
    _NAME.DEVICE_CERTIFICATES_ON_DELETE,
    DeviceCertificatesOnDelete,
    DeviceCertificatesOnDelete.RETAIN,
    about="what Delete does to the CA's device certificates",
    update=Update.IN_PLACE,
)

SHAPE = Shape(
    (
        CA_CERTIFICATE_PEM,
        STATUS,
        CA_CERTIFICATE_MODE,
        VERIFICATION_CERTIFICATE_PEM,
        VERIFICATION_KEY,
        AUTO_REGISTRATION_STATUS,
        REGISTRATION_CONFIG,
        DEVICE_CERTIFICATES_ON_DELETE,
        EXISTING_CERTIFICATE,
        TAGS,
    ),
    VERIFICATION_RULES,
)


@dataclass(frozen=True)
class CaCertificateProperties:
    """The properties of a ``Custom::IotCaCertificate``; without a certificate, ``verification`` is a KeyInPrivateCa."""

    certificate: Certificate | None
    status: CaCertificateStatus
    mode: CertificateMode
    verification: Verification | None
    auto_registration: AutoRegistrationStatus
    registration_config: RegistrationConfig | None
    device_certificates_on_delete: DeviceCertificatesOnDelete
    existing: ExistingCertificate
    tags: Mapping[str, str]

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> CaCertificateProperties:
        """Read the properties; raise InvalidPropertyError for the first that cannot work."""
        reader = Reader(raw, SHAPE)
        certificate = reader.certificate(CA_CERTIFICATE_PEM, check_ca)
        return cls(
            certificate=certificate,
            status=reader.choice(STATUS),
            mode=reader.choice(CA_CERTIFICATE_MODE),
            verification=read_verification(reader, certificate),
            auto_registration=reader.choice(AUTO_REGISTRATION_STATUS),
            registration_config=read_registration_config(reader),
            device_certificates_on_delete=reader.choice(DEVICE_CERTIFICATES_ON_DELETE),
            existing=reader.choice(EXISTING_CERTIFICATE),
            tags=read_tags(reader),
        )


def declared_device_certificates_on_delete(raw: Mapping[str, Any]) -> DeviceCertificatesOnDelete:
    """Read DeviceCertificatesOnDelete as a Delete needs it; RETAIN, which deletes nothing, when it is not valid."""
    try:
        return DeviceCertificatesOnDelete(raw.get(_NAME.DEVICE_CERTIFICATES_ON_DELETE, ""))
    except ValueError:
        return DeviceCertificatesOnDelete.RETAIN
