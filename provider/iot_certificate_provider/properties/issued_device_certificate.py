"""The properties of ``Custom::IotIssuedDeviceCertificate``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from iot_certificate_provider.contract import (
    CertificateMode,
    DeviceCertificateStatus,
    ExistingCertificate,
    IssuedDeviceCertificateProperty,
    KeyAlgorithm,
)
from iot_certificate_provider.errors import attributing_to
from iot_certificate_provider.frozen import dataclass
from iot_certificate_provider.pki import SigningRequest
from iot_certificate_provider.properties.ca_key import secret_identity
from iot_certificate_provider.properties.device_certificate import STATUS, DeviceCertificateProperties
from iot_certificate_provider.properties.issuance import (
    GENERATION,
    KEY_ALGORITHM,
    PREVIOUS_CERTIFICATE,
    SUBJECT_ALTERNATIVE_NAMES,
    read_alternative_names,
    read_subject,
    read_validity,
    subject,
    validity_days,
)
from iot_certificate_provider.properties.issuer import ISSUER, Issuer, read_issuer
from iot_certificate_provider.properties.reader import Reader
from iot_certificate_provider.properties.registration import (
    POLICY_NAMES,
    THING_NAMES,
    THING_PRINCIPAL,
    check_one_thing,
    signing_request,
)
from iot_certificate_provider.properties.shapes import Dependent, Forbidden, Given, Shape, Text, Update

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from cryptography import x509

    from iot_certificate_provider.contract import PreviousCertificate, ThingPrincipalType
    from iot_certificate_provider.pki import Certificate

_CERTIFICATE_SIGNING_REQUEST = signing_request(
    about="PEM of a PKCS #10 request: the key stays with the device. Only the request's subject and alternative names "
    "are taken from it",
    update=Update.ROTATION,
)
_BY_REQUEST = Given(_CERTIFICATE_SIGNING_REQUEST)
_SUBJECT = subject(required=Dependent(unless=_BY_REQUEST))
_VALIDITY_DAYS = validity_days(default=365)
_CREDENTIALS_SECRET_ARN = Text(
    IssuedDeviceCertificateProperty.CREDENTIALS_SECRET_ARN,
    about="a secret in the same account and Region, created empty, that receives `privateKey`, `certificatePem`, "
    "`caCertificatePem`",
    update=Update.ROTATION,
    required=Dependent(unless=_BY_REQUEST),
    missing="Name the secret that receives the key, or give a CertificateSigningRequest",
    secret=True,
)

SHAPE = Shape(
    (
        ISSUER,
        _SUBJECT,
        SUBJECT_ALTERNATIVE_NAMES,
        _VALIDITY_DAYS,
        GENERATION,
        PREVIOUS_CERTIFICATE,
        KEY_ALGORITHM,
        _CREDENTIALS_SECRET_ARN,
        _CERTIFICATE_SIGNING_REQUEST,
        STATUS,
        POLICY_NAMES,
        THING_NAMES,
        THING_PRINCIPAL,
    ),
    tuple(
        Forbidden(
            Given(each),
            when=_BY_REQUEST,
            problem="cannot be combined with CertificateSigningRequest, which has the name and the key",
        )
        for each in (_SUBJECT, SUBJECT_ALTERNATIVE_NAMES, KEY_ALGORITHM, _CREDENTIALS_SECRET_ARN)
    ),
)


@dataclass(frozen=True)
class NewKey:
    """The key is made here, and kept in a secret; the device has the name that is declared."""

    subject: x509.Name
    alternative_names: x509.SubjectAlternativeName | None
    algorithm: KeyAlgorithm
    secret_arn: str


@dataclass(frozen=True)
class IssuedDeviceCertificateProperties:
    """The properties of a ``Custom::IotIssuedDeviceCertificate``: a key of the function, or a request."""

    issuer: Issuer
    subject: NewKey | SigningRequest
    validity: timedelta
    generation: str
    previous: PreviousCertificate
    status: DeviceCertificateStatus
    policy_names: tuple[str, ...]
    thing_names: tuple[str, ...]
    principal_type: ThingPrincipalType

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> IssuedDeviceCertificateProperties:
        """Read the properties; raise InvalidPropertyError for the first that cannot work."""
        reader = Reader(raw, SHAPE)
        properties = cls(
            issuer=read_issuer(reader),
            subject=_signing_request(reader) or _new_key(reader),
            validity=read_validity(reader, _VALIDITY_DAYS),
            generation=reader.optional_text(GENERATION) or "",
            previous=reader.choice(PREVIOUS_CERTIFICATE),
            status=reader.choice(STATUS),
            policy_names=reader.names(POLICY_NAMES),
            thing_names=reader.names(THING_NAMES),
            principal_type=reader.choice(THING_PRINCIPAL),
        )
        check_one_thing(properties.principal_type, properties.thing_names)
        return properties

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
            name.CREDENTIALS_SECRET_ARN: secret_identity(self.subject.secret_arn),
        }

    def of_certificate(self, certificate: Certificate, ca: Certificate | None) -> DeviceCertificateProperties:
        """Return the properties of a device certificate, of one that has been issued now."""
        return DeviceCertificateProperties(
            identity=certificate,
            ca=ca,
            mode=CertificateMode.DEFAULT,
            status=self.status,
            policy_names=self.policy_names,
            thing_names=self.thing_names,
            principal_type=self.principal_type,
            existing=ExistingCertificate.FAIL,
        )


def _signing_request(reader: Reader) -> SigningRequest | None:
    signing = reader.pem(_CERTIFICATE_SIGNING_REQUEST)
    if signing is not None:
        with attributing_to(_CERTIFICATE_SIGNING_REQUEST.name):
            signing.check_issuable()
    return signing


def _new_key(reader: Reader) -> NewKey:
    return NewKey(
        subject=read_subject(reader, _SUBJECT),
        alternative_names=read_alternative_names(reader),
        algorithm=reader.choice(KEY_ALGORITHM),
        secret_arn=reader.text(_CREDENTIALS_SECRET_ARN),
    )
