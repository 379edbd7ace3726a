"""The proof of possession that a CA certificate declares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iot_certificate_provider.contract import CaCertificateProperty, CertificateMode
from iot_certificate_provider.frozen import dataclass
from iot_certificate_provider.pki import Certificate, check_issued_by, check_registrable
from iot_certificate_provider.properties.ca_key import (
    CA_KEY_PROPERTIES,
    CA_KEY_RULES,
    CaKey,
    KeyInMemory,
    read_ca_key,
)
from iot_certificate_provider.properties.registration import CA_CERTIFICATE_MODE
from iot_certificate_provider.properties.shapes import Chosen, Forbidden, Given, Map, OneOf, Pem, Rule, Shape, Update

if TYPE_CHECKING:
    from iot_certificate_provider.properties.reader import Reader


@dataclass(frozen=True)
class VerificationCertificate:
    """Proof of possession that was signed outside the deployment."""

    certificate: Certificate


Verification = VerificationCertificate | CaKey | KeyInMemory
"""The certificate itself, or the key that the function has it signed with."""

VERIFICATION_CERTIFICATE_PEM = Pem(
    CaCertificateProperty.VERIFICATION_CERTIFICATE_PEM,
    Certificate,
    about="PEM of a certificate that the CA signed, with the registration code as its common name",
    missing="Give the PEM of the verification certificate",
    update=Update.NOTHING_TO_DO,
)
VERIFICATION_KEY = Map(
    CaCertificateProperty.VERIFICATION_KEY,
    Shape(CA_KEY_PROPERTIES, CA_KEY_RULES),
    about="where the CA's private key is, which signs such a certificate",
    missing="Name the key's secret in VerificationKey.SecretArn",
    update=Update.NOTHING_TO_DO,
    exception="; another private CA without `CACertificatePem`: replacement",
)

_SNI_ONLY = Chosen(CA_CERTIFICATE_MODE, CertificateMode.SNI_ONLY)

VERIFICATION_RULES: tuple[Rule, ...] = (
    *(
        Forbidden(Given(each), when=_SNI_ONLY, problem="is not used with CertificateMode SNI_ONLY")
        for each in (VERIFICATION_CERTIFICATE_PEM, VERIFICATION_KEY)
    ),
    OneOf(
        (VERIFICATION_KEY, VERIFICATION_CERTIFICATE_PEM),
        unless=_SNI_ONLY,
        problem="one is required, as proof of possession of the CA's key",
        fix="Name the key's secret in VerificationKey.SecretArn, or use CertificateMode SNI_ONLY",
        several="both are given, but only one is allowed",
        several_fix="Remove one of them",
    ),
)


def read_verification(reader: Reader, ca: Certificate | None) -> Verification | None:
    """Read the one proof that DEFAULT mode needs, and SNI_ONLY must not have."""

    def check(certificate: Certificate) -> None:
        check_registrable(certificate)
        if ca is not None:
            check_issued_by(certificate, ca)

    key = reader.nested(VERIFICATION_KEY)
    if key is not None:
        return read_ca_key(key)
    certificate = reader.certificate(VERIFICATION_CERTIFICATE_PEM, check)
    return None if certificate is None else VerificationCertificate(certificate)
