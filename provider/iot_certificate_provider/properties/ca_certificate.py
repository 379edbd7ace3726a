"""The properties of ``Custom::IotCaCertificate``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iot_certificate_provider.contract import (
    AutoRegistrationStatus,
    CaCertificateProperty,
    CaCertificateStatus,
    CertificateMode,
    DeviceCertificatesOnDelete,
    ExistingCertificate,
)
from iot_certificate_provider.pki import Certificate, check_ca
from iot_certificate_provider.properties.ca_key import CaKeyProperty
from iot_certificate_provider.properties.reader import Reader, required
from iot_certificate_provider.properties.registration_config import RegistrationConfig, read_registration_config
from iot_certificate_provider.properties.tags import read_tags
from iot_certificate_provider.properties.verification import Verification, read_verification

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class CaCertificateProperties:
    """What a ``Custom::IotCaCertificate`` declares; without a certificate, ``verification`` is a KeyInPrivateCa."""

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
        name = CaCertificateProperty
        reader = Reader(raw, CaCertificateProperty)
        certificate = reader.certificate(name.CA_CERTIFICATE_PEM, check_ca)
        mode = reader.choice(name.CERTIFICATE_MODE, CertificateMode.DEFAULT)
        if CaKeyProperty.CERTIFICATE_AUTHORITY_ARN not in (reader.mapping(name.VERIFICATION_KEY) or {}):
            required(certificate, name.CA_CERTIFICATE_PEM, "Give the PEM of the CA certificate")
        return cls(
            certificate=certificate,
            status=reader.choice(name.STATUS, CaCertificateStatus.ACTIVE),
            mode=mode,
            verification=read_verification(reader, certificate, mode),
            auto_registration=reader.choice(name.AUTO_REGISTRATION_STATUS, AutoRegistrationStatus.DISABLE),
            registration_config=read_registration_config(reader),
            device_certificates_on_delete=reader.choice(
                name.DEVICE_CERTIFICATES_ON_DELETE, DeviceCertificatesOnDelete.RETAIN
            ),
            existing=reader.choice(name.EXISTING_CERTIFICATE, ExistingCertificate.FAIL),
            tags=read_tags(reader),
        )


def declared_device_certificates_on_delete(raw: Mapping[str, Any]) -> DeviceCertificatesOnDelete:
    """Read DeviceCertificatesOnDelete as a Delete needs it; RETAIN, which deletes nothing, when it is not valid."""
    try:
        return DeviceCertificatesOnDelete(raw.get(CaCertificateProperty.DEVICE_CERTIFICATES_ON_DELETE, ""))
    except ValueError:
        return DeviceCertificatesOnDelete.RETAIN
