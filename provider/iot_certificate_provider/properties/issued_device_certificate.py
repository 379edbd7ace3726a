"""The properties of ``Custom::IotIssuedDeviceCertificate``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iot_certificate_provider.contract import (
    CertificateMode,
    DeviceCertificateStatus,
    ExistingCertificate,
    IssuedDeviceCertificateProperty,
    KeyAlgorithm,
)
from iot_certificate_provider.errors import InvalidPropertyError
from iot_certificate_provider.pki import SigningRequest
from iot_certificate_provider.properties.device_certificate import (
    DeviceCertificateProperties,
    read_policy_names,
    read_thing_names,
)
from iot_certificate_provider.properties.issuer import Issuer, read_issuer
from iot_certificate_provider.properties.reader import Reader, naming
from iot_certificate_provider.properties.subject import read_subject
from iot_certificate_provider.properties.subject_alternative_names import read_alternative_names
from iot_certificate_provider.properties.validity import read_validity_days

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from cryptography import x509

    from iot_certificate_provider.pki import Certificate

DEFAULT_VALIDITY_DAYS = 365


@dataclass(frozen=True)
class NewKey:
    """The key is made here, and kept in a secret; the device has the name that is declared."""

    subject: x509.Name
    alternative_names: x509.SubjectAlternativeName | None
    algorithm: KeyAlgorithm
    secret_arn: str


@dataclass(frozen=True)
class IssuedDeviceCertificateProperties:
    """What a ``Custom::IotIssuedDeviceCertificate`` declares: for a key that is made here, or for a signing request."""

    issuer: Issuer
    subject: NewKey | SigningRequest
    validity: timedelta
    generation: str
    status: DeviceCertificateStatus
    policy_names: tuple[str, ...]
    thing_names: tuple[str, ...]

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> IssuedDeviceCertificateProperties:
        """Read the properties; raise InvalidPropertyError for the first that cannot work."""
        name = IssuedDeviceCertificateProperty
        reader = Reader(raw, IssuedDeviceCertificateProperty)
        return cls(
            issuer=read_issuer(reader),
            subject=_signing_request(reader) or _new_key(reader),
            validity=read_validity_days(reader, name.VALIDITY_DAYS, DEFAULT_VALIDITY_DAYS),
            generation=reader.text(name.GENERATION) or "",
            status=reader.choice(name.STATUS, DeviceCertificateStatus.ACTIVE),
            policy_names=read_policy_names(reader, name.POLICY_NAMES),
            thing_names=read_thing_names(reader, name.THING_NAMES),
        )

    def identity(self) -> Mapping[str, str]:
        """Return what makes another certificate when it changes."""
        name = IssuedDeviceCertificateProperty
        common: dict[str, str] = {
            name.ISSUER: self.issuer.identity(),
            name.VALIDITY_DAYS: str(self.validity.days),
            name.GENERATION: self.generation,
        }
        if isinstance(self.subject, SigningRequest):
            return {**common, name.CERTIFICATE_SIGNING_REQUEST: self.subject.pem}
        names = self.subject.alternative_names
        return {
            **common,
            name.SUBJECT: self.subject.subject.rfc4514_string(),
            name.SUBJECT_ALTERNATIVE_NAMES: "" if names is None else names.public_bytes().hex(),
            name.KEY_ALGORITHM: self.subject.algorithm,
            name.CREDENTIALS_SECRET_ARN: self.subject.secret_arn,
        }

    def of_certificate(self, certificate: Certificate, ca: Certificate | None) -> DeviceCertificateProperties:
        """Return the properties of a device certificate, of one that has been issued now."""
        return DeviceCertificateProperties(
            certificate=certificate,
            signing_request=None,
            ca=ca,
            mode=CertificateMode.DEFAULT,
            status=self.status,
            policy_names=self.policy_names,
            thing_names=self.thing_names,
            existing=ExistingCertificate.FAIL,
        )


def _signing_request(reader: Reader) -> SigningRequest | None:
    name = IssuedDeviceCertificateProperty
    signing = reader.read_with(name.CERTIFICATE_SIGNING_REQUEST, SigningRequest.from_pem)
    if signing is not None:
        with naming(name.CERTIFICATE_SIGNING_REQUEST):
            signing.check_issuable()
        for other in (name.SUBJECT, name.SUBJECT_ALTERNATIVE_NAMES, name.KEY_ALGORITHM, name.CREDENTIALS_SECRET_ARN):
            if reader.given(other):
                raise InvalidPropertyError(
                    other, "does not go with CertificateSigningRequest, which has the name and the key", "Leave it out"
                )
    return signing


def _new_key(reader: Reader) -> NewKey:
    name = IssuedDeviceCertificateProperty
    return NewKey(
        subject=read_subject(reader, name.SUBJECT),
        alternative_names=read_alternative_names(reader, name.SUBJECT_ALTERNATIVE_NAMES),
        algorithm=reader.choice(name.KEY_ALGORITHM, KeyAlgorithm.EC_P256),
        secret_arn=reader.required_text(
            name.CREDENTIALS_SECRET_ARN,
            "Name the secret that is to keep the key, or give a CertificateSigningRequest",
        ),
    )
