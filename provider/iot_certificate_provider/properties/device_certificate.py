"""The properties of ``Custom::IotDeviceCertificate``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from iot_certificate_provider.contract import (
    CertificateMode,
    DeviceCertificateProperty,
    DeviceCertificateStatus,
    ExistingCertificate,
)
from iot_certificate_provider.errors import attributing_to
from iot_certificate_provider.frozen import dataclass
from iot_certificate_provider.pki import Certificate, SigningRequest, check_ca, check_issued_by, check_registrable
from iot_certificate_provider.properties.reader import Reader, required
from iot_certificate_provider.properties.registration import (
    DEVICE_CERTIFICATE_MODE,
    EXISTING_CERTIFICATE,
    POLICY_NAMES,
    THING_NAMES,
    THING_PRINCIPAL,
    check_one_thing,
    signing_request,
)
from iot_certificate_provider.properties.shapes import Choice, Chosen, Forbidden, Given, OneOf, Pem, Shape, Update

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iot_certificate_provider.contract import ThingPrincipalType
    from iot_certificate_provider.properties.shapes import Texts

_NAME = DeviceCertificateProperty

CERTIFICATE_PEM = Pem(
    _NAME.CERTIFICATE_PEM,
    Certificate,
    about="PEM of one certificate",
    update=Update.REPLACEMENT,
    exception=", unless it is the same certificate in other text",
)
CERTIFICATE_SIGNING_REQUEST = signing_request(
    about="PEM of a PKCS #10 request, for which AWS IoT issues the certificate", update=Update.REPLACEMENT
)
CA_CERTIFICATE_PEM = Pem(
    _NAME.CA_CERTIFICATE_PEM,
    Certificate,
    about="PEM of the registered issuer; needed when several registered CAs have its name",
    update=Update.NOTHING_TO_DO,
)
STATUS = Choice(
    _NAME.STATUS,
    DeviceCertificateStatus,
    DeviceCertificateStatus.ACTIVE,
    update=Update.IN_PLACE,
    exception="; `REVOKED` is final",
)

_EITHER = "Give the certificate, or a request to issue one"
_SNI_ONLY = Chosen(DEVICE_CERTIFICATE_MODE, CertificateMode.SNI_ONLY)
_BY_REQUEST = Given(CERTIFICATE_SIGNING_REQUEST)

SHAPE = Shape(
    (
        CERTIFICATE_PEM,
        CERTIFICATE_SIGNING_REQUEST,
        CA_CERTIFICATE_PEM,
        DEVICE_CERTIFICATE_MODE,
        STATUS,
        POLICY_NAMES,
        THING_NAMES,
        THING_PRINCIPAL,
        EXISTING_CERTIFICATE,
    ),
    (
        OneOf(
            (CERTIFICATE_PEM, CERTIFICATE_SIGNING_REQUEST),
            problem="one of them is required",
            fix=_EITHER,
            several="both are given",
            several_fix=_EITHER,
        ),
        Forbidden(
            Given(CA_CERTIFICATE_PEM),
            when=_BY_REQUEST,
            problem="cannot be combined with CertificateSigningRequest, which AWS IoT signs",
        ),
        Forbidden(
            Given(CA_CERTIFICATE_PEM),
            when=_SNI_ONLY,
            problem="cannot be combined with CertificateMode SNI_ONLY, which registers without a CA",
            fix="Remove one of them",
        ),
        Forbidden(
            Chosen(EXISTING_CERTIFICATE, ExistingCertificate.ADOPT),
            when=_BY_REQUEST,
            problem="ADOPT cannot be combined with CertificateSigningRequest",
            fix="Give the certificate's PEM",
        ),
        Forbidden(
            _SNI_ONLY,
            when=_BY_REQUEST,
            problem="SNI_ONLY cannot be combined with CertificateSigningRequest",
            fix="Remove CertificateMode",
        ),
    ),
)


@dataclass(frozen=True)
class DeviceCertificateProperties:
    """The properties of a ``Custom::IotDeviceCertificate``: a certificate, or a request for one."""

    identity: Certificate | SigningRequest
    ca: Certificate | None
    mode: CertificateMode
    status: DeviceCertificateStatus
    policy_names: tuple[str, ...]
    thing_names: tuple[str, ...]
    principal_type: ThingPrincipalType
    existing: ExistingCertificate

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> DeviceCertificateProperties:
        """Read the properties; raise InvalidPropertyError for the first that cannot work."""
        reader = Reader(raw, SHAPE)
        properties = cls(
            identity=_identity(reader),
            ca=reader.certificate(CA_CERTIFICATE_PEM, check_ca),
            mode=reader.choice(DEVICE_CERTIFICATE_MODE),
            status=reader.choice(STATUS),
            policy_names=reader.names(POLICY_NAMES),
            thing_names=reader.names(THING_NAMES),
            principal_type=reader.choice(THING_PRINCIPAL),
            existing=reader.choice(EXISTING_CERTIFICATE),
        )
        _check_issuer(properties)
        check_one_thing(properties.principal_type, properties.thing_names)
        return properties


def _identity(reader: Reader) -> Certificate | SigningRequest:
    if reader.given(CERTIFICATE_SIGNING_REQUEST):
        return required(reader.pem(CERTIFICATE_SIGNING_REQUEST), CERTIFICATE_SIGNING_REQUEST.name, _EITHER)
    return required(reader.certificate(CERTIFICATE_PEM, check_registrable), CERTIFICATE_PEM.name, _EITHER)


def _check_issuer(properties: DeviceCertificateProperties) -> None:
    if isinstance(properties.identity, Certificate) and properties.ca is not None:
        with attributing_to(CERTIFICATE_PEM.name):
            check_issued_by(properties.identity, properties.ca)


def declared_policy_names(raw: Mapping[str, Any]) -> tuple[str, ...]:
    """Read the names in PolicyNames as a Delete needs them: those that can exist, whatever else is wrong."""
    return _declared_names(raw, POLICY_NAMES)


def declared_thing_names(raw: Mapping[str, Any]) -> tuple[str, ...]:
    """Read the names in ThingNames in the same way."""
    return _declared_names(raw, THING_NAMES)


def _declared_names(raw: Mapping[str, Any], declared: Texts) -> tuple[str, ...]:
    names = raw.get(declared.name)
    if not isinstance(names, list):
        return ()
    # Others were refused before anything was attached, and are not fit for a call.
    return tuple(each for each in names if isinstance(each, str) and declared.pattern.fullmatch(each))
