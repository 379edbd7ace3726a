"""The proof of possession that a CA certificate declares."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from iot_certificate_provider.contract import CaCertificateProperty, CertificateMode
from iot_certificate_provider.errors import InvalidPropertyError
from iot_certificate_provider.pki import Certificate, check_issued_by, check_registrable
from iot_certificate_provider.properties.reader import Reader, required


@dataclass(frozen=True)
class VerificationCertificate:
    """Proof of possession that somebody signed outside the deployment."""

    certificate: Certificate


@dataclass(frozen=True)
class VerificationSecret:
    """Proof of possession that the function signs with a key from Secrets Manager."""

    secret_arn: str
    json_field: str | None
    passphrase_secret_arn: str | None


Verification = VerificationCertificate | VerificationSecret


class _VerificationKey(StrEnum):
    SECRET_ARN = "SecretArn"  # noqa: S105 - a property's name
    JSON_FIELD = "JsonField"
    PASSPHRASE_SECRET_ARN = "PassphraseSecretArn"  # noqa: S105 - a property's name
    KMS_KEY_ID = "KmsKeyId"
    CERTIFICATE_AUTHORITY_ARN = "CertificateAuthorityArn"


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


def _verification_key(reader: Reader) -> VerificationSecret:
    key = _VerificationKey
    nested = reader.nested(CaCertificateProperty.VERIFICATION_KEY, _VerificationKey)
    if nested is None:
        raise InvalidPropertyError("VerificationKey", "is empty", "Name the key's secret in VerificationKey.SecretArn")
    for unsupported in (key.KMS_KEY_ID, key.CERTIFICATE_AUTHORITY_ARN):
        if nested.given(unsupported):
            raise InvalidPropertyError(
                f"VerificationKey.{unsupported}", "is not supported yet", "Use VerificationKey.SecretArn"
            )
    return VerificationSecret(
        secret_arn=nested.required_text(key.SECRET_ARN, "Name the secret that holds the CA's private key as PEM"),
        json_field=nested.text(key.JSON_FIELD),
        passphrase_secret_arn=nested.text(key.PASSPHRASE_SECRET_ARN),
    )
