"""The proof of possession that a CA certificate declares."""

from __future__ import annotations

from dataclasses import dataclass

from iot_certificate_provider.contract import CaCertificateProperty, CertificateMode
from iot_certificate_provider.errors import InvalidPropertyError
from iot_certificate_provider.pki import Certificate, check_issued_by, check_registrable
from iot_certificate_provider.properties.ca_key import CaKey, CaKeyProperty, KeyInMemory, read_ca_key
from iot_certificate_provider.properties.reader import Reader, required


@dataclass(frozen=True)
class VerificationCertificate:
    """Proof of possession that somebody signed outside the deployment."""

    certificate: Certificate


Verification = VerificationCertificate | CaKey | KeyInMemory
"""The certificate itself, or the key that the function has it signed with."""


def read_verification(reader: Reader, ca: Certificate | None, mode: CertificateMode) -> Verification | None:
    """Read the one proof that DEFAULT mode needs, and SNI_ONLY must not have."""
    name = CaCertificateProperty
    given = [p for p in (name.VERIFICATION_CERTIFICATE_PEM, name.VERIFICATION_KEY) if reader.given(p)]
    if mode is CertificateMode.SNI_ONLY:
        if given:
            raise InvalidPropertyError(given[0], "is not used with CertificateMode SNI_ONLY", "Leave it out")
        return None
    if not given:
        raise InvalidPropertyError(
            "VerificationKey, VerificationCertificatePem",
            "one is needed as proof of possession of the CA's key",
            "Name the key's secret in VerificationKey.SecretArn, or use CertificateMode SNI_ONLY",
        )
    if len(given) > 1:
        raise InvalidPropertyError(
            "VerificationKey, VerificationCertificatePem",
            "both are given, one proof is enough",
            "Leave one of them out",
        )
    if name.VERIFICATION_KEY in given:
        return _verification_key(reader)
    return _verification_certificate(reader, ca)


def _verification_certificate(reader: Reader, ca: Certificate | None) -> VerificationCertificate:
    name = CaCertificateProperty.VERIFICATION_CERTIFICATE_PEM

    def check(certificate: Certificate) -> None:
        check_registrable(certificate)
        if ca is not None:
            check_issued_by(certificate, ca)

    certificate = reader.certificate(name, check)
    return VerificationCertificate(required(certificate, name, "Give the PEM of the verification certificate"))


def _verification_key(reader: Reader) -> CaKey:
    name = CaCertificateProperty.VERIFICATION_KEY
    nested = reader.nested(name, CaKeyProperty)
    if nested is None:
        raise InvalidPropertyError(name, "is empty", "Name the key's secret in VerificationKey.SecretArn")
    return read_ca_key(nested, name)
