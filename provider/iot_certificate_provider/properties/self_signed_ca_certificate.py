"""The properties of ``Custom::IotSelfSignedCaCertificate``."""

from __future__ import annotations

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
from iot_certificate_provider.frozen import dataclass
from iot_certificate_provider.properties.ca_certificate import (
    AUTO_REGISTRATION_STATUS,
    DEVICE_CERTIFICATES_ON_DELETE,
    STATUS,
    CaCertificateProperties,
)
from iot_certificate_provider.properties.ca_key import KeyInMemory, secret_identity
from iot_certificate_provider.properties.issuance import (
    GENERATION,
    KEY_ALGORITHM,
    PREVIOUS_CERTIFICATE,
    read_subject,
    read_validity,
    subject,
    validity_days,
)
from iot_certificate_provider.properties.reader import Reader
from iot_certificate_provider.properties.registration import CA_CERTIFICATE_MODE
from iot_certificate_provider.properties.registration_config import (
    REGISTRATION_CONFIG,
    read_registration_config,
)
from iot_certificate_provider.properties.shapes import ALWAYS, Shape, Text, Update
from iot_certificate_provider.properties.tags import TAGS, read_tags

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from cryptography import x509

    from iot_certificate_provider.contract import PreviousCertificate
    from iot_certificate_provider.pki import Certificate
    from iot_certificate_provider.pki.private_key import CaPrivateKey
    from iot_certificate_provider.registration_config import RegistrationConfig

_SUBJECT = subject(required=ALWAYS)
_VALIDITY_DAYS = validity_days(default=3650)
_PRIVATE_KEY_SECRET_ARN = Text(
    SelfSignedCaCertificateProperty.PRIVATE_KEY_SECRET_ARN,
    about="a secret in the same account and Region, created empty, that receives the key",
    update=Update.ROTATION,
    required=ALWAYS,
    missing="Name the secret that receives the key",
    secret=True,
)

SHAPE = Shape(
    (
        _SUBJECT,
        KEY_ALGORITHM,
        _VALIDITY_DAYS,
        _PRIVATE_KEY_SECRET_ARN,
        GENERATION,
        PREVIOUS_CERTIFICATE,
        STATUS,
        CA_CERTIFICATE_MODE,
        AUTO_REGISTRATION_STATUS,
        REGISTRATION_CONFIG,
        DEVICE_CERTIFICATES_ON_DELETE,
        TAGS,
    )
)


@dataclass(frozen=True)
class SelfSignedCaCertificateProperties:
    """The properties of a ``Custom::IotSelfSignedCaCertificate``."""

    subject: x509.Name
    key_algorithm: KeyAlgorithm
    validity: timedelta
    generation: str
    previous: PreviousCertificate
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
        reader = Reader(raw, SHAPE)
        return cls(
            subject=read_subject(reader, _SUBJECT),
            key_algorithm=reader.choice(KEY_ALGORITHM),
            validity=read_validity(reader, _VALIDITY_DAYS),
            generation=reader.optional_text(GENERATION) or "",
            previous=reader.choice(PREVIOUS_CERTIFICATE),
            secret_arn=reader.text(_PRIVATE_KEY_SECRET_ARN),
            status=reader.choice(STATUS),
            mode=reader.choice(CA_CERTIFICATE_MODE),
            auto_registration=reader.choice(AUTO_REGISTRATION_STATUS),
            registration_config=read_registration_config(reader),
            device_certificates_on_delete=reader.choice(DEVICE_CERTIFICATES_ON_DELETE),
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
            name.PRIVATE_KEY_SECRET_ARN: secret_identity(self.secret_arn),
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
