"""The properties of ``Custom::IotSelfSignedCaCertificate``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iot_certificate_provider.contract import (
    AutoRegistrationStatus,
    CaCertificateStatus,
    CertificateMode,
    DeviceCertificatesOnDelete,
    ExistingCertificate,
    KeyAlgorithm,
    SelfSignedCaCertificateProperty,
)
from iot_certificate_provider.properties.ca_certificate import CaCertificateProperties
from iot_certificate_provider.properties.ca_key import KeyInMemory
from iot_certificate_provider.properties.reader import Reader
from iot_certificate_provider.properties.registration_config import RegistrationConfig, read_registration_config
from iot_certificate_provider.properties.subject import read_subject
from iot_certificate_provider.properties.tags import read_tags
from iot_certificate_provider.properties.validity import read_validity_days

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from cryptography import x509

    from iot_certificate_provider.pki import Certificate
    from iot_certificate_provider.pki.private_key import CaPrivateKey

DEFAULT_VALIDITY_DAYS = 3650


@dataclass(frozen=True)
class SelfSignedCaCertificateProperties:
    """What a ``Custom::IotSelfSignedCaCertificate`` declares."""

    subject: x509.Name
    key_algorithm: KeyAlgorithm
    validity: timedelta
    generation: str
    secret_arn: str
    status: CaCertificateStatus
    mode: CertificateMode
    auto_registration: AutoRegistrationStatus
    registration_config: RegistrationConfig | None
    device_certificates_on_delete: DeviceCertificatesOnDelete
    tags: Mapping[str, str]

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> SelfSignedCaCertificateProperties:
        """Read the properties; raise InvalidPropertyError for the first that cannot work."""
        name = SelfSignedCaCertificateProperty
        reader = Reader(raw, SelfSignedCaCertificateProperty)
        return cls(
            subject=read_subject(reader, name.SUBJECT),
            key_algorithm=reader.choice(name.KEY_ALGORITHM, KeyAlgorithm.EC_P256),
            validity=read_validity_days(reader, name.VALIDITY_DAYS, DEFAULT_VALIDITY_DAYS),
            generation=reader.text(name.GENERATION) or "",
            secret_arn=reader.required_text(
                name.PRIVATE_KEY_SECRET_ARN, "Name the secret that the key is to be kept in"
            ),
            status=reader.choice(name.STATUS, CaCertificateStatus.ACTIVE),
            mode=reader.choice(name.CERTIFICATE_MODE, CertificateMode.DEFAULT),
            auto_registration=reader.choice(name.AUTO_REGISTRATION_STATUS, AutoRegistrationStatus.DISABLE),
            registration_config=read_registration_config(reader),
            device_certificates_on_delete=reader.choice(
                name.DEVICE_CERTIFICATES_ON_DELETE, DeviceCertificatesOnDelete.RETAIN
            ),
            tags=read_tags(reader),
        )

    def identity(self) -> Mapping[str, str]:
        """Return what makes another certificate when it changes."""
        name = SelfSignedCaCertificateProperty
        return {
            name.SUBJECT: self.subject.rfc4514_string(),
            name.KEY_ALGORITHM: self.key_algorithm,
            name.VALIDITY_DAYS: str(self.validity.days),
            name.GENERATION: self.generation,
            name.PRIVATE_KEY_SECRET_ARN: self.secret_arn,
        }

    def of_certificate(self, certificate: Certificate, key: CaPrivateKey | None) -> CaCertificateProperties:
        """Return the properties of a CA certificate, of one that has been made; without its key none is registered."""
        return CaCertificateProperties(
            certificate=certificate,
            status=self.status,
            mode=self.mode,
            verification=KeyInMemory(key) if key is not None and self.mode is CertificateMode.DEFAULT else None,
            auto_registration=self.auto_registration,
            registration_config=self.registration_config,
            device_certificates_on_delete=self.device_certificates_on_delete,
            existing=ExistingCertificate.FAIL,
            tags=self.tags,
        )
